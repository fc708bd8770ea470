"""What the passes of a run have done so far, and the report that becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from picsum_vision.describing.spending import cost
from picsum_vision.options import DescribeOptions
from picsum_vision.pipeline.standing import Survey
from picsum_vision.run_report import StageReport
from picsum_vision.spark.staging import ChunkFigures

DOWNLOAD: Final = "download"
DESCRIBE: Final = "describe"


class Tally:
    """Sums of one run. A stage's seconds are those of the passes that did it, whatever else they did."""

    def __init__(self) -> None:
        """Begin with nothing done."""
        self.groups: list[dict[str, Any]] = []
        self._seconds = {DOWNLOAD: 0.0, DESCRIBE: 0.0}
        self._rows = {DOWNLOAD: 0, DESCRIBE: 0}
        self._totals: dict[str, int | None] = dict.fromkeys(("bytes", "bytes_sent", "input_tokens", "output_tokens"))

    @contextmanager
    def timed(self, *stages: str) -> Iterator[None]:
        """Take the time of a block for these stages."""
        began_s = monotonic()
        yield
        for stage in stages:
            self._seconds[stage] += monotonic() - began_s

    def add(self, figures: ChunkFigures) -> None:
        """Take in what a pass did."""
        self.groups += figures.groups
        for stage in self._rows:
            self._rows[stage] += figures.rows_with(f"{stage}_status")
        for name, total in self._totals.items():
            self._totals[name] = _sum(total, figures.total(name))

    def download_report(self, now: Survey) -> StageReport:
        """Return the report on the downloads of the rows that were asked for."""
        return self._report(DOWNLOAD, now.by_status("download_status"), bytes=self._totals["bytes"] or 0)

    def describe_report(self, now: Survey, prices: DescribeOptions) -> StageReport:
        """Return the report on the answers; `prices` are the backend's own."""
        tokens = {name: self._tokens(name, now) for name in ("input_tokens", "output_tokens")}
        return self._report(
            DESCRIBE,
            now.by_status("describe_status"),
            bytes=self._totals["bytes_sent"] or 0,
            cost=cost(prices, tokens["input_tokens"], tokens["output_tokens"]),
            **tokens,
        )

    def _report(self, stage: str, by_status: dict[str, int], **figures: Any) -> StageReport:
        skipped = max(0, sum(by_status.values()) - self._rows[stage])
        return StageReport(by_status=by_status, seconds=self._seconds[stage], skipped=skipped, **figures)

    def _tokens(self, name: str, now: Survey) -> int | None:
        """Return the tokens of this run: 0 where it had nothing to ask and the rows that were there have some."""
        mine = self._totals[name]
        return mine if mine is not None or now.total(name) is None else 0


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more
