"""The image column as Spark's own data sources give it: `image`, with pixels, and `binaryFile`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from PIL import Image
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, DataType, IntegerType, StringType, StructField, StructType

from picsum_vision.images.decoding import decoding, open_image
from picsum_vision.images.facts import BadImage
from picsum_vision.spark.by_position import ByPosition
from picsum_vision.spark.columns import check_input, check_output
from picsum_vision.validation import check_integer, check_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# OpenCV's numbers for bytes in 1, 3 (blue, green, red) and 4 channels (the same and alpha).
_MODES: Final = {1: 0, 3: 16, 4: 24}
_CHANNELS: Final = {"L": 1, "RGB": 3, "RGBA": 4}
SPARK_IMAGE: Final[DataType] = StructType(
    [
        StructField("origin", StringType()),
        StructField("height", IntegerType()),
        StructField("width", IntegerType()),
        StructField("nChannels", IntegerType()),
        StructField("mode", IntegerType()),
        StructField("data", BinaryType()),
    ]
)
_ARROW_IMAGE: Final = pa.struct(
    [
        ("origin", pa.string()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("nChannels", pa.int32()),
        ("mode", pa.int32()),
        ("data", pa.binary()),
    ]
)


def as_spark_images(
    df: DataFrame,
    *,
    image_col: str = "image_binary",
    url_col: str = "image_url",
    output_col: str = "image",
    max_pixels: int = 100_000_000,
) -> DataFrame:
    """Add the images as Spark's `image` data source gives them, for Spark ML and whoever reads its ImageSchema.

    Parameters
    ----------
    df
        Rows with a BINARY column `image_col` of encoded images, and a STRING column `url_col`.
    output_col
        The name of the new column.
    max_pixels
        Width x height; a larger image is not decoded.

    Returns
    -------
    DataFrame
        Every input row once, with every input column, plus `output_col STRUCT<origin, height, width, nChannels, mode, data>`: the
        decoded pixels, row by row, as grey, BGR or BGRA bytes, `origin` the URL. NULL where there is no picture. Pixels take
        width x height x channels bytes a row, 1.4 MB for 800 x 600: drop `image_col` if it is not needed.

    Raises
    ------
    ColumnError, SettingError
        If a column or a setting is wrong.

    """
    image_col = check_input("image_col", df, image_col, "binary")
    url_col = check_input("url_col", df, url_col, "string")
    check_text("output_col", output_col)
    check_output(df, [output_col])
    check_integer("max_pixels", max_pixels, minimum=1)
    rows = ByPosition(df)
    work = _decoding(rows.name(image_col), rows.name(url_col), max_pixels)
    return rows.restored(rows.mapped(rows.df, work, {"image": SPARK_IMAGE}), [output_col])


def as_binary_files(df: DataFrame, *, image_col: str = "image_binary", url_col: str = "image_url") -> DataFrame:
    """Return the images with the columns of Spark's `binaryFile` data source, for code that reads image files with it.

    Parameters
    ----------
    df
        Rows with a BINARY column `image_col` and a STRING column `url_col`; `download_outcome`, where it is, says when.

    Returns
    -------
    DataFrame
        `path STRING` (the URL), `modificationTime TIMESTAMP` (when it was fetched, NULL if unknown), `length BIGINT` in bytes,
        `content BINARY`; only the rows that have an image, as there are no files of the others.

    Raises
    ------
    ColumnError
        If a column is missing or of another type.

    """
    image_col = check_input("image_col", df, image_col, "binary")
    url_col = check_input("url_col", df, url_col, "string")
    rows = ByPosition(df)
    image = rows.column(image_col)
    has_moment = "finished_at:timestamp" in dict(df.dtypes).get("download_outcome", "")
    moment = rows.column("download_outcome")["finished_at"] if has_moment else F.lit(None).cast("timestamp_ltz")
    return rows.df.where(image.isNotNull()).select(
        rows.column(url_col).alias("path"),
        moment.alias("modificationTime"),
        F.length(image).cast("long").alias("length"),
        image.alias("content"),
    )


def _decoding(image_col: str, url_col: str, max_pixels: int) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def decode(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            # One row at a time: pixels take many times the bytes of the encoded image.
            for place in range(batch.num_rows):
                row = batch.slice(place, 1)
                image = _pixels(row.column(image_col)[0].as_py(), row.column(url_col)[0].as_py(), max_pixels)
                fields = [*row.schema, pa.field("image", _ARROW_IMAGE)]
                yield pa.RecordBatch.from_arrays([*row.columns, pa.array([image], _ARROW_IMAGE)], schema=pa.schema(fields))

    return decode


def _pixels(data: bytes | None, url: str | None, max_pixels: int) -> dict[str, object] | None:
    if not data:
        return None
    try:
        picture = _decoded(data, max_pixels)
    except BadImage:
        return None
    channels = _CHANNELS[picture.mode]
    pixels = np.asarray(picture)
    if channels > 1:
        pixels = pixels[:, :, [2, 1, 0, 3][:channels]]
    return {
        "origin": url,
        "height": picture.height,
        "width": picture.width,
        "nChannels": channels,
        "mode": _MODES[channels],
        "data": pixels.tobytes(),
    }


def _decoded(data: bytes, max_pixels: int) -> Image.Image:
    opened, facts = open_image(data, max_pixels=max_pixels)
    with decoding(facts.content_type):
        opened.load()
        has_alpha = "A" in opened.getbands() or "transparency" in opened.info
        mode = "RGBA" if has_alpha else "L" if opened.mode in ("1", "L") else "RGB"
        return opened if opened.mode == mode else opened.convert(mode)
