"""The figures of a job, read from its tables by aggregation: no image is read, and little comes to the driver."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from picsum_vision.describing.spending import cost
from picsum_vision.describing.tasks import Describe
from picsum_vision.quality import Quality
from picsum_vision.report.quality_figures import quality_figures
from picsum_vision.report.run_figures import page_runs
from picsum_vision.report.time_figures import latency, throughput
from picsum_vision.run_report import DESCRIBE_WORDS, DOWNLOAD_WORDS
from picsum_vision.spark.job_state import JobState, StageState
from picsum_vision.spark.lease import holding_run
from picsum_vision.spark.quality_rules import AskedLanguage, measured
from picsum_vision.spark.run_table import RunRow, latest_runs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from picsum_vision.options import DescribeOptions
    from picsum_vision.spark.tables import TableStore

_REASONS: Final = 200
_REASON_CHARACTERS: Final = 200
_RUNS: Final = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figures:
    """What was asked for, what became of it, what is odd about it, which runs there were, and all that the page says beside."""

    asked: int
    state: JobState
    quality: Quality
    runs: list[RunRow]
    details: dict[str, Any]

    @classmethod
    def read(cls, store: TableStore, *, prices: DescribeOptions) -> Figures:
        """Read the tables; raises TableProblem if one is not there. `prices` are those of its tokens, if it has any."""
        asked = store.read("image_urls")
        images, answers = store.among("image_codes", asked), store.among("image_desc", asked)
        state = JobState.read(store, asked)
        runs = latest_runs(store, at_most=_RUNS, holder=holding_run(store))
        quality = measured(images, answers, _asked_language(runs), several_answers=True)
        return cls(
            asked=asked.count(),
            state=state,
            quality=quality,
            runs=runs,
            details={
                "download": _stage(images, "download_outcome", state.download, DOWNLOAD_WORDS),
                "describe": _stage(answers, "describe_outcome", state.describe, DESCRIBE_WORDS),
                "models": _models(answers, prices),
                "cost": cost(prices, state.describe.input_tokens, state.describe.output_tokens),
                "quality": quality_figures(images, answers, quality),
                "runs": page_runs(runs),
            },
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what the page's script reads."""
        return {"asked": self.asked, **self.details}


def _stage(rows: DataFrame, outcome: str, state: StageState, words: dict[str, str]) -> dict[str, Any]:
    return {
        **dataclasses.asdict(state),
        "words": {status: words[status] for status in state.by_status if status in words},
        "reasons": _reasons(rows, outcome),
        "throughput": throughput(rows, outcome),
        "latency": latency(rows, outcome),
    }


def _reasons(rows: DataFrame, outcome: str) -> list[dict[str, Any]]:
    """Return the most frequent reasons of failures."""
    failed = rows.where(f"{outcome}.status != 'ok'").select(
        f"{outcome}.status", f"{outcome}.http_status", F.substring(f"{outcome}.message", 1, _REASON_CHARACTERS).alias("message")
    )
    counted = failed.groupBy("status", "http_status", "message").agg(F.count(F.lit(1)).alias("rows"))
    return [row.asDict() for row in counted.orderBy(F.desc("rows"), "status", "http_status", "message").limit(_REASONS).collect()]


def _models(answers: DataFrame, prices: DescribeOptions) -> list[dict[str, Any]]:
    """Return rows and tokens by model and task."""
    asked = answers.select("describe_outcome.*").where("status != 'no_image'")
    sums = (F.sum(name).alias(name) for name in ("input_tokens", "output_tokens", "image_bytes_sent", "attempts"))
    counted = asked.groupBy("model", "task").agg(F.count(F.lit(1)).alias("rows"), *sums).orderBy(F.desc("rows"), "model", "task")
    models = [row.asDict() for row in counted.limit(_REASONS).collect()]
    return [{**model, "cost": cost(prices, model["input_tokens"], model["output_tokens"])} for model in models]


def _asked_language(runs: Sequence[RunRow]) -> AskedLanguage | None:
    """Return the language that the newest run asked free descriptions in; None where none has said so."""
    task = json.loads(runs[0].settings or "{}").get("task", {}) if runs else {}
    return AskedLanguage(tag=task["language"], prompt=task["prompt"]) if task.get("kind") == Describe.__name__ else None
