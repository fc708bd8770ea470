"""Two staging tables in turn: while one is filled by a pass over hosts and models, a thread publishes the other one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from picsum_vision.spark.staging import PassFigures, Staging

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from picsum_vision.spark.publishing import Staged


class Conveyor:
    """Takes the rows of one pass after the other; see docs/decisions/0005-the-job.md for what may end where."""

    def __init__(self, staging: Staging) -> None:
        """Begin when no thread of a run that was interrupted in this process is at the tables any more."""
        of_these = {_thread_name(table) for table in staging.names}
        for thread in threading.enumerate():
            if thread.name in of_these:
                thread.join()
        self._staging = staging
        self._passes = 0
        self._publishing: _Publishing | None = None

    def take(self, rows: DataFrame, *, all_new: bool) -> PassFigures:
        """Evaluate a pass and keep its rows; they are published while the next one runs."""
        name = self._staging.names[self._passes % len(self._staging.names)]
        self._passes += 1
        staged, figures = self._staging.write(name, rows)
        self.settle()
        self._publishing = _Publishing(self._staging, staged, all_new=all_new)
        return figures

    def settle(self) -> None:
        """Wait until everything is published; raises what went wrong on the way."""
        publishing, self._publishing = self._publishing, None
        if publishing is not None:
            publishing.wait()

    def let_finish(self) -> None:
        """Wait until nothing is being published any more, however that ends: what it leaves, the next run publishes."""
        if self._publishing is not None:
            self._publishing.join()


class _Publishing:
    """One table's way out. The thread is a daemon: who is ended does not wait, for the next run publishes what is left."""

    def __init__(self, staging: Staging, staged: Staged, *, all_new: bool) -> None:
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._publish, args=(staging, staged, all_new), name=_thread_name(staged.table), daemon=True
        )
        self._thread.start()

    def _publish(self, staging: Staging, staged: Staged, all_new: bool) -> None:  # noqa: FBT001 - a thread's argument
        try:
            staging.publish(staged, all_new=all_new)
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._error = error

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def wait(self) -> None:
        """Wait for the end and raise what went wrong."""
        self.join()
        if self._error is not None:
            raise self._error


def _thread_name(table: str) -> str:
    return f"picsum-vision publishes {table}"
