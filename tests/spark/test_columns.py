"""Wrong columns and settings are refused on the driver, before any work."""

from __future__ import annotations

import pyspark
import pytest

import picsum_vision as pv
from picsum_vision.spark.url_sources import urls_from


@pytest.fixture(scope="module")
def urls(spark):
    return spark.createDataFrame([("http://127.0.0.1:9/x", 1)], "image_url STRING, number INT")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("image_ur", "url_col: no column 'image_ur'; there are: image_url, number (did you mean \"image_url\"?)"),
        ("number", "url_col: column 'number' is int; it must be string"),
        ("", "url_col: '' is not allowed"),
        (None, "url_col: None is not allowed"),
    ],
)
def test_a_wrong_url_column_is_named(urls, column, message):
    """A column that is missing or of another type is one line that names it and what is there."""
    with pytest.raises(pv.SettingError) as caught:
        pv.download(urls, url_col=column)
    assert message in str(caught.value)


def test_a_column_in_the_way_is_named(urls):
    """A DataFrame that has a column of the same name already, in any case, is refused."""
    with pytest.raises(pv.ColumnError, match="image_binary: the DataFrame has this column already"):
        pv.download(urls.withColumnRenamed("number", "IMAGE_BINARY"))


@pytest.mark.parametrize("collation", ["", " COLLATE UTF8_LCASE"])
def test_a_column_may_be_written_in_another_case_and_be_any_text(spark, image_server, collation):
    """IMAGE_URL is image_url where the session does not tell case apart; a collation makes a text no other type (Spark 4)."""
    if collation and spark.version.startswith("3"):
        pytest.skip("Spark 3 has no collations")
    df = spark.sql(f"SELECT '{image_server.base_url}/id/1/9/9'{collation} AS IMAGE_URL, 1 AS n")
    images = pv.download(df, options=pv.DownloadOptions(allow_private_addresses=True)).withColumnRenamed(
        "image_binary", "Picture"
    )
    (row,) = pv.describe(images, pv.PixelDescriber(), image_col="PICTURE").collect()
    assert (row["download_outcome"]["status"], row["describe_outcome"]["status"], row["n"]) == ("ok", "ok", 1)
    assert pv.as_spark_images(images, image_col="picture").count() == 1
    assert pv.group_images(images, "N", image_col="picture").count() == 1
    addresses = df.select("image_url").union(df.selectExpr("upper(image_url)"))
    assert pv.estimate_cost(addresses, pv.ChatCompletions("https://h/v1", "m", send="url"), image_col="image_url").rows == 2


@pytest.mark.skipif(pyspark.__version__.startswith("3"), reason="Spark 3 has no collations")
def test_a_collation_makes_no_two_addresses_one(spark):
    """Addresses that differ in case are two, whatever the collation of their column says."""
    spark.sql("SELECT a COLLATE UTF8_LCASE AS u FROM VALUES ('https://h/a'), ('https://h/A') AS v(a)").createOrReplaceTempView(
        "collated"
    )
    found = urls_from(spark, "collated", "U").urls
    assert (found.count(), found.dtypes) == (2, [("image_url", "string")])


def test_images_must_be_binary(urls):
    """Describe takes bytes, not addresses, and says so."""
    with pytest.raises(pv.ColumnError, match="image_col: column 'image_url' is string; it must be binary"):
        pv.describe(urls, pv.PixelDescriber(), image_col="image_url")


@pytest.mark.parametrize("task", [pv.ListObjects(), pv.Classify(), pv.Sentiment()])
def test_pixels_answer_no_question_that_needs_a_model(urls, task):
    """PixelDescriber refuses at once what it could only make up."""
    with pytest.raises(pv.SettingError, match="PixelDescriber has none"):
        pv.download_and_describe(urls, pv.PixelDescriber(), task=task)


def test_a_key_is_not_taken_as_text():
    """A key in the place of a Secret is refused without being repeated."""
    with pytest.raises(pv.SettingError) as caught:
        pv.ChatCompletions("http://127.0.0.1:9", "m", api_key="sk-very-secret")
    assert "sk-very-secret" not in str(caught.value)
    assert "Secret.env" in str(caught.value)


@pytest.mark.parametrize(("by_mistake", "message"), [({"options": {}}, "options: dict"), ({"partitions": 0}, "partitions: 0")])
def test_wrong_options_are_named(urls, by_mistake, message):
    """Options of another kind are refused by name."""
    with pytest.raises(pv.SettingError, match=message):
        pv.download(urls, **by_mistake)
