"""Thumbnails made where the images are: the workers send small pictures on, and no image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyspark.sql.types import BinaryType, StructField, StructType

from picsum_vision.images.facts import BadImage
from picsum_vision.images.thumbnails import ThumbnailSize, thumbnail

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

THUMBNAIL: Final = "thumbnail"


def with_thumbnails(df: DataFrame, image_col: str, size: ThumbnailSize) -> DataFrame:
    """Return every row once with `thumbnail BINARY` in the place of `image_col`; NULL where there is no picture to be seen."""
    fields = [StructField(THUMBNAIL, BinaryType()) if field.name == image_col else field for field in df.schema.fields]
    return df.mapInArrow(_shrinking(image_col, size), StructType(fields))


def _shrinking(image_col: str, size: ThumbnailSize) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def shrink(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            yield _shrunk(batch, image_col, size)

    return shrink


def _shrunk(batch: pa.RecordBatch, image_col: str, size: ThumbnailSize) -> pa.RecordBatch:
    place = batch.schema.get_field_index(image_col)
    # One image at a time becomes an object of Python's.
    small = pa.array([_small(image.as_py(), size) for image in batch.column(place)], pa.binary())
    columns, fields = list(batch.columns), list(batch.schema)
    columns[place], fields[place] = small, pa.field(THUMBNAIL, pa.binary())
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _small(data: bytes | None, size: ThumbnailSize) -> bytes | None:
    if not data:
        return None
    try:
        return thumbnail(data, size)
    except BadImage:
        return None  # its outcome says what it is
