"""Which source `mode="overwrite"` may have: it is read while the tables are emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picsum_vision.errors import SettingError
from picsum_vision.spark.tables import TableStore
from picsum_vision.sql_text import is_name, name_parts
from picsum_vision.table_columns import COLUMNS, KEY
from picsum_vision.table_names import Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from picsum_vision.config import PipelineConfig


def check_source(spark: SparkSession, config: PipelineConfig, asked: DataFrame) -> None:
    """Refuse to begin anew from one of the tables that would be emptied, and from a source without an address."""
    if config.mode != "overwrite" or config.urls_from is None:
        return
    if _is_one_of(spark, config.tables, config.urls_from):
        raise SettingError(
            f"urls_from: {config.urls_from!r} is not allowed with mode 'overwrite' (--overwrite), which empties that table; keep "
            "its addresses in a table of another name, or leave the mode out: retry_permanent tries again all that failed"
        )
    # A view over the tables has none, either, where a run that emptied them was ended before it was done.
    if not asked.take(1):
        raise SettingError(
            f"urls_from: {config.urls_from!r} has no addresses, and mode 'overwrite' (--overwrite) would only empty the tables; "
            "give it some, or leave the mode out"
        )


def emptied(store: TableStore, asked: DataFrame) -> DataFrame:
    """Empty the tables but for the addresses that are asked for, and return these as image_urls has them.

    The source may be a view over the tables: it is read before anything is deleted, and not again.
    """
    store.replace_all("image_urls", asked)
    for role in reversed(COLUMNS):
        if role != "image_urls":
            store.delete_all(role)
    return store.read("image_urls").select(KEY)


def _is_one_of(spark: SparkSession, tables: Tables, source: str) -> bool:
    """Return whether a table's name is that of one of the job's; what it leaves out is the session's current one."""
    if tables.path is not None or not is_name(source):
        return False
    *before, name = name_parts(source.lower())
    current = [spark.catalog.currentCatalog(), spark.catalog.currentDatabase()]
    place = [*current[: 2 - len(before)], *before]
    ours = {getattr(tables, role).lower() for role in COLUMNS}
    return name in ours and [part.lower() for part in place] == [tables.catalog.lower(), tables.schema.lower()]
