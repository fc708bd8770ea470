"""A run's own count of what it does, told to whoever shows it.

Two sources: what passes have committed, which is exact, and what running tasks tell of themselves (`spark.beacon`), which is
ahead of it and for the eye. Of the two a step shows the one that knows of more rows; what has been committed is never shown less.
Where tasks cannot be heard, the speed of earlier passes stands in.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from picsum_vision.describing.spending import cost
from picsum_vision.run_progress import ProgressEvent, Step
from picsum_vision.spark.beacon import Listener, listening
from picsum_vision.spark.row_sums import RowSums

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.options import DescribeOptions

Show = Callable[[ProgressEvent], None]

# How often one that does not say so itself is shown a running step.
_LOOK_EVERY_S: Final = 10.0
_SPEED_OVER_S: Final = 30.0
_SPEED_FROM_S: Final = 1.0
# A reckoned count never says that all is done.
_RECKONED_AT_MOST: Final = 0.95
_log = logging.getLogger(__name__)


class RunProgress:
    """One run's progress, for one `show`: a callable that takes a ProgressEvent; its `look_every_s`, if it has one, is obeyed."""

    def __init__(
        self, show: Show | None, *, prices: DescribeOptions | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin to count; `prices` are the options with the model's prices."""
        self._show = show
        self._prices = prices
        self._clock = clock
        self._began_s = clock()
        self._run = RowSums()  # of the steps before this one
        self._step = RowSums()  # what this step's passes have committed
        self._listener: Listener | None = None
        self._shown = threading.Lock()
        self._counted = threading.RLock()
        self._begin("prepare", None)

    def say(self, message: str) -> None:
        """Tell one line."""
        self._tell(message)

    def begin(self, step: Step, rows: int | None = None, message: str = "") -> None:
        """Begin a step over `rows` rows (None: nothing to count)."""
        with self._counted:
            self._begin(step, rows)
        self._tell(message)

    def passed(self, sums: RowSums, message: str = "") -> None:
        """Take in what a pass has committed."""
        with self._counted:
            self._step.add(sums)
            self._committed_at_s = self._clock()
        self._tell(message)

    @contextlib.contextmanager
    def watching(self, spark: SparkSession) -> Iterator[None]:
        """Hear of the rows of whatever stages are planned and run meanwhile, and show a look in between now and then."""
        if self._show is None:
            yield
            return
        with listening(spark) as listener:
            self._listener = listener
            ended = threading.Event()
            ticker = threading.Thread(target=self._tick, args=(ended,), name="picsum-vision-progress-look", daemon=True)
            ticker.start()
            try:
                yield
            finally:
                ended.set()
                ticker.join()
                self._listener = None

    def event(self, message: str = "") -> ProgressEvent:
        """Return what is known now."""
        with self._counted:
            return self._event(message)

    def _begin(self, step: Step, rows: int | None) -> None:
        if self._listener is not None:
            self._listener.settle()
        self._run.add(self._step)
        self._name: Step = step
        self._rows = rows
        self._step = RowSums()
        self._step_began_s = self._committed_at_s = self._clock()
        self._looks: deque[tuple[float, int]] = deque([(self._step_began_s, 0)])

    def _event(self, message: str) -> ProgressEvent:
        now_s = self._clock()
        heard = RowSums() if self._listener is None else self._listener.sums()
        step = heard if heard.rows > self._step.rows else self._step
        run = _together(self._run, step)
        reckoned = self._reckoned_rows(now_s)
        rows = self._capped(step.rows + reckoned)
        speed = self._average() if reckoned else self._speed(now_s, rows)
        return ProgressEvent(
            step=self._name,
            message=message,
            rows_done=rows,
            rows_total=self._rows,
            is_estimate=reckoned > 0,
            download_by_status=dict(step.download),
            describe_by_status=dict(step.describe),
            bytes=step.bytes,
            input_tokens=run.input_tokens,
            output_tokens=run.output_tokens,
            cost=None if self._prices is None else cost(self._prices, run.input_tokens, run.output_tokens),
            images_per_second=speed,
            elapsed_s=now_s - self._began_s,
            left_s=max(0, self._rows - rows) / speed if self._rows is not None and speed > 0 else None,
        )

    def _capped(self, rows: int) -> int:
        return rows if self._rows is None else min(rows, self._rows)

    def _reckoned_rows(self, now_s: float) -> int:
        """Return how many rows the running pass has probably done, if its tasks cannot be heard."""
        if self._rows is None or (self._listener is not None and self._listener.has_heard):
            return 0
        left = self._rows - self._step.rows
        return max(0, min(int(self._average() * (now_s - self._committed_at_s)), int(left * _RECKONED_AT_MOST)))

    def _average(self) -> float:
        """Return the rows a second of this step's passes."""
        took_s = self._committed_at_s - self._step_began_s
        return self._step.rows / took_s if took_s > 0 else 0.0

    def _speed(self, now_s: float, rows: int) -> float:
        """Return the rows a second over the last half minute."""
        self._looks.append((now_s, rows))
        while len(self._looks) > 2 and now_s - self._looks[1][0] > _SPEED_OVER_S:  # noqa: PLR2004 - two ends
            self._looks.popleft()
        then_s, before = self._looks[0]
        took_s = now_s - then_s
        return (rows - before) / took_s if took_s >= _SPEED_FROM_S and rows > before else 0.0

    def _tick(self, ended: threading.Event) -> None:
        while not ended.wait(getattr(self._show, "look_every_s", _LOOK_EVERY_S)):
            self._tell("")

    def _tell(self, message: str) -> None:
        """Show an event. What goes wrong in showing must not cost the run its rows: it is told once, and no more is shown."""
        with self._shown:
            if self._show is None:
                return
            try:
                self._show(self.event(message))
            except Exception:  # noqa: BLE001 - the caller's own function may raise anything
                self._show = None
                _log.warning("progress cannot be shown any more; the run goes on", exc_info=True)


def _together(one: RowSums, other: RowSums) -> RowSums:
    total = RowSums()
    total.add(one)
    total.add(other)
    return total
