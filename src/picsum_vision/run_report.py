"""What a run did, as figures, text and JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from picsum_vision.html_text import html_line, html_table
from picsum_vision.outcomes import DescribeStatus, DownloadStatus
from picsum_vision.quality import Quality

NO_ADDRESSES = "no addresses: the list or table that they come from (urls_from) has none, and nothing was done"
_MEGABYTE = 1_000_000
_STAGE_HEADS = ("", "ok", "failed", "there already", "seconds", "images/s", "MB", "tokens in + out", "cost")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageReport:
    """One stage over the rows that were asked for.

    `by_status` counts all of them, `skipped` those that an earlier run had done; `seconds`, `bytes`, tokens and `cost` are
    this run's.
    """

    by_status: dict[str, int]
    seconds: float
    skipped: int
    bytes: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.by_status.values())

    @property
    def ok(self) -> int:
        """How many rows have status ok."""
        return self.by_status.get("ok", 0)

    @property
    def failed(self) -> int:
        """How many rows have another status."""
        return self.rows - self.ok

    @property
    def images_per_second(self) -> float:
        """This run's rows for each second of the stage; 0 if there was nothing to do."""
        done = self.rows - self.skipped
        return done / self.seconds if done > 0 and self.seconds > 0 else 0.0

    def as_dict(self, *, tokens: bool) -> dict[str, Any]:
        """Return what `--json` prints for the stage."""
        figures: dict[str, Any] = {
            "ok": self.ok,
            "failed": self.failed,
            "by_status": self.by_status,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.images_per_second, 3),
            "bytes": self.bytes,
            "skipped": self.skipped,
        }
        if tokens:
            figures |= {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens, "cost": self.cost}
        return figures


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunReport:
    """What :func:`picsum_vision.run_pipeline` returns.

    `quality` has the measures of the table `image_quality`. `could_be_tried_again` rows failed in an earlier run for a reason
    that can change, and were left alone. `commonest_failure` says what most rows failed of where none is ok.
    """

    run_id: str
    rows: int
    download: StageReport
    describe: StageReport
    tables: dict[str, str]
    seconds: float
    min_ok_share: float | None = None
    quality: Quality | None = None
    could_be_tried_again: int = 0
    commonest_failure: str | None = None

    @property
    def ok_share(self) -> float:
        """The share of rows that have a description, 0 to 1; 0 where there are no rows."""
        return self.describe.ok / self.rows if self.rows else 0.0

    @property
    def state(self) -> str:
        """The run's state in `image_runs`: ok, share_missed (min_ok_share), or failed, if there are rows and none is ok."""
        if self.rows and not self.describe.ok:
            return "failed"
        return "ok" if self.min_ok_share is None or self.ok_share >= self.min_ok_share else "share_missed"

    @property
    def succeeded(self) -> bool:
        """Whether any row is ok, or there was none, and the share that was asked for was reached."""
        return self.state == "ok"

    @property
    def error(self) -> str | None:
        """Why the run has not succeeded, on one line; None if it has."""
        if self.state == "failed":
            return f"no row is ok: {self.commonest_failure}"
        if self.state == "share_missed":
            return f"min_ok_share: {self.ok_share:.3f} of the rows are ok, {self.min_ok_share} were asked for"
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "run_id": self.run_id,
            "state": self.state,
            "error": self.error,
            "rows": self.rows,
            "download": self.download.as_dict(tokens=False),
            "describe": self.describe.as_dict(tokens=True),
            "tables": self.tables,
            "seconds": round(self.seconds, 3),
            "quality": None if self.quality is None else self.quality.as_dict(),
        }

    @property
    def _title(self) -> str:
        return f"{self.rows:,} rows in {self.seconds:.1f} s (run {self.run_id})"

    @property
    def _errors(self) -> list[str]:
        return [] if self.error is None else [self.error]

    @property
    def _of_no_rows(self) -> list[str]:
        return [self._title, NO_ADDRESSES, *self._errors, "tables: " + ", ".join(self.tables.values())]

    @property
    def _left_alone(self) -> list[str]:
        if not self.could_be_tried_again:
            return []
        number = self.could_be_tried_again
        which = "1 row" if number == 1 else f"{number:,} rows"
        return [f"{which} failed before for a reason that can change: try again with --retry-failed (retry_failed=True)"]

    @property
    def _noticed(self) -> list[str]:
        return [] if self.quality is None else self.quality.lines()

    def _repr_html_(self) -> str:
        """Return the summary as a notebook shows it: a table of the stages, and one of what failed."""
        if not self.rows:
            return "".join(map(html_line, self._of_no_rows))
        stages = (("downloaded", self.download, DOWNLOAD_WORDS), ("described", self.describe, DESCRIBE_WORDS))
        failures = [
            (word, status, f"{rows:,}", words.get(status, ""))
            for word, stage, words in stages
            for rows, status in _failures(stage.by_status)
        ]
        return "".join(
            [
                html_line(self._title),
                html_table(_STAGE_HEADS, [(word, *_stage_cells(stage)) for word, stage, _ in stages]),
                html_table(("failed", "status", "rows", "what it means"), failures) if failures else "",
                *(html_line(f"noticed: {' '.join(line.split())}") for line in self._noticed),
                *map(html_line, [*self._left_alone, *self._errors]),
                html_line("tables: " + ", ".join(self.tables.values())),
            ]
        )

    def __str__(self) -> str:
        """Return the summary as lines of text."""
        if not self.rows:
            return "\n".join(self._of_no_rows)
        lines = [
            self._title,
            _stage_line("downloaded", self.download),
            *status_lines(self.download.by_status, DOWNLOAD_WORDS),
            _stage_line("described", self.describe),
            *status_lines(self.describe.by_status, DESCRIBE_WORDS),
            *(["  noticed:", *self._noticed] if self._noticed else []),
            *self._left_alone,
            *self._errors,
        ]
        return "\n".join([*lines, "tables: " + ", ".join(self.tables.values())])


def _stage_line(word: str, stage: StageReport) -> str:
    done = stage.rows - stage.skipped
    if done <= 0:
        return f"  {word}: {stage.ok:,} ok, {stage.failed:,} failed; all {stage.skipped:,} were there already"
    tokens = (
        f", {stage.input_tokens:,} + {stage.output_tokens:,} tokens"
        if stage.input_tokens and stage.output_tokens is not None
        else ""
    )
    size = f", {stage.bytes / _MEGABYTE:,.1f} MB" if stage.bytes else ""
    price = f", cost {stage.cost:,.4f}" if stage.cost is not None else ""
    before = f"; {stage.skipped:,} were there already" if stage.skipped else ""
    return (
        f"  {word}: {stage.ok:,} ok, {stage.failed:,} failed; {done:,} in {stage.seconds:.1f} s "
        f"({stage.images_per_second:,.1f} images/s{size}{tokens}{price}){before}"
    )


def status_lines(by_status: dict[str, int], words: dict[str, str]) -> list[str]:
    """Return a line for each status but ok, the most frequent first, with what it means."""
    return [f"    {number:>7,}  {status:<16} {words.get(status, '')}".rstrip() for number, status in _failures(by_status)]


def _failures(by_status: dict[str, int]) -> list[tuple[int, str]]:
    return sorted(((number, status) for status, number in by_status.items() if status != "ok"), reverse=True)


def _stage_cells(stage: StageReport) -> tuple[str, ...]:
    tokens = "" if stage.input_tokens is None else f"{stage.input_tokens:,} + {stage.output_tokens or 0:,}"
    cost = "" if stage.cost is None else f"{stage.cost:,.4f}"
    size = f"{stage.bytes / _MEGABYTE:,.1f}" if stage.bytes else ""
    figures = (f"{stage.seconds:.1f}", f"{stage.images_per_second:,.1f}", size, tokens, cost)
    return (f"{stage.ok:,}", f"{stage.failed:,}", f"{stage.skipped:,}", *figures)


DOWNLOAD_WORDS = {
    DownloadStatus.INVALID_URL.value: "not an http(s) URL",
    DownloadStatus.BLOCKED_ADDRESS.value: "a loopback, private or metadata address (--allow-private-addresses)",
    DownloadStatus.DNS.value: "the host's name has no address",
    DownloadStatus.CONNECT.value: "no connection",
    DownloadStatus.TLS.value: "no trusted TLS connection",
    DownloadStatus.TIMEOUT.value: "no whole answer in time (--timeout)",
    DownloadStatus.HTTP_ERROR.value: "the host answered with an error, as 404 for a picture that does not exist",
    DownloadStatus.RATE_LIMITED.value: "the host kept refusing for load",
    DownloadStatus.NOT_AN_IMAGE.value: "the host sent something else",
    DownloadStatus.OPTED_OUT.value: "the host forbids use for artificial intelligence",
}
DESCRIBE_WORDS = {
    DescribeStatus.NO_IMAGE.value: "nothing to describe: the download failed",
    DescribeStatus.AUTH.value: "the endpoint refuses the key (--api-key-env)",
    DescribeStatus.RATE_LIMITED.value: "the endpoint kept refusing for load (--requests-per-minute)",
    DescribeStatus.CONNECT.value: "no connection to the endpoint (--endpoint-url)",
    DescribeStatus.CUT_OFF.value: "the answer reached max_output_tokens",
}
