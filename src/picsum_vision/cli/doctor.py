"""`picsum-vision doctor`: what is missing for a job, each with what repairs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import Lines, progress
from picsum_vision.cli.job_flags import Text
from picsum_vision.cli.session import on_databricks, open_session
from picsum_vision.diagnosis.doctor import examine
from picsum_vision.diagnosis.finding import Case, Diagnosis, Finding, Verdict

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


_SICK = 1
_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILURE: "red", Verdict.SKIPPED: "dim"}


@job_flags.with_job_flags
def doctor(
    flags: Mapping[str, Any],
    *,
    probe_url: Annotated[Text, typer.Option(help="What workers try to fetch. [default: the job's first image]")] = None,
    ask_model: Annotated[bool, typer.Option("--ask-model", help="Ask one tiny question, which is paid for.")] = False,
    no_write: Annotated[bool, typer.Option("--no-write", help="Make no table to find out permissions.")] = False,
    as_json: job_flags.AsJson = False,
) -> int:
    """Look at everything that a job needs, and say what repairs what is missing. Exit code 1 if something is.

    It takes the flags of run, and does nothing of what they ask for but look.

    picsum-vision doctor --output pictures

    picsum-vision doctor --config job.toml --ask-model

    picsum-vision doctor --backend chat --endpoint-url https://host/v1 --model m
    """
    job, folder = job_flags.job_of(flags)
    is_elsewhere = on_databricks() or (flags["remote"] or "").startswith("sc://")
    case = Case(
        config=job,
        starts_spark=not is_elsewhere,
        is_ours=folder is not None,
        probe_url=probe_url,
        ask_model=ask_model,
        may_write=not no_write,
    )

    def opened() -> SparkSession:
        return open_session(job.tables, folder, master=flags["master"], remote=flags["remote"])

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
