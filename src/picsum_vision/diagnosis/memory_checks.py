"""Whether the workers' machines have the memory for the job's window, and whether images can be read back without running out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from picsum_vision.diagnosis.case import Case
from picsum_vision.diagnosis.finding import Finding, failure, ok, skipped, warning
from picsum_vision.spark.conf import session_setting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.diagnosis.worker_probe import WorkerReport

_MB: Final = 1_000_000
# A worker's Python with its packages, and the Arrow batches that come, wait and go (measured: 110 to 160 MB).
_PYTHON_BYTES: Final = 160 * _MB
_BATCH_BYTES: Final = 48 * _MB
_SMALLEST_WINDOW: Final = 16 * _MB
_TIGHT: Final = 0.8
_UNITS: Final = {"": 1 << 20, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
# What Spark's readers take at once, in rows, unless told otherwise; a usual image has 50 kB, a large one 20 times as much.
_READ_ROWS: Final = "spark.sql.parquet.columnarReaderBatchSize"
_ARROW_ROWS: Final = "spark.sql.execution.arrow.maxRecordsPerBatch"
_READ_ROWS_AT_MOST: Final = 512
_ARROW_ROWS_AT_MOST: Final = 2_000


def memory_finding(case: Case, reports: list[WorkerReport], tasks: int) -> Finding:
    """Return whether the window of all tasks of a machine fits beside the JVM."""
    name = "memory"
    memory = min(report.memory_bytes for report in reports)
    if not memory:
        return skipped(name, "the workers do not say how much they have")
    hosts = len({report.host for report in reports})
    together = math.ceil(tasks / hosts)
    window = case.config.download.window_bytes_per_task
    jvm = _jvm_bytes(case.session)
    needed = jvm + together * (window + _PYTHON_BYTES + _BATCH_BYTES)
    words = (
        f"{together} tasks on a machine x (window {window / _MB:,.0f} MB + {(_PYTHON_BYTES + _BATCH_BYTES) / _MB:,.0f} MB) "
        f"+ JVM {jvm / _MB:,.0f} MB = {needed / _MB:,.0f} MB of {memory / _MB:,.0f} MB"
    )
    if needed <= memory * _TIGHT:
        return ok(name, words)
    fits = int((memory * _TIGHT - jvm) / together) - _PYTHON_BYTES - _BATCH_BYTES
    if fits < _SMALLEST_WINDOW:
        remedy = f"fewer tasks at once (--master 'local[{max(1, together // 2)}]', --partitions), or larger machines"
    else:
        remedy = f"[download] window_bytes_per_task = {fits // _MB * _MB}"
    return failure(name, words, remedy) if needed > memory else warning(name, words, remedy)


def check_reading(case: Case) -> Iterator[Finding]:
    """Look at how many rows Spark reads and hands to Python at once: images are wide, and its defaults are for narrow rows."""
    name = "read batches"
    rows = {setting: _number(case.session, setting) for setting in (_READ_ROWS, _ARROW_ROWS)}
    limits = {_READ_ROWS: (_READ_ROWS_AT_MOST, 32), _ARROW_ROWS: (_ARROW_ROWS_AT_MOST, 128)}
    wide = {setting: limits[setting][1] for setting, value in rows.items() if value is not None and value > limits[setting][0]}
    if not case.config.keep_images:
        yield skipped(name, "no images are kept")
    elif wide:
        seen = ", ".join(f"{setting} is {rows[setting]:,} rows" for setting in wide)
        remedy = "; ".join(f"SET {setting} = {value}" for setting, value in wide.items())
        yield warning(name, f"{seen}: a table of large images may not be read back for want of memory", remedy)
    else:
        yield ok(name, ", ".join(f"{setting.rpartition('.')[2]} {value}" for setting, value in rows.items()))


def _jvm_bytes(spark: SparkSession) -> int:
    """Return the JVM's heap beside the workers: the executor's, in local mode the driver's."""
    is_local = session_setting(spark, "spark.master").startswith("local")
    text = session_setting(spark, "spark.driver.memory" if is_local else "spark.executor.memory", "1g")
    match = re.fullmatch(r"(\d+)([kmgt]?)b?", text.strip().lower())
    return int(match[1]) * _UNITS[match[2]] if match else 1 << 30


def _number(spark: SparkSession, setting: str) -> int | None:
    text = session_setting(spark, setting)
    return int(text) if text.isdecimal() else None
