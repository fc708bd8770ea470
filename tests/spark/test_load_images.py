"""Every file that a path names is a row, whatever its name, and images in Parquet are rows, too."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import picsum_vision as pv
from picsum_vision.spark.load_images import _of_spark

pytestmark = pytest.mark.spark


def picture(colour=200):
    held = io.BytesIO()
    Image.new("RGB", (8, 8), (colour, 30, 30)).save(held, "PNG")
    return held.getvalue()


def statuses(df):
    return {row.image_url: row.download_outcome.status for row in df.collect()}


NAMES = [
    "a.png",
    "_b.png",
    ".c.png",
    "d:e.png",
    "[f].png",
    "{g,h}.png",
    "i*?.png",
    "sp ace %20 é.png",
    "_below/.deep/j.png",
    "k\\l.png",
]


@pytest.fixture
def folder(tmp_path):
    """Give a folder with a picture under each name, an empty file, a pipe and a link to nothing."""
    for name in NAMES:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(picture())
    (tmp_path / "in" / "empty.png").touch()
    os.mkfifo(tmp_path / "in" / "pipe.png")
    (tmp_path / "in" / "link.png").symlink_to("nowhere")
    Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/\xff.png")).write_bytes(picture())
    return tmp_path / "in"


def test_every_file_of_a_folder_is_a_row(spark, folder):
    """Hidden files, empty ones, what is no file and names of any characters are rows, each with its outcome."""
    expected = {f"file:{folder}/{name}": "ok" for name in [*NAMES, "?.png"]} | {f"file:{folder}/empty.png": "empty"}
    expected |= {f"file:{folder}/{name}": "internal" for name in ("pipe.png", "link.png")}
    for path in (folder, str(folder), [folder], f"file:{folder}"):
        assert statuses(pv.load_images(spark, path)) == expected
    told = {Path(row.image_url).name: row.download_outcome.message for row in pv.load_images(spark, folder).collect()}
    assert told["link.png"] == "cannot be read: No such file or directory"
    assert told["pipe.png"] == "cannot be read: it is no file"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_by_its_name(spark, folder, name):
    """A name that is there is no pattern."""
    assert statuses(pv.load_images(spark, folder / name)) == {f"file:{folder}/{name}": "ok"}


def test_patterns(spark, folder, tmp_path):
    """A pattern matches as Spark's do, and one that matches nothing is refused."""
    for pattern, names in (
        ("[ab]*.png", ["a.png"]), ("{a,_b}.png", ["a.png", "_b.png"]), ("?:e.png", ["d:e.png"]),
        ("_below", ["_below/.deep/j.png"]),
        ("*/*/j.{png,jpg}", ["_below/.deep/j.png"]),
    ):  # fmt: skip
        assert statuses(pv.load_images(spark, folder / pattern)) == {f"file:{folder}/{name}": "ok" for name in names}
    (tmp_path / "nothing").mkdir()
    for path in (folder / "*.gif", tmp_path / "nothing", "s3://bucket/x", "nowhere://bucket/x"):
        with pytest.raises(pv.SettingError, match=r"^path: '"):
            pv.load_images(spark, path)
    for path in ([], "", 5, [None]):
        with pytest.raises(pv.SettingError, match=r"^path: "):
            pv.load_images(spark, path)


def test_files_that_only_spark_can_reach(spark, tmp_path):
    """Where Spark lists the files an empty one is a row, too, once."""
    for name, data in (("a.png", picture()), ("empty 1%.png", b""), ("empty+é.png", b""), ("large.png", b"x" * 5_000)):
        (tmp_path / name).write_bytes(data)
    found = {row.path: (row.length, row.content) for row in _of_spark(spark, [str(tmp_path)], 1_000, "image").collect()}
    assert found == {
        f"file:{tmp_path}/a.png": (len(picture()), picture()),
        f"file:{tmp_path}/empty 1%.png": (0, b""),
        f"file:{tmp_path}/empty+é.png": (0, b""),
        f"file:{tmp_path}/large.png": (5_000, None),
    }


def test_what_spark_reads_leaves_out_large_files(spark, tmp_path):
    """A file above max_bytes is listed without being read."""
    (tmp_path / "small.jpg").write_bytes(b"x" * 10)
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(3 << 30)  # takes no room on the disk
    found = _of_spark(spark, [str(tmp_path)], 50_000, "image")
    assert {row.path.rsplit("/", 1)[1]: row.content is None for row in found.collect()} == {"small.jpg": False, "huge.jpg": True}


def test_a_data_set_of_hugging_face(spark, tmp_path):
    """A folder as `datasets` keeps it is read row by row, beside columns of types that Spark does not know."""
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("words")
    rows = [
        {"bytes": picture(), "path": "one.png"},
        {"bytes": picture(9), "path": None},
        None,
        {"bytes": b"", "path": "none.png"},
    ]
    table = {"image": pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())])), "label": pa.array(range(4))}
    for number, other in enumerate((pa.array(range(4), pa.int32()), pa.array(range(4), pa.time64("ns")))):
        pq.write_table(pa.table({**table, "other": other}), tmp_path / "data" / f"train-{number}.parquet")
        images = pv.load_images(spark, tmp_path / "data" / f"train-{number}.parquet")
        row = f"file:{tmp_path}/data/train-{number}.parquet#"
        assert statuses(images) == {"one.png": "ok", f"{row}1": "ok", f"{row}2": "empty", "none.png": "empty"}
    assert pv.load_images(spark, tmp_path).count() == 8
    with pytest.raises(
        pv.ColumnError, match="image_col: 'label' is no BINARY or STRUCT<bytes, path> column of these Parquet files"
    ):
        pv.load_images(spark, tmp_path / "data" / "train-0.parquet", image_col="label")


def test_an_export_comes_back(spark, tmp_path):
    """What `export` writes for Hugging Face is read again, and as a list of addresses."""
    df = spark.createDataFrame([("https://h.example/a", bytearray(picture()))], "image_url STRING, image_binary BINARY")
    pv.export(df, "huggingface", tmp_path / "out")
    assert set(statuses(pv.load_images(spark, tmp_path / "out")).values()) == {"ok"}
    from picsum_vision.spark.url_sources import urls_from

    assert urls_from(spark, str(tmp_path / "out"), "image_url").rows == 1
    with pytest.raises(pv.ColumnError, match=r"the images in 'image' come through load_images\(spark, path\)"):
        urls_from(spark, str(tmp_path / "out"), "photo")
