"""The whole examination, in an order in which each check may rely on those before it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from picsum_vision.config import PipelineConfig
from picsum_vision.diagnosis.endpoint_checks import check_endpoint
from picsum_vision.diagnosis.finding import Case, Diagnosis, Finding, Verdict, examined, failed_with, skipped
from picsum_vision.diagnosis.machine_checks import MACHINE_CHECKS
from picsum_vision.errors import PicsumVisionError, SettingError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OF_A_SESSION: Final = ("catalog", "schema", "tables", "permissions", "ai_query", "worker python", "worker egress", "memory")
# Without these no session can be started on this machine.
_BEFORE_A_SESSION: Final = ("packages", "spark", "java", "table jar")


def doctor(
    spark: SparkSession | None = None,
    config: PipelineConfig | None = None,
    *,
    probe_url: str | None = None,
    ask_model: bool = False,
    write: bool = True,
) -> Diagnosis:
    """Say what this machine, session and workspace lack for a job, each with what repairs it.

    Parameters
    ----------
    spark
        The session that would run the job, classic or Connect. None: only what can be seen without one.
    config
        The job; the notebook's if None.
    probe_url
        Fetched once here and once in each task, to tell the workers' network from this process's; None: the job's first image.
    ask_model
        Whether one tiny question may be asked, and paid for. Without it the endpoint is asked for its list of models only.
    write
        Whether a small table may be made, filled and dropped in the schema, which is how permissions are found out.

    Returns
    -------
    Diagnosis
        A line for each finding; `ok` is false if one of them is a failure. It prints itself, and is a table in a notebook.

    Raises
    ------
    SettingError
        If an argument is wrong. Whatever else is wrong is a finding.

    """
    if config is not None and not isinstance(config, PipelineConfig):
        raise SettingError(f"config: {type(config).__name__} is not allowed; it must be PipelineConfig(...)")
    case = Case(
        config=config or PipelineConfig(),
        spark=spark,
        starts_spark=spark is None and "DATABRICKS_RUNTIME_VERSION" not in os.environ,
        probe_url=probe_url,
        ask_model=ask_model,
        may_write=write,
    )
    return Diagnosis(tuple(examine(case)))


def examine(case: Case, open_session: Callable[[], SparkSession] | None = None) -> Iterator[Finding]:
    """Yield the findings as they are made; `open_session` is called if there is no session and nothing speaks against one."""
    in_the_way = []
    for name, check in MACHINE_CHECKS.items():
        for finding in examined(name, check, case):
            if finding.verdict is Verdict.FAILURE and finding.name in _BEFORE_A_SESSION:
                in_the_way.append(finding.name)
            yield finding
    yield from examined("endpoint", check_endpoint, case)
    if case.spark is None:
        if in_the_way or open_session is None:
            why = f"no session: repair {', '.join(in_the_way)} first" if in_the_way else "no session was given"
            yield from (skipped(name, why) for name in ("session", *_OF_A_SESSION))
            return
        try:
            case = dataclasses.replace(case, spark=open_session())
        except SettingError:  # nothing that this machine lacks
            raise
        except PicsumVisionError as problem:
            yield failed_with("session", problem)
            yield from (skipped(name, "no session") for name in _OF_A_SESSION)
            return
    from picsum_vision.diagnosis.session_checks import SESSION_CHECKS  # noqa: PLC0415 - Spark is optional

    for name, check in SESSION_CHECKS.items():
        yield from examined(name, check, case)
