"""`picsum-vision run`: the whole job by flags or a file."""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.completion import one_of
from picsum_vision.cli.console import progress
from picsum_vision.cli.job_flags import Fraction, Number, Switch, Text
from picsum_vision.cli.session import choose_tables, open_session
from picsum_vision.config import OnNewQuestion, PipelineConfig, WhenBusy
from picsum_vision.config_file import BACKENDS, TASKS, job_config, read_config_file
from picsum_vision.run_report import RunReport

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHARE_MISSED = 3


_BYS = one_of("id", "seed", "list")
_BACKENDS, _TASKS = one_of(*BACKENDS), one_of(*TASKS)
_ON_NEW_QUESTION, _WHEN_BUSY = one_of(*get_args(OnNewQuestion)), one_of(*get_args(WhenBusy))


def run(
    config: job_flags.Config = None,
    images: Annotated[Number, typer.Option(help="How many images. [default: 1000]")] = None,
    start: Annotated[Number, typer.Option(help="From which number on. [default: 1]")] = None,
    by: Annotated[Text, typer.Option(help="id, seed or list. [default: id]", autocompletion=_BYS)] = None,
    width: Annotated[Number, typer.Option(help="Pixels, 0 to 5000. [default: 800]")] = None,
    height: Annotated[Number, typer.Option(help="Pixels, 0 to 5000. [default: 600]")] = None,
    base_url: job_flags.BaseUrl = None,
    urls_from: Annotated[Text, typer.Option(help="Your own URLs: a .parquet, .csv, .tsv or .txt file, or a table.")] = None,
    url_col: job_flags.UrlCol = None,
    output: job_flags.Output = None,
    catalog: job_flags.Catalog = None,
    schema: job_flags.Schema = None,
    table_format: job_flags.TableFormat = "iceberg",
    backend: Annotated[
        Text, typer.Option(help="pixels, chat, ai-query or pyfunc. [default: pixels]", autocompletion=_BACKENDS)
    ] = None,
    endpoint_url: job_flags.EndpointUrl = None,
    model: job_flags.Model = None,
    api_key_env: job_flags.ApiKeyEnv = None,
    task: Annotated[
        Text,
        typer.Option(help="describe, objects, sentiment, text or classify. [default: describe]", autocompletion=_TASKS),
    ] = None,
    labels: job_flags.Labels = None,
    language: job_flags.Language = None,
    prompt: Annotated[Text, typer.Option(help="A question of your own.")] = None,
    max_in_flight: Annotated[Number, typer.Option(help="Requests at once in one task, of downloads and of questions.")] = None,
    timeout: job_flags.Timeout = None,
    partitions: Annotated[Number, typer.Option(help="Tasks. [default: as many as run at once]")] = None,
    requests_per_minute: Annotated[Number, typer.Option(help="To the model, by the whole job.")] = None,
    tokens_per_minute: Annotated[Number, typer.Option(help="To the model, by the whole job.")] = None,
    overwrite: Annotated[Switch, typer.Option("--overwrite", help="Empty the tables first, and do everything again.")] = None,
    keep_images: Annotated[Switch, typer.Option("--keep-images/--no-keep-images", help="Keep the bytes in image_codes.")] = None,
    retry_failed: Annotated[Switch, typer.Option("--retry-failed", help="Try again what failed and can change.")] = None,
    retry_permanent: Annotated[
        Switch, typer.Option("--retry-permanent", help="Try again all that failed, as 404 or too_large.")
    ] = None,
    on_new_question: Annotated[
        Text,
        typer.Option(
            help="Another model, task or prompt: replace the answers, or keep_both. [default: replace]",
            autocompletion=_ON_NEW_QUESTION,
        ),
    ] = None,
    describe_unknown: Annotated[
        Switch, typer.Option("--describe-unknown", help="Ask anew about rows that do not know their question.")
    ] = None,
    when_busy: Annotated[
        Text,
        typer.Option(help="While another run is at work: wait or refuse. [default: wait]", autocompletion=_WHEN_BUSY),
    ] = None,
    checkpoint_interval: Annotated[Fraction, typer.Option(help="Seconds from one commit to the next. [default: 60]")] = None,
    min_ok_share: Annotated[Fraction, typer.Option(help="Exit with 3 if fewer rows than this share are ok.")] = None,
    log_to_mlflow: Annotated[Switch, typer.Option("--log-to-mlflow", help="Keep the run as an MLflow run, too.")] = None,
    allow_private_addresses: job_flags.AllowPrivateAddresses = None,
    master: Annotated[Text, typer.Option(help="Spark's master, as in spark://host:7077. [default: local[*]]")] = None,
    remote: job_flags.Remote = None,
    as_json: job_flags.AsJson = False,  # noqa: FBT002 - typer's way
) -> int:
    """Download and describe images into three tables; what is there is not done again.

    picsum-vision run --images 100 --output pictures

    picsum-vision run --urls-from mine.csv --url-col photo --output mine

    picsum-vision run --backend chat --endpoint-url https://host/v1 --model m

    picsum-vision run --config job.toml --retry-failed
    """
    flags: dict[str, Any] = {
        "images": images, "start": start, "by": by, "width": width, "height": height, "base_url": base_url,
        "urls_from": urls_from, "url_col": url_col, "partitions": partitions, "keep_images": keep_images,
        "mode": "overwrite" if overwrite else None,
        "retry_failed": retry_failed, "retry_permanent": retry_permanent, "on_new_question": on_new_question,
        "when_busy": when_busy, "describe_unknown": describe_unknown, "checkpoint_interval_s": checkpoint_interval,
        "min_ok_share": min_ok_share, "log_to_mlflow": log_to_mlflow,
    }  # fmt: skip
    groups: dict[str, dict[str, Any]] = {
        "backend": {"kind": backend, "base_url": endpoint_url, "model": model, "api_key_env": api_key_env},
        "task": {"kind": task, "labels": labels.split(",") if labels else None, "language": language, "prompt": prompt},
        "download": {
            "total_timeout_s": timeout, "max_in_flight_per_task": max_in_flight,
            "allow_private_addresses": allow_private_addresses,
        },
        "describe": {
            "max_in_flight_per_task": max_in_flight, "requests_per_minute_total": requests_per_minute,
            "tokens_per_minute_total": tokens_per_minute,
        },
    }  # fmt: skip
    job = job_config(job_flags.merged(read_config_file(config) if config else {}, flags, groups))
    tables, folder = choose_tables(
        job.tables, output=output, catalog=catalog, schema=schema, table_format=table_format, master=master, remote=remote
    )
    _, report = open_and_run(dataclasses.replace(job, tables=tables), folder=folder, master=master, remote=remote)
    print_report(report, as_json=as_json)
    if not as_json:
        where = shlex.quote(output or folder) if folder is not None else f"--catalog {tables.catalog} --schema {tables.schema}"
        print(f"look at them: picsum-vision report {where}")
    return 0 if report.succeeded else SHARE_MISSED


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
