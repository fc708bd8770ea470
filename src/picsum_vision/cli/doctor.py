"""`picsum-vision doctor`: what is missing for a job, each with what repairs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import Lines, progress
from picsum_vision.cli.job_flags import Text
from picsum_vision.cli.session import on_databricks, open_session
from picsum_vision.diagnosis.case import Case
from picsum_vision.diagnosis.doctor import examine
from picsum_vision.diagnosis.finding import Diagnosis, Finding, Verdict

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


_SICK = 1
_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILURE: "red", Verdict.SKIPPED: "dim"}


def doctor(
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
    probe_url: Annotated[Text, typer.Option(help="What workers try to fetch. [default: the job's first image]")] = None,
    ask_model: Annotated[bool, typer.Option("--ask-model", help="Ask one tiny question, which is paid for.")] = False,  # noqa: FBT002 - typer's way
    no_write: Annotated[bool, typer.Option("--no-write", help="Make no table to find out permissions.")] = False,  # noqa: FBT002 - typer's way
    master: job_flags.Master = None,
    remote: job_flags.Remote = None,
    as_json: job_flags.AsJson = False,  # noqa: FBT002 - typer's way
) -> int:
    """Look at everything that a job needs, and say what repairs what is missing. Exit code 1 if something is.

    It takes the flags of run, and does nothing of what they ask for but look.

    picsum-vision doctor --output pictures

    picsum-vision doctor --config job.toml --ask-model

    picsum-vision doctor --backend chat --endpoint-url https://host/v1 --model m
    """
    job, folder = job_flags.job_of(locals())
    is_elsewhere = on_databricks() or (remote or "").startswith("sc://")
    case = Case(
        config=job,
        starts_spark=not is_elsewhere,
        is_ours=folder is not None,
        probe_url=probe_url,
        ask_model=ask_model,
        may_write=not no_write,
    )

    def opened() -> SparkSession:
        return open_session(job.tables, folder, master=master, remote=remote)

    if as_json:
        diagnosis = Diagnosis(tuple(_looked(case, opened)))
        print(json.dumps(diagnosis.as_dict()))
    else:
        diagnosis = Diagnosis(tuple(_printed(case, opened)))
        print(diagnosis.summary)
    return 0 if diagnosis.ok else _SICK


def _looked(case: Case, start: Callable[[], SparkSession]) -> Iterator[Finding]:
    """Yield the findings; the person sees what is taken up meanwhile."""
    with progress() as say:
        say("looking")
        for finding in examine(case, start):
            yield finding
            say(f"{finding.name}: {finding.verdict.value}")


def _printed(case: Case, start: Callable[[], SparkSession]) -> Iterator[Finding]:
    """Yield the findings, each printed as soon as it is there: a session takes its time."""
    lines = Lines()
    for finding in examine(case, start):
        lines.print(str(finding), _COLOURS[finding.verdict])
        yield finding
