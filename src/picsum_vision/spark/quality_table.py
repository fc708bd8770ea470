"""The table `image_quality`: the measures of each run, one row a measure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from picsum_vision.quality import MEANINGS, Quality
from picsum_vision.sql_text import identifier, literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.spark.tables import TableStore

QUALITY_TABLE: Final = "image_quality"
_COMMENT: Final = "What can be told of the rows of each run, one row a measure"
_COLUMNS: Final = (
    ("run_id", "STRING", "The run, see image_runs"),
    ("checked_at", "TIMESTAMP_LTZ", "By the clock of the driver"),
    ("measure", "STRING", "What was counted"),
    ("value", "DOUBLE", "How many rows, or a share from 0 to 1"),
    ("at_least", "DOUBLE", "What was asked for: min_ok_share for ok_share, NULL where nothing was"),
    ("passed", "BOOLEAN", "Whether the value is at least that; NULL where nothing was asked for"),
    ("meaning", "STRING", "The rule"),
)


def prepare_quality_table(store: TableStore) -> None:
    """Make the table where it is missing; raise TableProblem, before any work, if its columns take no measures."""
    store.make(QUALITY_TABLE, _COLUMNS, _COMMENT)


def add_quality(spark: SparkSession, store: TableStore, run_id: str, quality: Quality, *, min_ok_share: float | None) -> None:
    """Add a run's measures to the table."""
    now = literal(dt.datetime.now(dt.timezone.utc).isoformat())
    rows = []
    for measure, value in quality.as_dict().items():
        wanted = min_ok_share if measure == "ok_share" else None
        passed = "NULL" if wanted is None else str(value >= wanted)
        at_least = "NULL" if wanted is None else repr(float(wanted))
        values = (literal(run_id), now, literal(measure), repr(float(value)), at_least, passed, literal(MEANINGS[measure]))
        rows.append(f"({', '.join(values)})")
    names = [identifier(name) for name, _, _ in _COLUMNS]
    casts = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, (_, kind, _) in zip(names, _COLUMNS, strict=True))
    statement = f"SELECT {casts} FROM VALUES {', '.join(rows)} AS measures({', '.join(names)})"  # noqa: S608 - escaped
    store.append_missing(QUALITY_TABLE, spark.sql(statement), "run_id", none_is_there=True)
