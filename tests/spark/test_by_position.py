"""Columns beside the image may have any name and any type, in every transform."""

from __future__ import annotations

import io
import json

import pyspark
import pytest
from PIL import Image
from pyspark.sql import functions as F

import picsum_vision as pv

pytestmark = pytest.mark.spark

SPARK = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
LOCAL = pv.DownloadOptions(allow_private_addresses=True)
NAMES = [
    "x.y", "a`b", "twice", "twice", "TWICE", "two words", "", "*", "${env:HOME}", "'", "\\", "città", "line\nbreak",
    "picsum_vision_column_0", "answer",
]  # fmt: skip
TYPES = [
    "make_interval(1, 2, 0, 3, 4, 5, 6.000001)",
    "make_interval(-1, -2)",
    "interval '1-2' year to month",
    "interval '-3' month",
    "interval '3 04:05:06' day to second",
    "null",
    "array()",
    "array(null)",
    "array(array())",
    "map('a', null)",
    "struct()",
    "named_struct('a.b', 1, 'c`d', 2)",
    "named_struct('i', make_interval(2), 'm', map('k', array(interval '3' month)))",
    "map(named_struct('x', 1), array(1))",
    "map(date'2020-01-01', binary('a'))",
    "timestamp_ntz'2020-01-01 00:00:00'",
    "timestamp'1500-01-01 00:00:00.000001'",
    "cast(1.5 as decimal(38, 18))",
    "float('nan')",
    "binary('abc')",
    "cast('x' as char(3))",
]
if SPARK >= (4, 0):
    TYPES += ["parse_json('{\"a\": 1}')", "array(parse_json('1'))", "'a' collate UTF8_LCASE", "array('a' collate UNICODE)"]
if SPARK >= (4, 1):
    TYPES += ["time'12:13:14'"]
COLUMNS = [(NAMES[place % len(NAMES)], kind) for place, kind in enumerate(TYPES)]


def picture():
    held = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(held, "PNG")
    return held.getvalue()


@pytest.fixture(scope="module")
def with_bystanders(spark, image_server):
    """Give a function that makes one row: these columns, each a name and a value, in front, then an address and a picture."""

    def made(columns):
        url, image = F.lit(f"{image_server.base_url}/id/1/8/8"), F.lit(picture())
        rows = spark.range(1).select(*(F.expr(kind) for _, kind in columns), url, image)
        return rows.toDF(*(name for name, _ in columns), "image_url", "picture")

    return made


def numbered(df):
    return df.toDF(*(f"c{place}" for place in range(len(df.columns))))


def told(df, number):
    """Return the first columns as text: Python has no object for some of their types."""
    return [row[0] for row in numbered(df).select(F.struct(*numbered(df).columns[:number]).cast("string")).collect()]


def by_ai_query(df):
    pv.register_ai_query(df.sparkSession, pv.PixelDescriber())
    return pv.describe(df, pv.AiQuery("m"), image_col="picture")


TRANSFORMS = {
    "download": (lambda df: pv.download(df, options=LOCAL), ["image_binary", "download_outcome"]),
    "describe": (lambda df: pv.describe(df, pv.PixelDescriber(), image_col="picture"), ["descrizione", "describe_outcome"]),
    "download_and_describe": (
        lambda df: pv.download_and_describe(
            df, pv.PixelDescriber(), download_options=LOCAL, output_col="x_y", outcome_col="how", partitions=1
        ),
        ["download_outcome", "x_y", "how"],
    ),
    "as_spark_images": (lambda df: pv.as_spark_images(df, image_col="picture", output_col="x y.z"), ["x y.z"]),
}
if SPARK >= (4, 0):
    TRANSFORMS["ai_query"] = (by_ai_query, ["descrizione", "describe_outcome"])


def check(transform, df):
    work, added = TRANSFORMS[transform]
    made = work(df)
    assert made.columns == [*df.columns, *added]
    number = len(df.columns)
    assert [kind for _, kind in made.dtypes[:number]] == [kind for _, kind in df.dtypes]
    assert told(made, number) == told(df, number)
    (last,) = numbered(made).select(f"c{number + len(added) - 1}").collect()
    assert last[0].width == 8 if transform == "as_spark_images" else last[0].status == "ok"


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_bystanders_of_any_name_and_type(with_bystanders, transform):
    """Every column beside the image comes out as it went in, whatever its name and type."""
    check(transform, with_bystanders(COLUMNS))


@pytest.mark.soak
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("kind", TYPES)
def test_each_type_under_each_name(with_bystanders, transform, kind):
    """No type depends on the name that its column has."""
    check(transform, with_bystanders([(name, kind) for name in NAMES]))


def test_what_looks_at_some_columns_only(with_bystanders):
    """Gallery, estimate, binary files and groups of images are made beside columns of any name and type."""
    df = with_bystanders([("k.1", "1"), ("k`2", "array(named_struct('x', 'y'))"), *COLUMNS])
    assert pv.display_gallery(df, image_col="picture", text_col="x y").rows == 1
    assert pv.estimate_cost(df, pv.PixelDescriber(), image_col="picture").questions == 1
    assert pv.as_binary_files(df, image_col="picture").first().length == len(picture())
    (row,) = pv.group_images(df, ["k.1", "k`2"], image_col="picture", order_by="k.1", output_col="a.b`c").collect()
    assert bytes(row["a.b`c"][0]) == picture()
    assert row.__fields__ == ["k.1", "k`2", "group_number", "a.b`c"]


@pytest.mark.parametrize("name", ["x.y", "a`b", "two words", "${env:HOME}"])
def test_the_images_own_columns_have_any_name(with_bystanders, name):
    """The columns that are looked at may have such names, too."""
    df = with_bystanders([]).withColumnRenamed("picture", name)
    assert pv.describe(df, pv.PixelDescriber(), image_col=name).first().describe_outcome.status == "ok"
    assert pv.as_spark_images(df, image_col=name).first().image.width == 8
    assert pv.estimate_cost(df, pv.PixelDescriber(), image_col=name).questions == 1
    assert pv.display_gallery(df, image_col=name).rows == 1
    assert len(pv.group_images(df, "image_url", image_col=name).first().images) == 1
    urls = df.select(F.col("image_url").alias(name))
    assert pv.download(urls, url_col=name, options=LOCAL).first().download_outcome.status == "ok"


def test_two_columns_of_the_name_that_is_asked_for(with_bystanders):
    """Which of two columns of one name is meant cannot be known: that is said, before any work."""
    df = with_bystanders([("picture", "binary('a')"), ("image_url", "'a'"), ("key", "1"), ("key", "2")])
    for call in (
        lambda: pv.download(df),
        lambda: pv.describe(df, pv.PixelDescriber(), image_col="picture"),
        lambda: pv.display_gallery(df, image_col="picture"),
        lambda: pv.group_images(df, "key", image_col="picture"),
    ):
        with pytest.raises(pv.ColumnError, match="has 2 columns of this name; rename all but one"):
            call()


def test_what_cannot_travel_or_be_put_in_order(spark, with_bystanders):
    """A type that Spark hands to nobody, or groups by no more, is named with its column."""
    with pytest.raises(pv.ColumnError, match=r"column 'm\.n' is map<void,void>, which Spark cannot hand to Python; cast or drop"):
        pv.download(with_bystanders([("m.n", "map()")]))
    for kind in ("map('a', 1)", "make_interval(1)", "array(map('a', 1))"):
        for setting in ("by", "order_by"):
            with pytest.raises(pv.ColumnError, match=rf"^{setting}: column 'k' is .*, which Spark cannot put in order"):
                pv.group_images(with_bystanders([("k", kind)]), **{"by": "image_url", "image_col": "picture", setting: "k"})
    with pytest.raises(pv.ColumnError, match="output_col: 'IMAGE_URL'"):
        pv.group_images(with_bystanders([]), "image_url", image_col="picture", output_col="IMAGE_URL")


def test_several_requests_over_the_same_rows(with_bystanders):
    """A second answer has its outcome under a name of its own."""
    first = pv.describe(with_bystanders([]), pv.PixelDescriber(), image_col="picture")
    both = pv.describe(first, pv.PixelDescriber(), image_col="picture", output_col="more", outcome_col="more_outcome")
    assert both.columns[-4:] == ["descrizione", "describe_outcome", "more", "more_outcome"]
    assert both.first().more_outcome.status == "ok"
    with pytest.raises(pv.ColumnError, match="describe_outcome: the DataFrame has this column already"):
        pv.describe(first, pv.PixelDescriber(), image_col="picture", output_col="more")
    with pytest.raises(pv.SettingError, match="outcome_col: 'More' is not allowed"):
        pv.describe(first, pv.PixelDescriber(), image_col="picture", output_col="more", outcome_col="More")


@pytest.mark.parametrize("layout", ["webdataset", "huggingface", "files"])
def test_exports_with_columns_of_any_name_and_type(with_bystanders, tmp_path, layout):
    """An export has all columns under their names; one that would take another's place is refused by name."""
    columns = [(f"{name} {kind}", kind) for name, kind in COLUMNS if layout != "huggingface" or kind != "struct()"]
    df = with_bystanders(columns)
    assert pv.export(df, layout, tmp_path / "out", image_col="picture").images == 1
    if layout == "files":
        line = json.loads((tmp_path / "out" / "metadata.jsonl").read_text())
        assert set(line) == {*df.columns, "file_name"} - {"picture"}
    if layout == "huggingface":
        import pyarrow.parquet as pq

        (file,) = (tmp_path / "out" / "data").iterdir()
        assert pq.read_schema(file).names == ["image", *(name for name in df.columns if name != "picture")]
        with pytest.raises(pv.ColumnError, match=r"s: the column is struct<>, which Parquet has no type for"):
            pv.export(with_bystanders([("s", "struct()")]), layout, tmp_path / "other", image_col="picture")
    clashes = {"webdataset": [], "huggingface": ["image", "IMAGE"], "files": ["file_name"]}[layout]
    for name in clashes:
        with pytest.raises(pv.ColumnError, match=f"{name}: the layout '{layout}' writes a column of this name itself; rename"):
            pv.export(with_bystanders([(name, "1")]), layout, tmp_path / "other", image_col="picture")
    with pytest.raises(pv.ColumnError, match="twice: the DataFrame has 2 columns of this name"):
        pv.export(with_bystanders([("twice", "1"), ("twice", "2")]), layout, tmp_path / "other", image_col="picture")
    assert not (tmp_path / "other").exists()
