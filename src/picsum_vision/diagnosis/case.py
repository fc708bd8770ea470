"""What is examined: a job's settings, and the session that would run it, if there is one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from picsum_vision.config import PipelineConfig
from picsum_vision.diagnosis.finding import Finding, failure
from picsum_vision.redaction import redact_error
from picsum_vision.validation import check_flag, check_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """The job and its surroundings.

    Parameters
    ----------
    config
        The job.
    spark
        The session, None before there is one.
    starts_spark
        Whether a JVM would be started on this machine; not so on Databricks, with a running session or a Spark Connect server.
    is_ours
        Whether the tables' catalog is one that this library puts into the session, whose schema a run makes by itself.
    probe_url
        What is fetched to see whether the network can be reached; None: the job's first image.
    ask_model
        Whether one tiny question may be asked and paid for.
    may_write
        Whether a small table may be made, filled and dropped.

    """

    config: PipelineConfig
    spark: SparkSession | None = None
    starts_spark: bool = True
    is_ours: bool = False
    probe_url: str | None = None
    ask_model: bool = False
    may_write: bool = True

    def __post_init__(self) -> None:
        """Check what a person gives."""
        check_text("probe_url", self.probe_url, optional=True)
        check_flag("ask_model", self.ask_model)
        check_flag("write", self.may_write)

    @property
    def session(self) -> SparkSession:
        """The session, where the caller knows that there is one."""
        assert self.spark is not None  # noqa: S101 - checks of the session run only where there is one
        return self.spark


Check = Callable[[Case], Iterable[Finding]]


def examined(name: str, check: Check, case: Case) -> Iterator[Finding]:
    """Yield what a check finds; one that breaks down is itself a finding, and the others go on."""
    try:
        yield from check(case)
    except Exception as error:  # noqa: BLE001 - whatever it is, the person who asked wants to see it beside the rest
        first_line = redact_error(next(iter(str(error).strip().splitlines()), ""))
        yield failure(name, f"could not be looked at: {type(error).__name__}: {first_line}")
