"""`picsum-vision run`: the whole job by flags or a file."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import progress
from picsum_vision.cli.failures import Stopped
from picsum_vision.cli.session import on_databricks, open_session
from picsum_vision.config import PipelineConfig
from picsum_vision.run_report import RunReport
from picsum_vision.spark.source_kind import check_there
from picsum_vision.table_columns import COLUMNS
from picsum_vision.table_names import DEFAULT_SCHEMA, Tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHARE_MISSED = 3
NOTHING_OK = 1


@job_flags.with_job_flags
def run(
    flags: Mapping[str, Any],
    *,
    as_json: job_flags.AsJson = False,
) -> int:
    """Download and describe images into three tables; what is there is not done again.

    picsum-vision run --images 100 --output pictures

    picsum-vision run --urls-from mine.csv --url-col photo --output mine

    picsum-vision run --backend chat --endpoint-url https://host/v1 --model m

    picsum-vision run --config job.toml --retry-failed
    """
    job, folder = job_flags.job_of(flags)
    _, report = open_and_run(job, folder=folder, master=flags["master"], remote=flags["remote"])
    print_report(report, as_json=as_json)
    if not as_json:
        print(f"look at them: {report_command(job.tables, flags['output'] or folder, flags['remote'], flags['config'])}")
    return exit_code(report)


def exit_code(report: RunReport) -> int:
    """Return the command's exit code, and say on stderr why it is not 0."""
    if report.error is None:
        return 0
    print(f"picsum-vision: {report.error}", file=sys.stderr)
    return SHARE_MISSED if report.state == "share_missed" else NOTHING_OK


def report_command(tables: Tables, folder: str | None, remote: str | None = None, config: str | None = None) -> str:
    """Return the command that shows the tables: in the folder that was named, or in their catalog where there is none.

    `config` is the job's file, which is named where the tables have names of their own.
    """
    words = ["picsum-vision", "report"]
    words += ["--catalog", tables.catalog] if folder is None else [folder]
    # Delta tables lie in the folder itself.
    if folder is None or (tables.path is None and tables.schema != DEFAULT_SCHEMA):
        words += ["--schema", tables.schema]
    if config is not None and any(getattr(tables, role) != role for role in COLUMNS):
        words += ["--config", config]
    words += [] if remote is None else ["--remote", remote]
    return shlex.join(words)


def open_and_run(
    job: PipelineConfig, *, folder: str | None, master: str | None = None, remote: str | None = None, base_url: str | None = None
) -> tuple[SparkSession, RunReport]:
    """Open the session and run the job; `base_url` takes the place of the job's."""
    if job.urls_from is not None and not on_databricks() and not (remote or "").startswith("sc://"):
        check_there("urls_from", job.urls_from)
    with progress() as say:
        say("starting Spark")
        spark = open_session(job.tables, folder, master=master, remote=remote)
        from picsum_vision.pipeline import run_pipeline  # noqa: PLC0415 - Spark only where it is used

        try:
            return spark, run_pipeline(spark, dataclasses.replace(job, base_url=base_url or job.base_url), progress=say)
        except KeyboardInterrupt as stop:
            # Not left to typer, which forgets the text.
            raise Stopped(f"{str(stop) or 'what was committed is kept'}, and the next run goes on from there") from None


def print_report(report: RunReport, *, as_json: bool) -> None:
    """Print the command's answer on stdout."""
    print(json.dumps(report.as_dict()) if as_json else report)
