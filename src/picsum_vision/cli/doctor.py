"""`picsum-vision doctor`: what is missing for a job, each with what repairs it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from picsum_vision.cli.completion import one_of
from picsum_vision.cli.console import Lines, progress
from picsum_vision.cli.job_flags import merged
from picsum_vision.cli.session import choose_tables, on_databricks, open_session
from picsum_vision.config_file import BACKENDS, TASKS, job_config, read_config_file
from picsum_vision.diagnosis.case import Case
from picsum_vision.diagnosis.doctor import examine
from picsum_vision.diagnosis.finding import Diagnosis, Finding, Verdict

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Text = Optional[str]
Switch = Optional[bool]

_FORMATS, _BACKENDS, _TASKS = one_of("iceberg", "delta"), one_of(*BACKENDS), one_of(*TASKS)
_SICK = 1
_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILURE: "red", Verdict.SKIPPED: "dim"}


def doctor(
    config: Annotated[Text, typer.Option(help="A TOML file with the whole job; a flag wins over it.")] = None,
    output: Annotated[Text, typer.Option(help="The folder of the tables. [default: picsum-vision-data]")] = None,
    catalog: Annotated[Text, typer.Option(help="[default: platform_catalog]")] = None,
    schema: Annotated[Text, typer.Option(help="[default: marketplace]")] = None,
    table_format: Annotated[
        str, typer.Option("--format", help="iceberg, or delta by path.", autocompletion=_FORMATS)
    ] = "iceberg",
    base_url: Annotated[Text, typer.Option(help="The image host. [default: https://picsum.photos]")] = None,
    urls_from: Annotated[Text, typer.Option(help="Your own URLs: a file or a table.")] = None,
    url_col: Annotated[Text, typer.Option(help="The column of --urls-from. [default: image_url]")] = None,
    backend: Annotated[Text, typer.Option(help="As for run. [default: pixels]", autocompletion=_BACKENDS)] = None,
    endpoint_url: Annotated[Text, typer.Option(help="For chat: as in https://host/v1.")] = None,
    model: Annotated[Text, typer.Option(help="A model's name, a serving endpoint, or an MLflow model URI.")] = None,
    api_key_env: Annotated[Text, typer.Option(help="The environment variable that holds the key.")] = None,
    task: Annotated[Text, typer.Option(help="As for run. [default: describe]", autocompletion=_TASKS)] = None,
    labels: Annotated[Text, typer.Option(help="For classify: a,b,c.")] = None,
    language: Annotated[Text, typer.Option(help="Of the answer: it, en, ... [default: it]")] = None,
    timeout: Annotated[Optional[float], typer.Option(help="Seconds for one download. [default: 10]")] = None,
    allow_private_addresses: Annotated[
        Switch, typer.Option("--allow-private-addresses", help="Reach loopback and private hosts.")
    ] = None,
    probe_url: Annotated[Text, typer.Option(help="What workers try to fetch. [default: the job's first image]")] = None,
    ask_model: Annotated[bool, typer.Option("--ask-model", help="Ask one tiny question, which is paid for.")] = False,  # noqa: FBT002 - typer's way
    no_write: Annotated[bool, typer.Option("--no-write", help="Make no table to find out permissions.")] = False,  # noqa: FBT002 - typer's way
    master: Annotated[Text, typer.Option(help="Spark's master. [default: local[*]]")] = None,
    remote: Annotated[Text, typer.Option(help="Spark Connect, as in sc://host or local[2].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.")] = False,  # noqa: FBT002 - typer's way
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
    job = job_config(merged(read_config_file(config) if config else {}, flags, groups))
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
