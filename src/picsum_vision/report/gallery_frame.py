"""The gallery's rows, read through Spark: at most so many, with thumbnails that the workers make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F
from pyspark.sql.types import StructType, TimestampType

from picsum_vision.images.thumbnails import ThumbnailSize
from picsum_vision.report.gallery_rows import GalleryRow, GalleryRows, in_order
from picsum_vision.spark.newest_answers import newest_answers
from picsum_vision.spark.thumbnails import THUMBNAIL, with_thumbnails
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from picsum_vision.spark.tables import TableStore

_BYTES_OF_ALL: Final = 40_000_000
_BYTES_OF_ONE: Final = 16_000


def size_for(rows: int, *, bytes_of_all: int = _BYTES_OF_ALL) -> ThumbnailSize:
    """Return how large a thumbnail may be so that so many of them stay within a page that opens at once."""
    return ThumbnailSize(max_bytes=min(_BYTES_OF_ONE, bytes_of_all // max(1, rows)))


def rows_of_tables(store: TableStore, asked: DataFrame, *, max_rows: int) -> GalleryRows:
    """Return the rows of the addresses in `asked`; of more than `max_rows` a sample that is the same every time."""
    keys = asked.select(KEY).distinct()
    of_rows = keys.count()
    if of_rows > max_rows:
        keys = keys.orderBy(F.xxhash64(KEY), KEY).limit(max_rows)
    images, answers = store.among("image_codes", keys), newest_answers(store.among("image_desc", keys))
    small = with_thumbnails(
        images.select(KEY, "image_binary", outcome_fields(images, "download_outcome").alias("download")),
        "image_binary",
        size_for(min(of_rows, max_rows)),
    )
    texts = answers.select(KEY, F.col("descrizione").alias("text"), outcome_fields(answers, "describe_outcome").alias("describe"))
    # A picture that the notebook wrote twice is shown once.
    found: dict[str | None, dict[str, Any]] = {row[KEY]: {} for row in keys.collect()}
    for row in (*small.collect(), *texts.collect()):
        found[row[KEY]] |= row.asDict(recursive=True)
    return GalleryRows(rows=in_order(gallery_row(key, row) for key, row in found.items()), of_rows=of_rows)


def gallery_row(url: str | None, row: dict[str, Any]) -> GalleryRow:
    """Return the row of what was read."""
    picture = row.get(THUMBNAIL)
    return GalleryRow(
        url=url,
        thumbnail=None if picture is None else bytes(picture),
        text=row.get("text"),
        download=row.get("download"),
        describe=row.get("describe"),
    )


def outcome_fields(df: DataFrame, outcome: str) -> Column:
    """Return an outcome as the page has it, with its moment in microseconds, which no time zone changes."""
    kind = df.schema[outcome].dataType
    found = [(field.name, F.col(outcome)[field.name], field.dataType) for field in (kind if isinstance(kind, StructType) else [])]
    fields = [(F.unix_micros(value) if isinstance(kind, TimestampType) else value).alias(name) for name, value, kind in found]
    return F.when(F.col(outcome).isNotNull(), F.struct(*fields))
