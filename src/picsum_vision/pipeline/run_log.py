"""The table `image_runs`: a row for each run, from its start on."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.config import PipelineConfig
from picsum_vision.errors import PicsumVisionError
from picsum_vision.pipeline.run_settings import kept_settings, kept_versions
from picsum_vision.run_report import RunReport
from picsum_vision.spark.tables import TableStore
from picsum_vision.sql_text import identifier, literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE: Final = "image_runs"
_COMMENT: Final = "Runs of the job, one row each"
_COLUMNS: Final = (
    ("run_id", "STRING", "The run"),
    ("state", "STRING", "running, ok, share_missed, failed, or abandoned: it was ended without a word"),
    ("started_at", "TIMESTAMP", "By the driver's clock"),
    ("ended_at", "TIMESTAMP", "By the driver's clock"),
    ("settings", "STRING", "All settings as JSON; of secrets only where they are read"),
    ("versions", "STRING", "Of the library and of what it works with, as JSON"),
    ("rows", "BIGINT", "Addresses that were asked for"),
    ("download_by_status", "STRING", "Rows by download_outcome.status, as JSON"),
    ("describe_by_status", "STRING", "Rows by describe_outcome.status, as JSON"),
    ("images_per_second", "DOUBLE", "Images described by this run for each second of it"),
    ("bytes", "BIGINT", "Bytes downloaded by this run"),
    ("input_tokens", "BIGINT", "Tokens sent by this run"),
    ("output_tokens", "BIGINT", "Tokens answered to this run"),
    ("cost", "DOUBLE", "What they cost, in the currency of the prices"),
    ("message", "STRING", "What went wrong"),
)


class RunLog:
    """Writes one run's row. To be used by the holder of the lease."""

    def __init__(self, spark: SparkSession, store: TableStore, run_id: str, config: PipelineConfig) -> None:
        """Name the run; nothing is written yet."""
        self._spark = spark
        self._store = store
        self._run_id = run_id
        self._settings = kept_settings(config)
        self.versions = kept_versions(spark.version)

    def begin(self) -> None:
        """Write the row; runs that are said to be running have been ended without a word, for this one holds the lease."""
        self._store.create(TABLE, _COLUMNS, _COMMENT)
        name = self._store.name(TABLE)
        ours = self._same_tables()
        self._store.sql(TABLE, f"UPDATE {name} SET state = 'abandoned' WHERE state = 'running' AND {ours}")  # noqa: S608 - escaped
        known = {
            "run_id": literal(self._run_id),
            "state": "'running'",
            "started_at": _moment(),
            "settings": literal(json.dumps(self._settings)),
            "versions": literal(json.dumps(self.versions)),
        }
        values = ", ".join(f"CAST({known.get(column, 'NULL')} AS {kind}) AS {identifier(column)}" for column, kind, _ in _COLUMNS)
        self._store.append_anew(TABLE, lambda: self._spark.sql(f"SELECT {values}"))

    def end(self, report: RunReport) -> None:
        """Complete the row with the run's figures."""
        download, describe = report.download, report.describe
        done = describe.rows - describe.skipped
        self._complete(
            state="ok" if report.succeeded else "share_missed",
            rows=report.rows,
            download_by_status=json.dumps(download.by_status),
            describe_by_status=json.dumps(describe.by_status),
            images_per_second=done / report.seconds if report.seconds > 0 else 0.0,
            bytes=download.bytes,
            input_tokens=describe.input_tokens,
            output_tokens=describe.output_tokens,
            cost=describe.cost,
        )

    def fail(self, error: Exception) -> None:
        """Complete the row of a run that came to no end. A foreign error's text is not kept: nobody knows what stands in it."""
        known = isinstance(error, PicsumVisionError)
        self._complete(state="failed", message=str(error) if known else type(error).__name__)

    def _complete(self, **values: Any) -> None:
        kinds = {name: kind for name, kind, _ in _COLUMNS}
        changes = {"ended_at": f"CAST({_moment()} AS TIMESTAMP)"} | {
            name: f"CAST({_literal(value)} AS {kinds[name]})" for name, value in values.items()
        }
        assignments = ", ".join(f"{identifier(name)} = {value}" for name, value in changes.items())
        where = f"run_id = {literal(self._run_id)}"
        self._store.sql(TABLE, f"UPDATE {self._store.name(TABLE)} SET {assignments} WHERE {where}")  # noqa: S608 - escaped

    def _same_tables(self) -> str:
        """Return the condition for runs on the same tables: others in the schema have a lease of their own."""
        return f"get_json_object(settings, '$.tables.image_codes') = {literal(self._store.tables.image_codes)}"


def _moment() -> str:
    return literal(dt.datetime.now(dt.timezone.utc).isoformat())


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return literal(value) if isinstance(value, str) else repr(value)
