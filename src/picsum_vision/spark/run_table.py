"""The table `image_runs`: a row for each run, from its start on."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from picsum_vision.sql_text import identifier, literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.spark.tables import TableStore

RUN_TABLE: Final = "image_runs"
RUNNING, ABANDONED = "running", "abandoned"
_COMMENT: Final = "Runs of the job, one row each"
_COLUMNS: Final = (
    ("run_id", "STRING", "The run"),
    (
        "state",
        "STRING",
        "running, ok, share_missed (min_ok_share), failed (or no row is ok), or abandoned: interrupted",
    ),
    ("started_at", "TIMESTAMP_LTZ", "By the clock of the driver"),
    ("ended_at", "TIMESTAMP_LTZ", "By the clock of the driver; NULL of a run that is running or abandoned"),
    ("images_table", "STRING", "The table of images that it worked on"),
    ("stream", "STRING", "Checkpoint location and number of the micro-batch, of a run of run_stream"),
    ("rows", "BIGINT", "Addresses that were asked for"),
    ("download_by_status", "MAP<STRING, BIGINT>", "Rows by download_outcome.status"),
    ("describe_by_status", "MAP<STRING, BIGINT>", "Rows by describe_outcome.status"),
    ("seconds", "DOUBLE", "How long it took"),
    ("images_per_second", "DOUBLE", "Images that it did for each of these seconds"),
    ("bytes", "BIGINT", "Bytes that it downloaded"),
    ("input_tokens", "BIGINT", "Tokens that it sent"),
    ("output_tokens", "BIGINT", "Tokens that were answered"),
    ("cost", "DOUBLE", "What they cost, in the currency of the prices"),
    ("message", "STRING", "What went wrong, or who found it abandoned"),
    ("settings", "STRING", "All settings as JSON; of a secret only where it is read"),
    ("versions", "MAP<STRING, STRING>", "Of the library and of what it works with"),
)
_KINDS: Final = {name: kind for name, kind, _ in _COLUMNS}


class RunTable:
    """Writes one run's row. To be used by the holder of the lease."""

    def __init__(self, spark: SparkSession, store: TableStore, run_id: str) -> None:
        """Name the run; nothing is written yet."""
        self._spark = spark
        self._store = store
        self._run_id = run_id

    def begin(self, *, settings: str, versions: Mapping[str, str], stream: str | None = None) -> list[str]:
        """Write the row; return the runs that are found to have ended without a word, for who says so holds the lease."""
        abandoned = self._abandoned()
        known = {
            "run_id": self._run_id,
            "state": RUNNING,
            "started_at": _now(),
            "images_table": self._store.tables.image_codes,
            "stream": stream,
            "settings": settings,
            "versions": versions,
        }
        values = ", ".join(f"{_sql(name, known.get(name))} AS {identifier(name)}" for name in _KINDS)
        self._store.append_missing(RUN_TABLE, self._spark.sql(f"SELECT {values}"), "run_id", none_is_there=True)
        return abandoned

    def end(self, state: str, **figures: Any) -> None:
        """Complete the row with the run's state and its figures, by the names of the columns."""
        changes = {"state": state, "ended_at": _now()} | figures
        self._update(changes, f"run_id = {literal(self._run_id)}")

    def _abandoned(self) -> list[str]:
        if self._store.make(RUN_TABLE, _COLUMNS, _COMMENT):
            return []
        found = _of_these_tables(self._store).where(F.col("state") == RUNNING).select("run_id").collect()
        run_ids = [row[0] for row in found]
        if run_ids:
            # By name: another set of tables in the same schema has runs and a lease of its own.
            which = ", ".join(map(literal, run_ids))
            self._update({"state": ABANDONED, "message": f"found by run {self._run_id}"}, f"run_id IN ({which})")
        return run_ids

    def _update(self, changes: Mapping[str, Any], where: str) -> None:
        assignments = ", ".join(f"{identifier(name)} = {_sql(name, value)}" for name, value in changes.items())
        self._store.sql(RUN_TABLE, f"UPDATE {self._store.name(RUN_TABLE)} SET {assignments} WHERE {where}")  # noqa: S608 - escaped


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRow:
    """A run as `image_runs` has it; moments in microseconds since 1970, UTC."""

    run_id: str
    state: str
    started_us: int
    ended_us: int | None
    stream: str | None
    rows: int | None
    download_by_status: dict[str, int] | None
    describe_by_status: dict[str, int] | None
    seconds: float | None
    images_per_second: float | None
    bytes: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    message: str | None
    settings: str | None


def latest_runs(store: TableStore, *, at_most: int, holder: str | None) -> list[RunRow]:
    """Return the newest runs on these tables, the newest first; none where there is no such table.

    `holder` is the run that has the lease: any other that is said to be running has ended without a word.
    """
    if not store.exists(RUN_TABLE):
        return []
    store.check_types(RUN_TABLE, _COLUMNS)
    moments = {"started_us": F.unix_micros("started_at"), "ended_us": F.unix_micros("ended_at")}
    fields = [moments.get(field.name, F.col(field.name)).alias(field.name) for field in dataclasses.fields(RunRow)]
    found = _of_these_tables(store).orderBy(F.desc("started_at"), "run_id").limit(at_most).select(*fields).collect()
    runs = [RunRow(**row.asDict()) for row in found]
    return [dataclasses.replace(run, state=ABANDONED) if run.state == RUNNING and run.run_id != holder else run for run in runs]


def _of_these_tables(store: TableStore) -> Any:
    return store.read(RUN_TABLE).where(F.col("images_table") == store.tables.image_codes)


def _now() -> str:
    return dt.datetime.now(dt.timezone.utc).isoformat()


def _sql(column: str, value: Any) -> str:
    """Return a value as a literal of the column's type."""
    kind = _KINDS[column]
    if value is None:
        text = "NULL"
    elif isinstance(value, Mapping):
        # An empty map() cannot be cast.
        text = f"from_json({literal(json.dumps(value))}, {literal(kind)})"
    else:
        text = literal(value) if isinstance(value, str) else repr(value)
    return f"CAST({text} AS {kind})"
