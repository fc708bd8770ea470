"""The image column as Spark's own data sources give it."""

from __future__ import annotations

import io

import pytest
from PIL import Image

import picsum_vision as pv

pytestmark = pytest.mark.spark


def saved(image, kind="PNG"):
    held = io.BytesIO()
    image.save(held, kind)
    return held.getvalue()


@pytest.fixture(scope="module")
def pictures():
    """Give pictures without loss in the four ways that their pixels are kept."""
    pixels = bytes(value for y in range(5) for x in range(7) for value in (x * 30, y * 40, 200))
    colours = Image.frombytes("RGB", (7, 5), pixels)
    return {
        "rgb": saved(colours),
        "rgba": saved(Image.merge("RGBA", [*colours.split(), Image.new("L", (7, 5), 128)])),
        "grey": saved(colours.convert("L")),
        "gif": saved(colours.convert("P"), "GIF"),
    }


def frame(spark, pictures):
    rows = [(name, bytearray(data)) for name, data in pictures.items()]
    rows += [("none", None), ("text", bytearray(b"no picture"))]
    return spark.createDataFrame(rows, "image_url STRING, image_binary BINARY")


def test_images_are_those_of_the_image_data_source(spark, pictures, tmp_path):
    """Type and pixels are those that `format("image")` reads from the same files; what is no picture is NULL."""
    for name, data in pictures.items():
        (tmp_path / name).write_bytes(data)
    read = spark.read.format("image").load(str(tmp_path))
    theirs = {row.image.origin.rsplit("/", 1)[1]: row.image for row in read.collect()}
    images = pv.as_spark_images(frame(spark, pictures))
    assert images.schema["image"].dataType.simpleString() == read.schema["image"].dataType.simpleString()
    ours = {row.image_url: row.image for row in images.collect()}
    assert (ours.pop("none"), ours.pop("text")) == (None, None)
    fields = ("height", "width", "nChannels", "mode", "data")
    for name in ("rgb", "rgba", "grey"):
        assert {field: ours[name][field] for field in fields} == {field: theirs[name][field] for field in fields}
        assert ours[name].origin == name
    assert len(ours) == 4


def test_spark_mls_image_schema(spark, pictures):
    """Spark ML's ImageSchema turns the struct into an array of height, width and channels."""
    pytest.importorskip("pyspark.ml.image")
    from pyspark.ml.image import ImageSchema

    (row,) = pv.as_spark_images(frame(spark, {"rgb": pictures["rgb"]})).where("image IS NOT NULL").collect()
    array = ImageSchema.toNDArray(row.image)
    assert array.shape == (5, 7, 3)
    assert list(array[1, 2]) == [200, 40, 60]


def test_binary_files_are_those_of_the_data_source(spark, pictures, image_server, tmp_path):
    """The columns are those of `format("binaryFile")`, in name, type and order, with a row for each image."""
    (tmp_path / "a.png").write_bytes(pictures["rgb"])
    urls = spark.createDataFrame([(f"{image_server.base_url}/seed/1/8/8",), (None,)], "image_url STRING")
    rows = pv.as_binary_files(pv.download(urls, options=pv.DownloadOptions(allow_private_addresses=True)))
    read = spark.read.format("binaryFile").load(str(tmp_path))
    assert rows.dtypes == read.dtypes
    (row,) = rows.collect()
    assert row.length == len(row.content)
    assert row.modificationTime is not None
    assert {row.path for row in pv.as_binary_files(frame(spark, pictures)).collect()} == {*pictures, "text"}


def test_wrong_columns(spark, pictures):
    """A column that is missing, of another type or in the way is refused at once."""
    df = frame(spark, pictures)
    with pytest.raises(pv.ColumnError, match="image: the DataFrame has this column already"):
        pv.as_spark_images(df.withColumnRenamed("image_url", "image"), url_col="image")
    with pytest.raises(pv.ColumnError, match="image_col: column 'image_url' is string"):
        pv.as_binary_files(df, image_col="image_url")
