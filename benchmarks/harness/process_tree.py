"""CPU seconds and peak memory of a contestant's processes, read from outside while it works."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import psutil

_SAMPLE_EVERY_S: Final = 0.1
_LOOK_FOR_CHILDREN_EVERY_S: Final = 0.5
_MB: Final = 1_000_000
# Spark's own, and the one that our local sessions start instead. A worker is forked off it and has its command line.
_DAEMONS: Final = frozenset({"pyspark.daemon", "picsum_vision.spark.worker_daemon"})
_GONE: Final = (psutil.NoSuchProcess, psutil.ZombieProcess)


def kind_of(command: list[str], parent_command: list[str], *, is_root: bool) -> str:
    """Say what a process is: `main`, `jvm`, `python_worker`, `python_daemon` (which starts Spark's workers) or `child`."""
    if is_root:
        return "main"
    if command and command[0].rpartition("/")[2] == "java":
        return "jvm"
    if _DAEMONS.isdisjoint(command) and "pyspark.worker" not in command:
        return "child"
    return "python_daemon" if _DAEMONS.isdisjoint(parent_command) else "python_worker"


class _Seen:
    """One process: what it had used when it was first looked at, what it has used since, and the most memory it held."""

    def __init__(self, process: psutil.Process, kind: str, cpu_before_s: float) -> None:
        self.process = process
        self.kind = kind
        self.cpu_before_s = cpu_before_s
        self.cpu_s = 0.0
        self.peak_rss = 0

    def sample(self) -> None:
        with contextlib.suppress(*_GONE), self.process.oneshot():
            self.cpu_s = _cpu_s(self.process) - self.cpu_before_s
            self.peak_rss = max(self.peak_rss, self.process.memory_info().rss)


class TreeWatch:
    """Watches the tree below `root` between `start` and `stop`.

    A process that comes and goes between two looks (0.5 s) is missed; one that ends keeps what it had at its last sample.
    Memory is the resident set, in which pages that forked processes share count for each of them.
    """

    def __init__(self, root: int) -> None:
        """Watch the process with the id `root` and all below it."""
        self._root = psutil.Process(root)
        self._seen: dict[int, _Seen] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tree-watch")

    def start(self) -> None:
        """Note what each process has used until now."""
        self._look(new_ones_began_before=True)
        self._thread.start()

    def stop(self) -> dict[str, Any]:
        """Return CPU seconds by kind, and peak memory in MB: of each Python worker, else the largest of its kind."""
        self._stop.set()
        self._thread.join()
        self._look()
        cpu: dict[str, float] = {}
        peaks: dict[str, list[float]] = {}
        for seen in self._seen.values():
            cpu[seen.kind] = cpu.get(seen.kind, 0.0) + seen.cpu_s
            peaks.setdefault(seen.kind, []).append(round(seen.peak_rss / _MB, 1))
        workers = sorted(peaks.pop("python_worker", []), reverse=True)
        return {
            "cpu_seconds": {kind: round(seconds, 3) for kind, seconds in sorted(cpu.items())},
            "peak_rss_mb": {**{kind: max(found) for kind, found in sorted(peaks.items())}, "python_workers": workers},
        }

    def _watch(self) -> None:
        looked_s = time.monotonic()
        while not self._stop.wait(_SAMPLE_EVERY_S):
            if time.monotonic() - looked_s >= _LOOK_FOR_CHILDREN_EVERY_S:
                self._look()
                looked_s = time.monotonic()
            else:
                for seen in list(self._seen.values()):
                    seen.sample()

    def _look(self, *, new_ones_began_before: bool = False) -> None:
        for process in self._tree():
            if process.pid not in self._seen:
                with contextlib.suppress(*_GONE):
                    before_s = _cpu_s(process) if new_ones_began_before else 0.0
                    self._seen[process.pid] = _Seen(process, self._kind(process), before_s)
        for seen in self._seen.values():
            seen.sample()

    def _tree(self) -> Iterator[psutil.Process]:
        yield self._root
        with contextlib.suppress(*_GONE):
            yield from self._root.children(recursive=True)

    def _kind(self, process: psutil.Process) -> str:
        parent = process.parent()
        return kind_of(process.cmdline(), parent.cmdline() if parent else [], is_root=process.pid == self._root.pid)


class OtherWork:
    """What the rest of the machine does while a contestant runs: neither it, nor this process, nor what this one has started."""

    def __init__(self, contestant: int) -> None:
        """Begin to count; `contestant` is its process's id."""
        self._contestant = contestant
        self._began_s, self._all_s, self._beside_s = time.monotonic(), _all_cpu_s(), cpu_beside(contestant)

    def share(self, contestant_cpu_s: float) -> float:
        """Return the share of the machine's CPU that others have taken since; what the contestant has used its watch knows."""
        beside_s = cpu_beside(self._contestant)
        ours_s = contestant_cpu_s + sum(used_s - self._beside_s.get(process, 0.0) for process, used_s in beside_s.items())
        others_s = _all_cpu_s() - self._all_s - ours_s
        return max(0.0, others_s) / (psutil.cpu_count() * (time.monotonic() - self._began_s))


def _all_cpu_s() -> float:
    times = psutil.cpu_times()
    return times.user + times.system + times.nice + times.irq + times.softirq


def cpu_beside(contestant: int) -> dict[psutil.Process, float]:
    """Return the CPU seconds of this process and of each that it has started, but for the contestant and what is below that."""
    this = psutil.Process()
    tree = {this, *this.children(recursive=True)}
    with contextlib.suppress(*_GONE):
        root = psutil.Process(contestant)
        tree -= {root, *root.children(recursive=True)}
    found = {}
    for process in tree:
        with contextlib.suppress(*_GONE):
            found[process] = _cpu_s(process)
    return found


def end_tree(pid: int) -> None:
    """End a process and all below it."""
    with contextlib.suppress(*_GONE):
        root = psutil.Process(pid)
        for process in [*root.children(recursive=True), root]:
            with contextlib.suppress(*_GONE):
                process.kill()


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system
