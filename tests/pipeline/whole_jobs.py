"""What tests of whole jobs share: fresh tables, a small job, and what stands in the tables."""

from __future__ import annotations

import uuid
from pathlib import Path

import picsum_vision as pv
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer

LOCAL = pv.DownloadOptions(allow_private_addresses=True)


def fresh_tables(table_format: str, folder: Path) -> pv.Tables:
    """Return tables that nobody has used."""
    if table_format == "delta":
        return pv.Tables(path=str(folder / "with space"))
    return pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}")


def make_table(spark, store: TableStore, role: str, columns: str) -> None:
    """Make a table of somebody else's, with these columns."""
    if store.tables.path is None:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {store.tables.catalog}.{store.tables.schema}")
    using = f"USING {store.using}" if store.using else ""
    spark.sql(f"CREATE TABLE {store.name(role)} ({columns}) {using}")


def job(tables: pv.Tables, server: ImageServer, **settings) -> pv.PipelineConfig:
    """Return a job of 24 small pictures, two of which do not exist."""
    defaults = {"images": 24, "start": 80, "width": 64, "height": 48, "partitions": 2, "download": LOCAL}
    return pv.PipelineConfig(tables=tables, base_url=server.base_url, **(defaults | settings))


def rows_of(spark, tables: pv.Tables, role: str):
    """Return a table's rows."""
    return TableStore(spark, tables).read(role).collect()


def check_one_row_each(spark, tables: pv.Tables, rows: int) -> None:
    """Assert that each table has so many rows and no address twice."""
    for role in ("image_urls", "image_codes", "image_desc"):
        addresses = [row.image_url for row in TableStore(spark, tables).read(role).select("image_url").collect()]
        assert len(addresses) == len(set(addresses)) == rows, role
