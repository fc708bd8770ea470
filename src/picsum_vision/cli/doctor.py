"""`picsum-vision doctor`: what is missing for a job, each with what repairs it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.completion import one_of
from picsum_vision.cli.console import Lines, progress
from picsum_vision.cli.job_flags import Text
from picsum_vision.cli.session import choose_tables, on_databricks, open_session
from picsum_vision.config_file import BACKENDS, TASKS, job_config, read_config_file
from picsum_vision.diagnosis.case import Case
from picsum_vision.diagnosis.doctor import examine
from picsum_vision.diagnosis.finding import Diagnosis, Finding, Verdict

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


_BACKENDS, _TASKS = one_of(*BACKENDS), one_of(*TASKS)
_SICK = 1
_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILURE: "red", Verdict.SKIPPED: "dim"}


def doctor(
    config: job_flags.Config = None,
    output: job_flags.Output = None,
    catalog: job_flags.Catalog = None,
    schema: job_flags.Schema = None,
    table_format: job_flags.TableFormat = "iceberg",
    base_url: job_flags.BaseUrl = None,
    urls_from: Annotated[Text, typer.Option(help="Your own URLs: a file or a table.")] = None,
    url_col: job_flags.UrlCol = None,
    backend: Annotated[Text, typer.Option(help="As for run. [default: pixels]", autocompletion=_BACKENDS)] = None,
    endpoint_url: job_flags.EndpointUrl = None,
    model: job_flags.Model = None,
    api_key_env: job_flags.ApiKeyEnv = None,
    task: Annotated[Text, typer.Option(help="As for run. [default: describe]", autocompletion=_TASKS)] = None,
    labels: job_flags.Labels = None,
    language: job_flags.Language = None,
    timeout: job_flags.Timeout = None,
    allow_private_addresses: job_flags.AllowPrivateAddresses = None,
    probe_url: Annotated[Text, typer.Option(help="What workers try to fetch. [default: the job's first image]")] = None,
    ask_model: Annotated[bool, typer.Option("--ask-model", help="Ask one tiny question, which is paid for.")] = False,  # noqa: FBT002 - typer's way
    no_write: Annotated[bool, typer.Option("--no-write", help="Make no table to find out permissions.")] = False,  # noqa: FBT002 - typer's way
    master: Annotated[Text, typer.Option(help="Spark's master. [default: local[*]]")] = None,
    remote: job_flags.Remote = None,
    as_json: job_flags.AsJson = False,  # noqa: FBT002 - typer's way
) -> int:
    """Look at everything that a job needs, and say what repairs what is missing. Exit code 1 if something is.

    picsum-vision doctor --output pictures

    picsum-vision doctor --config job.toml --ask-model

    picsum-vision doctor --backend chat --endpoint-url https://host/v1 --model m
    """
    flags: dict[str, Any] = {"base_url": base_url, "urls_from": urls_from, "url_col": url_col}
    groups: dict[str, dict[str, Any]] = {
        "backend": {"kind": backend, "base_url": endpoint_url, "model": model, "api_key_env": api_key_env},
        "task": {"kind": task, "labels": labels.split(",") if labels else None, "language": language},
        "download": {"total_timeout_s": timeout, "allow_private_addresses": allow_private_addresses},
    }
    job = job_config(job_flags.merged(read_config_file(config) if config else {}, flags, groups))
    tables, folder = choose_tables(
        job.tables, output=output, catalog=catalog, schema=schema, table_format=table_format, master=master, remote=remote
    )
    is_elsewhere = on_databricks() or (remote or "").startswith("sc://")
    case = Case(
        config=dataclasses.replace(job, tables=tables),
        starts_spark=not is_elsewhere,
        is_ours=folder is not None,
        probe_url=probe_url,
        ask_model=ask_model,
        may_write=not no_write,
    )

    def start() -> SparkSession:
        return open_session(tables, folder, master=master, remote=remote)

    if as_json:
        diagnosis = Diagnosis(tuple(_looked(case, start)))
        print(json.dumps(diagnosis.as_dict()))
    else:
        diagnosis = Diagnosis(tuple(_printed(case, start)))
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
