"""`picsum-vision run`: the whole job by flags or a file."""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import TYPE_CHECKING

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import progress
from picsum_vision.cli.session import open_session
from picsum_vision.config import PipelineConfig
from picsum_vision.run_report import RunReport
from picsum_vision.table_names import DEFAULT_SCHEMA, Tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHARE_MISSED = 3


def run(
    config: job_flags.Config = None,
    images: job_flags.Images = None,
    start: job_flags.Start = None,
    by: job_flags.By = None,
    width: job_flags.Width = None,
    height: job_flags.Height = None,
    base_url: job_flags.BaseUrl = None,
    urls_from: job_flags.UrlsFrom = None,
    url_col: job_flags.UrlCol = None,
    output: job_flags.Output = None,
    catalog: job_flags.Catalog = None,
    schema: job_flags.Schema = None,
    table_format: job_flags.TableFormat = "iceberg",
    backend: job_flags.Backend = None,
    endpoint_url: job_flags.EndpointUrl = None,
    model: job_flags.Model = None,
    api_key_env: job_flags.ApiKeyEnv = None,
    task: job_flags.TaskName = None,
    labels: job_flags.Labels = None,
    language: job_flags.Language = None,
    prompt: job_flags.Prompt = None,
    max_in_flight: job_flags.MaxInFlight = None,
    timeout: job_flags.Timeout = None,
    partitions: job_flags.Partitions = None,
    requests_per_minute: job_flags.PerMinute = None,
    tokens_per_minute: job_flags.PerMinute = None,
    overwrite: job_flags.Overwrite = None,
    keep_images: job_flags.KeepImages = None,
    retry_failed: job_flags.RetryFailed = None,
    retry_permanent: job_flags.RetryPermanent = None,
    on_new_question: job_flags.NewQuestion = None,
    describe_unknown: job_flags.DescribeUnknown = None,
    when_busy: job_flags.Busy = None,
    checkpoint_interval: job_flags.CheckpointInterval = None,
    min_ok_share: job_flags.MinOkShare = None,
    log_to_mlflow: job_flags.LogToMlflow = None,
    allow_private_addresses: job_flags.AllowPrivateAddresses = None,
    master: job_flags.Master = None,
    remote: job_flags.Remote = None,
    as_json: job_flags.AsJson = False,  # noqa: FBT002 - typer's way
) -> int:
    """Download and describe images into three tables; what is there is not done again.

    picsum-vision run --images 100 --output pictures

    picsum-vision run --urls-from mine.csv --url-col photo --output mine

    picsum-vision run --backend chat --endpoint-url https://host/v1 --model m

    picsum-vision run --config job.toml --retry-failed
    """
    job, folder = job_flags.job_of(locals())
    _, report = open_and_run(job, folder=folder, master=master, remote=remote)
    print_report(report, as_json=as_json)
    if not as_json:
        print(f"look at them: {report_command(job.tables, output or folder, remote)}")
    return 0 if report.succeeded else SHARE_MISSED


def report_command(tables: Tables, folder: str | None, remote: str | None = None) -> str:
    """Return the command that shows the tables: in the folder that was named, or in their catalog where there is none."""
    words = ["picsum-vision", "report"]
    words += ["--catalog", tables.catalog] if folder is None else [folder]
    # Delta tables lie in the folder itself.
    if folder is None or (tables.path is None and tables.schema != DEFAULT_SCHEMA):
        words += ["--schema", tables.schema]
    words += [] if remote is None else ["--remote", remote]
    return shlex.join(words)


def open_and_run(
    job: PipelineConfig, *, folder: str | None, master: str | None = None, remote: str | None = None, base_url: str | None = None
) -> tuple[SparkSession, RunReport]:
    """Open the session and run the job; `base_url` takes the place of the job's."""
    with progress() as say:
        say("starting Spark")
        spark = open_session(job.tables, folder, master=master, remote=remote)
        from picsum_vision.pipeline import run_pipeline  # noqa: PLC0415 - Spark only where it is used

        return spark, run_pipeline(spark, dataclasses.replace(job, base_url=base_url or job.base_url), progress=say)


def print_report(report: RunReport, *, as_json: bool) -> None:
    """Print the command's answer on stdout."""
    print(json.dumps(report.as_dict()) if as_json else report)
