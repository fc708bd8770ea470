"""What running tasks tell the driver of their rows: small datagrams, with sums, to a socket of this process.

It is for the eye only. A datagram that is lost is made good by the next one, for each holds the task's sums since its start;
where none can come (Spark Connect to another machine, a firewall) nothing waits for them. What counts is what was committed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
import socket
import threading
import time
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from picsum_vision.spark.row_sums import OUTCOMES, RowSums

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_TELL_EVERY_S: Final = 0.5
_LOOK_UP_EVERY_S: Final = 0.1
_LARGEST_DATAGRAM: Final = 8_192
_TASKS_AT_MOST: Final = 100_000


@dataclasses.dataclass(frozen=True)
class Beacon:
    """Where a task sends its sums, and the word by which they are known to be meant for the listener."""

    host: str
    port: int
    token: str
    stage: str = ""

    def for_stage(self) -> Beacon:
        """Return one for a stage that is being planned, so that its tasks are told from those of other stages."""
        return dataclasses.replace(self, stage=secrets.token_hex(8))


_current: ContextVar[Beacon | None] = ContextVar("picsum_vision_beacon", default=None)


def current_beacon() -> Beacon | None:
    """Return where the stage that is planned now shall tell of its rows; None: nobody listens."""
    beacon = _current.get()
    return None if beacon is None else beacon.for_stage()


def told(batches: Iterator[pa.RecordBatch], beacon: Beacon | None, added: Collection[str] = OUTCOMES) -> Iterator[pa.RecordBatch]:
    """Pass a task's batches on, and tell of the outcomes that its stage has `added`, about twice a second and at the end."""
    return batches if beacon is None else _telling(batches, beacon, added)


def _telling(batches: Iterator[pa.RecordBatch], beacon: Beacon, added: Collection[str]) -> Iterator[pa.RecordBatch]:
    sums = RowSums()
    told_at_s = 0.0
    with contextlib.closing(_Sender(beacon)) as sender:
        for batch in batches:
            sums.count(batch, added)
            if time.monotonic() - told_at_s >= _TELL_EVERY_S:
                sender.send(sums)
                told_at_s = time.monotonic()
            yield batch
        sender.send(sums)


class _Sender:
    """A task's side: nothing that goes wrong here may reach the rows."""

    def __init__(self, beacon: Beacon) -> None:
        from pyspark import TaskContext  # noqa: PLC0415 - asked for on a worker only

        self._beacon = beacon
        context = TaskContext.get()
        self._task = (context.partitionId(), context.attemptNumber()) if context is not None else (0, 0)
        self._socket = _connected(beacon)

    def send(self, sums: RowSums) -> None:
        if self._socket is None:
            return
        told = {"token": self._beacon.token, "stage": self._beacon.stage, "task": self._task, **sums.as_dict()}
        with contextlib.suppress(OSError):  # nobody listens any more, or the buffer is full: the next one says it again
            self._socket.send(json.dumps(told).encode())

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _connected(beacon: Beacon) -> socket.socket | None:
    """Return a socket that sends to the listener, None where this machine has no way to it."""
    made: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(beacon.host, beacon.port, type=socket.SOCK_DGRAM)[0]
        made = socket.socket(family, kind, protocol)
        made.settimeout(0)
        made.connect(address)
    except OSError:
        if made is not None:
            made.close()
        return None
    return made


class Listener:
    """The driver's side: the sums of the tasks of stages that were planned while it was open."""

    def __init__(self, host: str) -> None:
        """Listen on an address of this machine; raises OSError if `host` is none."""
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.bind(address)
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(_LOOK_UP_EVERY_S)
        self.beacon = Beacon(host, self._socket.getsockname()[1], secrets.token_hex(16))
        self.has_heard = False
        self._of_task: dict[tuple[str, int], tuple[int, RowSums]] = {}
        self._settled: set[str] = set()
        self._lock = threading.Lock()
        self._is_open = True
        self._thread = threading.Thread(target=self._listen, name="picsum-vision-progress", daemon=True)
        self._thread.start()

    def sums(self) -> RowSums:
        """Return what the tasks of stages that are not settled have told so far."""
        total = RowSums()
        with self._lock:
            for _, sums in self._of_task.values():
                total.add(sums)
        return total

    def settle(self) -> RowSums:
        """Return the same and forget it: what those stages say from now on, or say late, does not count."""
        total = self.sums()
        with self._lock:
            self._settled.update(stage for stage, _ in self._of_task)
            self._of_task.clear()
        return total

    def close(self) -> None:
        """Listen no more."""
        self._is_open = False
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while self._is_open:
            try:
                datagram = self._socket.recv(_LARGEST_DATAGRAM)
            except OSError:  # nothing came for a while
                continue
            word = _read(datagram, self.beacon.token)
            if word is not None:
                self._take(word)

    def _take(self, word: _Word) -> None:
        """Keep the newest attempt's latest word: datagrams may overtake one another, and a task may be run again."""
        task = (word.stage, word.partition)
        with self._lock:
            self.has_heard = True
            if word.stage in self._settled:
                return
            before = self._of_task.get(task)
            if before is None and len(self._of_task) >= _TASKS_AT_MOST:
                return
            if before is None or (word.attempt, word.sums.rows) >= (before[0], before[1].rows):
                self._of_task[task] = (word.attempt, word.sums)


@contextlib.contextmanager
def listening(spark: SparkSession) -> Iterator[Listener | None]:
    """Hear of the rows of stages that are planned and run meanwhile; None where the workers cannot reach this process."""
    listener = _listener(spark)
    if listener is None:
        yield None
        return
    before = _current.set(listener.beacon)
    try:
        yield listener
    finally:
        _current.reset(before)
        listener.close()


def _listener(spark: SparkSession) -> Listener | None:
    """Listen where Spark's own workers find their driver, if that is here and not on a server of Spark Connect elsewhere."""
    from picsum_vision.spark.conf import session_setting  # noqa: PLC0415 - workers need none of it

    host = session_setting(spark, "spark.driver.host")
    try:
        return Listener(host) if host else None
    except OSError:  # an address of another machine
        return None


@dataclasses.dataclass(frozen=True)
class _Word:
    stage: str
    partition: int
    attempt: int
    sums: RowSums


def _read(datagram: bytes, token: str) -> _Word | None:
    """Return what a task said; None for whatever else may come to a socket."""
    try:
        told: dict[str, Any] = json.loads(datagram)
        if not secrets.compare_digest(str(told["token"]).encode(), token.encode()):
            return None
        partition, attempt = (int(number) for number in told["task"])
        return _Word(str(told["stage"]), partition, attempt, RowSums.from_dict(told))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
