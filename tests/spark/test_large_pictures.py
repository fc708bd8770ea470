"""Tables of large pictures are written in pieces that a small heap can hold."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.spark
MB = 1_000_000


def two_megabytes(batches):
    for batch in batches:
        noise = [os.urandom(2 * MB) for _ in range(batch.num_rows)]
        for one in noise:
            yield pa.RecordBatch.from_pylist([{"image_binary": one}])


@pytest.mark.parametrize("table_format", ["parquet", "iceberg"])
def test_row_groups_are_bounded_in_bytes(spark, tmp_path: Path, table_format: str):
    """Forty pictures of 2 MB are several row groups of about 16 MB, not one of 80 MB."""
    pictures = spark.range(40).repartition(1).mapInArrow(two_megabytes, "image_binary binary")
    if table_format == "parquet":
        pictures.write.parquet(str(tmp_path / "pictures"))
        files = list((tmp_path / "pictures").glob("*.parquet"))
    else:
        spark.sql("CREATE SCHEMA IF NOT EXISTS platform_catalog.large")
        pictures.writeTo("platform_catalog.large.pictures").createOrReplace()
        files = [
            Path(row.file_path) for row in spark.sql("SELECT file_path FROM platform_catalog.large.pictures.files").collect()
        ]
        files = [Path(str(file).removeprefix("file:")) for file in files]
    metadata = [pq.ParquetFile(file).metadata for file in files]
    groups = [data.row_group(number).total_byte_size for data in metadata for number in range(data.num_row_groups)]
    assert sum(groups) >= 80 * MB
    assert max(groups) <= 30 * MB
