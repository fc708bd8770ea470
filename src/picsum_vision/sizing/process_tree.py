"""CPU seconds and peak memory of this machine's processes while a stage runs, read from outside.

Only where the workers are processes below this one: a local session. Elsewhere nothing is said rather than something wrong.
"""

from __future__ import annotations

import contextlib
import importlib.util
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.spark.conf import workers_are_here

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SAMPLE_EVERY_S: Final = 0.2
_LOOK_FOR_CHILDREN_EVERY_S: Final = 0.6
_MB: Final = 1_000_000


def why_not_measured(spark: SparkSession) -> str | None:
    """Return why CPU and memory cannot be measured here, None if they can."""
    if importlib.util.find_spec("psutil") is None:
        return "psutil is not installed: pip install 'picsum-vision[bench]'"
    return None if workers_are_here(spark) else "the workers are no processes of this session"


class ProcessTree:
    """Watches this process and all below it.

    A process that comes and goes between two looks (0.6 s) is missed. Memory is the resident set, in which pages that forked
    processes share count for each of them.
    """

    def __init__(self) -> None:
        """Look at nothing yet."""
        self._psutil: Any = importlib.import_module("psutil")
        self._gone = (self._psutil.NoSuchProcess, self._psutil.ZombieProcess, self._psutil.AccessDenied)
        self._root = self._psutil.Process()
        self._kinds: dict[int, str] = {}

    @contextlib.contextmanager
    def watch(self) -> Iterator[TreeFigures]:
        """Watch while the block runs; the figures are filled when it ends."""
        figures = TreeFigures()
        before = self._cpu_s()
        ended = threading.Event()
        thread = threading.Thread(target=self._sample, args=(figures, ended), name="picsum-vision process-tree", daemon=True)
        thread.start()
        try:
            yield figures
        finally:
            ended.set()
            thread.join()
            for pid, (kind, seconds) in self._cpu_s().items():
                figures.last_cpu_s[pid] = (kind, seconds)
            figures.fill(before)

    def _sample(self, figures: TreeFigures, ended: threading.Event) -> None:
        processes, looked_s = list(self._tree()), time.monotonic()
        while True:
            for process in processes:
                with contextlib.suppress(*self._gone):
                    kind = self._kind(process)
                    figures.peak_bytes[process.pid] = (
                        kind,
                        max(figures.peak_bytes.get(process.pid, (kind, 0))[1], process.memory_info().rss),
                    )
                    figures.last_cpu_s[process.pid] = (kind, _used_s(process))
            if ended.wait(_SAMPLE_EVERY_S):
                return
            if time.monotonic() - looked_s >= _LOOK_FOR_CHILDREN_EVERY_S:
                processes, looked_s = list(self._tree()), time.monotonic()

    def _cpu_s(self) -> dict[int, tuple[str, float]]:
        used = {}
        for process in self._tree():
            with contextlib.suppress(*self._gone):
                used[process.pid] = (self._kind(process), _used_s(process))
        return used

    def _tree(self) -> Iterator[Any]:
        yield self._root
        with contextlib.suppress(*self._gone):
            yield from self._root.children(recursive=True)

    def _kind(self, process: Any) -> str:
        if process.pid not in self._kinds:
            self._kinds[process.pid] = "driver" if process.pid == self._root.pid else kind_of(process.cmdline())
        return self._kinds[process.pid]


class TreeFigures:
    """What was seen: CPU seconds by kind, and the most memory that one process of each kind held, in MB."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.peak_bytes: dict[int, tuple[str, int]] = {}
        self.last_cpu_s: dict[int, tuple[str, float]] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.peak_memory_mb: dict[str, float] = {}

    def fill(self, before: dict[int, tuple[str, float]]) -> None:
        """Sum up, leaving out what each process had used before."""
        for pid, (kind, seconds) in self.last_cpu_s.items():
            used_before = before[pid][1] if pid in before else 0.0
            self.cpu_seconds[kind] = round(self.cpu_seconds.get(kind, 0.0) + max(0.0, seconds - used_before), 3)
        for kind, most in self.peak_bytes.values():
            self.peak_memory_mb[kind] = max(self.peak_memory_mb.get(kind, 0.0), round(most / _MB, 1))


def kind_of(command: list[str]) -> str:
    """Say what a process below the driver is: `jvm`, `python_worker` (or who starts them), `servers` of our own, or `other`."""
    if command and command[0].rpartition("/")[2] == "java":
        return "jvm"
    words = " ".join(command)
    if "picsum_vision.testing" in words:
        return "servers"
    return "python_worker" if "pyspark.daemon" in words or "pyspark.worker" in words or "worker_daemon" in words else "other"


def _used_s(process: Any) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)
