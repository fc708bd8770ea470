"""A run's progress: what is counted, reckoned and shown."""

from __future__ import annotations

import io
import logging
from collections import Counter

import pytest

from picsum_vision.options import DescribeOptions
from picsum_vision.progress.lines import ProgressLines
from picsum_vision.progress.notebook import as_html
from picsum_vision.progress.tracker import RunProgress
from picsum_vision.run_progress import ProgressEvent, time_text
from picsum_vision.spark.row_sums import RowSums

PRICES = DescribeOptions(input_price_per_million_tokens=1.0, output_price_per_million_tokens=2.0)


class Clock:
    """A clock that stands still until it is moved."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def sums(rows: int, failed: int = 0) -> RowSums:
    return RowSums(
        download=Counter({"ok": rows - failed, **({"timeout": failed} if failed else {})}),
        describe=Counter({"ok": rows - failed, **({"no_image": failed} if failed else {})}),
        bytes=1_000_000 * rows,
        input_tokens=1_000 * rows,
        output_tokens=100 * rows,
    )


def test_what_passes_commit_is_counted_exactly() -> None:
    """After each pass an event says rows, speed, failures, tokens, cost and time left."""
    clock, events = Clock(), []
    progress = RunProgress(events.append, prices=PRICES, clock=clock)
    progress.begin("download_and_describe", 100, "100 images to download")
    clock.now_s += 10
    progress.passed(sums(40, failed=4))
    event = events[-1]
    assert (event.rows_done, event.rows_total, event.rows_left, event.is_estimate) == (40, 100, 60, False)
    assert (event.images_per_second, event.left_s, event.elapsed_s) == (4.0, 15.0, 10.0)
    assert event.failures == {"timeout": 4}  # a row without an image failed once, not twice
    assert event.cost == pytest.approx(40 * (1_000 * 1 + 100 * 2) / 1_000_000)
    assert str(event) == (
        "downloading and describing 40 of 100, 4.0 images/s, 40.0 MB, 4 failed (4 timeout), 40,000 + 4,000 tokens, "
        "cost 0.0480, 15 s left"
    )
    assert str(events[0]) == "100 images to download"


def test_a_pass_that_cannot_be_heard_is_reckoned() -> None:
    """Where no task is heard, the speed of earlier passes moves the count, which never says that all is done and says `about`."""
    clock = Clock()
    progress = RunProgress(None, clock=clock)
    progress.begin("download", 100)
    clock.now_s += 10
    assert progress.event().rows_done == 0
    progress.passed(sums(40))
    clock.now_s += 5
    assert (progress.event().rows_done, progress.event().is_estimate, progress.event().count) == (60, True, "about 60 of 100")
    assert progress.event().left_s == 10
    clock.now_s += 1_000
    assert progress.event().rows_done == 97
    progress.passed(sums(60))
    assert (progress.event().rows_done, progress.event().is_estimate, progress.event().left_s) == (100, False, 0)


def test_a_new_step_counts_anew_but_the_run_keeps_its_tokens() -> None:
    """Rows are a step's, tokens and cost the run's."""
    clock = Clock()
    progress = RunProgress(None, prices=PRICES, clock=clock)
    progress.begin("download_and_describe", 10)
    progress.passed(sums(10))
    progress.begin("describe", 5)
    event = progress.event()
    assert (event.rows_done, event.input_tokens, event.failures) == (0, 10_000, {})


def test_a_display_that_fails_does_not_cost_the_run(caplog) -> None:
    """What raises while it shows is told of once in the log and shown nothing any more."""

    def broken(_: ProgressEvent) -> None:
        raise ValueError("no screen")

    progress = RunProgress(broken)
    with caplog.at_level(logging.WARNING):
        progress.say("one")
        progress.say("two")
    assert [record.getMessage() for record in caplog.records] == ["progress cannot be shown any more; the run goes on"]


def test_lines_are_sparse() -> None:
    """Messages are all written; of the looks in between those of an hour fit on one screen, whatever their number."""
    stream = io.StringIO()
    show = ProgressLines(stream)
    show(ProgressEvent(step="download", message="1,000 images to download"))
    for second in range(3_600):
        show(ProgressEvent(step="download", rows_done=second, rows_total=4_000, elapsed_s=float(second)))
    lines = stream.getvalue().splitlines()
    assert lines[0].endswith("1,000 images to download")
    assert 10 <= len(lines) <= 40


def test_html_is_text() -> None:
    """What a table or endpoint has made up is no markup in a notebook."""
    shown = as_html(ProgressEvent(step="download", rows_total=5, download_by_status={"<b>": 2}), "")
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7_800, "2 h 10 min")])
def test_spans(seconds: float, text: str) -> None:
    """A span is said as people say it."""
    assert time_text(seconds) == text
