"""Parquet as Hugging Face's `datasets` writes it: an image is a struct of bytes and path, and the schema says that it is one."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructField, StructType

from picsum_vision.errors import ColumnError
from picsum_vision.exporting.shards import ExportedRow
from picsum_vision.spark.arrow_arrays import bytes_array, text_array

IMAGE: Final = "image"
# What `datasets` itself takes for images: the viewer and shuffling readers load a group at a time.
_ROWS_OF_A_GROUP: Final = 100
_BYTES_OF_A_GROUP: Final = 32_000_000
_IMAGE_TYPE: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FEATURES: Final = {b"huggingface": json.dumps({"info": {"features": {IMAGE: {"_type": "Image"}}}}).encode()}


class ParquetShard:
    """`image STRUCT<bytes, path>` and the other columns as they are.

    Invariant: in memory are the rows of one group, at most 100 and 32 MB, or one image.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Open nothing yet: the first row says which columns there are."""
        self._path = folder / name
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[tuple[str, ExportedRow]] = []
        self._held_bytes = self._written_bytes = 0

    def size_with(self, row: ExportedRow) -> int:
        """Return about the bytes of the images with this one."""
        return self._written_bytes + self._held_bytes + _size(row)

    def write(self, key: str, row: ExportedRow) -> None:
        """Add a row."""
        if self._rows and (len(self._rows) >= _ROWS_OF_A_GROUP or self._held_bytes + _size(row) > _BYTES_OF_A_GROUP):
            self._write_group()
        self._rows.append((f"{key}.{row.extension}", row))
        self._held_bytes += _size(row)

    def close(self) -> int:
        """Write the last group and the footer."""
        self._write_group()
        assert self._writer is not None  # noqa: S101 - a shard is opened for a row
        self._writer.close()
        return self._path.stat().st_size

    def abort(self) -> None:
        """Let go of the file."""
        if self._writer is not None:
            self._writer.close()

    def _write_group(self) -> None:
        table = _table(self._rows)
        if self._writer is None:
            # Neither dictionaries nor the smallest and largest image are of use to anybody.
            self._writer = pq.ParquetWriter(self._path, table.schema, use_dictionary=False, write_statistics=False)
        self._writer.write_table(table)
        self._written_bytes += self._held_bytes
        self._rows, self._held_bytes = [], 0


def _table(rows: list[tuple[str, ExportedRow]]) -> pa.Table:
    names = text_array([name for name, _ in rows])
    images = pa.StructArray.from_arrays(
        [bytes_array([row.image for _, row in rows], pa.binary()), names], fields=list(_IMAGE_TYPE)
    )
    arrays, fields = [images], [pa.field(IMAGE, _IMAGE_TYPE)]
    structs = [row.columns for _, row in rows if row.columns is not None]
    if structs:
        together = pa.concat_arrays(structs)
        arrays += together.flatten()
        fields += list(together.type)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=_FEATURES))


def _size(row: ExportedRow) -> int:
    return len(row.image) + (0 if row.columns is None else row.columns.nbytes)


def check_column(name: str, field: StructField) -> None:
    """Refuse a column that Parquet has no type for."""
    try:
        pq.ParquetWriter(io.BytesIO(), to_arrow_schema(StructType([field]))).close()
    except pa.ArrowNotImplementedError as error:
        raise ColumnError(
            f"{name}: the column is {field.dataType.simpleString()}, which Parquet has no type for; drop it"
        ) from error
