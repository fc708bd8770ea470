"""What the passes of a run have done so far, and the report that becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from picsum_vision.describing.spending import cost
from picsum_vision.options import DescribeOptions
from picsum_vision.run_report import StageReport
from picsum_vision.spark.job_state import StageState
from picsum_vision.spark.staging import PassFigures

DOWNLOAD: Final = "download"
DESCRIBE: Final = "describe"


class Tally:
    """Sums of one run. A stage's seconds are those of the passes that did it, whatever else they did."""

    def __init__(self) -> None:
        """Begin with nothing done."""
        self._seconds = {DOWNLOAD: 0.0, DESCRIBE: 0.0}
        self._rows = {DOWNLOAD: 0, DESCRIBE: 0}
        self._bytes = {DOWNLOAD: 0, DESCRIBE: 0}
        self._input_tokens: int | None = None
        self._output_tokens: int | None = None

    @contextmanager
    def timed(self, *stages: str) -> Iterator[None]:
        """Take the time of a block for these stages."""
        began_s = monotonic()
        yield
        for stage in stages:
            self._seconds[stage] += monotonic() - began_s

    def add(self, figures: PassFigures) -> None:
        """Take in what a pass did."""
        self._rows[DOWNLOAD] += figures.downloaded
        self._rows[DESCRIBE] += figures.described
        self._bytes[DOWNLOAD] += figures.bytes or 0
        self._bytes[DESCRIBE] += figures.bytes_sent or 0
        self._input_tokens = _sum(self._input_tokens, figures.input_tokens)
        self._output_tokens = _sum(self._output_tokens, figures.output_tokens)

    def download_report(self, now: StageState) -> StageReport:
        """Return the report on the downloads of the rows that were asked for."""
        return StageReport(
            by_status=now.by_status,
            seconds=self._seconds[DOWNLOAD],
            skipped=max(0, now.rows - self._rows[DOWNLOAD]),
            bytes=self._bytes[DOWNLOAD],
        )

    def describe_report(self, now: StageState, prices: DescribeOptions) -> StageReport:
        """Return the report on the answers; `prices` are the backend's own."""
        # A run that had nothing to ask says 0 where the rows that were there have tokens, as one that asked for free.
        tokens_in = self._input_tokens if self._input_tokens is not None or now.input_tokens is None else 0
        tokens_out = self._output_tokens if self._output_tokens is not None or now.output_tokens is None else 0
        return StageReport(
            by_status=now.by_status,
            seconds=self._seconds[DESCRIBE],
            skipped=max(0, now.rows - self._rows[DESCRIBE]),
            bytes=self._bytes[DESCRIBE],
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost=cost(prices, tokens_in, tokens_out),
        )


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more
