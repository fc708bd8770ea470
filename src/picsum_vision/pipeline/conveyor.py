"""Staging tables in turn: a thread for each pass evaluates it into one and publishes it, while the next pass is at work.

Spark gives slots to the pass that was begun first: one that is begun while another runs takes the slots that this one leaves,
before that one's commit.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar

from picsum_vision.spark.staging import PassFigures, Staging
from picsum_vision.spark.threads import inheriting

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_AT_WORK: Final = "picsum-vision at work on"
Result = TypeVar("Result")


class Conveyor:
    """Takes the rows of one pass after the other; see docs/decisions/0005-the-job.md for what may end where."""

    def __init__(self, spark: SparkSession, staging: Staging, check: Callable[[], None], say: Callable[[str], None]) -> None:
        """Begin when no thread of a run that was interrupted in this process is at the tables any more.

        `check` raises where these tables are another run's by now; it is called before anything is published.
        """
        left = [thread for thread in threading.enumerate() if _is_at_work_on(thread, staging)]
        if left:
            say("waiting for what an interrupted run of this process still has under way")
        for thread in left:
            thread.join()
        self._spark = spark
        self._staging = staging
        self._check = check
        self._one_at_a_time = threading.Lock()
        self._of_table: dict[str, StagedPass] = {}
        self._beside: list[threading.Thread] = []
        self.passes = 0  # how many it has taken

    def beside(self, work: Callable[[], Result]) -> Future[Result]:
        """Begin `work` on a thread of its own: who is interrupted does not wait for it, a later run in this process does."""
        done: Future[Result] = Future()
        thread = _thread(self._spark, self._staging, lambda: _settle(done, work))
        self._beside.append(thread)
        thread.start()
        return done

    def take(self, rows: DataFrame) -> StagedPass:
        """Begin a pass whose rows are kept and then published. Waits where all staging tables are still taken."""
        table = self._staging.names[self.passes % len(self._staging.names)]
        self._wait_for(table)
        self.passes += 1
        begun = StagedPass(self._staging, table, rows, self._one_at_a_time, self._check)
        self._of_table[table] = begun
        return begun

    def settle(self) -> None:
        """Wait until everything is published; raises what went wrong on the way."""
        for table in list(self._of_table):
            self._wait_for(table)

    def let_finish(self) -> None:
        """Wait until nothing is under way any more, however that ends: what a pass leaves, the next run publishes."""
        for thread in self._beside:
            thread.join()
        for begun in self._of_table.values():
            begun.join()

    def abandon(self) -> None:
        """Let every pass end with its commit, without waiting for it: the next run publishes what it leaves."""
        for begun in self._of_table.values():
            begun.abandon()

    def _wait_for(self, table: str) -> None:
        begun = self._of_table.get(table)
        if begun is not None:
            begun.wait()
            del self._of_table[table]


class StagedPass:
    """One pass on its way. The thread is a daemon: who is ended does not wait, for the next run publishes what is left."""

    def __init__(
        self, staging: Staging, table: str, rows: DataFrame, one_at_a_time: threading.Lock, check: Callable[[], None]
    ) -> None:
        """Begin it."""
        self._all_new, self._repeats = False, True
        self._is_abandoned = False
        self._staging = staging
        self._table = table
        self._rows = rows
        self._one_at_a_time = one_at_a_time
        self._check = check
        self._figures: PassFigures | None = None
        self._error: BaseException | None = None
        self._is_evaluated = threading.Event()
        self._may_publish = threading.Event()
        self._thread = _thread(rows.sparkSession, staging, self._run)
        self._thread.start()

    def figures(self) -> PassFigures:
        """Wait until the pass is evaluated and committed, and return what it did; raises what went wrong."""
        self._is_evaluated.wait()
        if self._figures is None:
            self.wait()
        assert self._figures is not None  # noqa: S101 - or there is an error, which was raised
        return self._figures

    def publish(self, *, all_new: bool, repeats: bool) -> None:
        """Let its rows go into the tables; `all_new` if none of them can be there, `repeats` if one may have come twice."""
        self._all_new, self._repeats = all_new, repeats
        self._may_publish.set()

    def abandon(self) -> None:
        """Let it end without being published."""
        self._is_abandoned = True
        self._may_publish.set()

    def join(self) -> None:
        """Wait for the end."""
        self._may_publish.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait for the end and raise what went wrong."""
        self.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            staged, self._figures = self._staging.write(self._table, self._rows)
            self._is_evaluated.set()
            self._may_publish.wait()
            if self._is_abandoned:
                return
            with self._one_at_a_time:
                self._check()
                repeats = staged.repeats or self._repeats
                self._staging.publish(dataclasses.replace(staged, repeats=repeats), all_new=self._all_new)
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._error = error
        finally:
            self._is_evaluated.set()


def _settle(done: Future[Result], work: Callable[[], Result]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001 - whoever waits raises it
        done.set_exception(error)


def _thread(spark: SparkSession, staging: Staging, work: Callable[[], None]) -> threading.Thread:
    """Return a thread that is not begun, whose name says what tables it is at work on."""
    return threading.Thread(target=inheriting(spark, work), name=f"{_AT_WORK} {', '.join(staging.places)}", daemon=True)


def _is_at_work_on(thread: threading.Thread, staging: Staging) -> bool:
    return thread.name.startswith(_AT_WORK) and any(place in thread.name for place in staging.places)
