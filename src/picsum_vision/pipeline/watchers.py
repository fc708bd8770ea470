"""Who keeps what a run was: the place where the run's table, its measures and its MLflow run are hooked in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from picsum_vision.config import PipelineConfig
from picsum_vision.pipeline.question import Question
from picsum_vision.pipeline.run_log import RunLog
from picsum_vision.run_report import RunReport
from picsum_vision.spark.tables import TableStore

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What is known of a run from its start on; `asked` returns the addresses, by `image_url`, once the run is at work.

    `say` is told one line for each step; `stream` names the micro-batch, of a run that is one.
    """

    spark: SparkSession
    store: TableStore
    run_id: str
    config: PipelineConfig
    asked: Callable[[], DataFrame]
    question: Question
    say: Callable[[str], None]
    stream: str | None = None


class Watcher(Protocol):
    """Told of one run by the holder of the lease, so that it may write into the same schema without meeting another run."""

    def begun(self) -> None:
        """Take in that the run has the tables; nothing is done yet."""
        ...

    def ended(self, report: RunReport) -> RunReport:
        """Take in the run's figures; what is returned is the report from here on."""
        ...

    def failed(self, error: Exception) -> None:
        """Take in what the run came to an end of."""
        ...


def watchers_of(facts: RunFacts) -> tuple[Watcher, ...]:
    """Return who watches this run."""
    return (RunLog(facts),)
