"""CPU seconds and peak memory of this machine's processes while a stage runs, read from outside.

Only where the workers are processes below this one: a local session. Elsewhere nothing is said rather than something wrong.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import itertools
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.spark.conf import workers_are_here

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SAMPLE_EVERY_S: Final = 0.2
_LOOK_FOR_CHILDREN_EVERY: Final = 3  # samples
_MB: Final = 1_000_000


def why_not_measured(spark: SparkSession) -> str | None:
    """Return why CPU and memory cannot be measured here, None if they can."""
    if importlib.util.find_spec("psutil") is None:
        return "psutil is not installed: pip install 'picsum-vision[bench]'"
    return None if workers_are_here(spark) else "the workers are no processes of this session"


@dataclasses.dataclass
class _Seen:
    kind: str
    cpu_s_before: float
    cpu_s: float = 0.0
    peak_bytes: int = 0


@contextlib.contextmanager
def watched() -> Iterator[dict[str, dict[str, float]]]:
    """Watch this process and all below it; when the block ends, `cpu_seconds` and `peak_memory_mb` are filled, by kind.

    A process that comes and goes between two looks (0.6 s) is missed. Memory is the resident set, in which pages that forked
    processes share count for each of them; the most is that of one process of the kind.
    """
    psutil: Any = importlib.import_module("psutil")
    root, seen, ended = psutil.Process(), dict[int, _Seen](), threading.Event()

    def look(processes: Iterable[Any], *, has_begun: bool = True) -> None:
        for process in processes:
            with contextlib.suppress(psutil.Error):  # it is gone, or another user's
                used, held = process.cpu_times(), process.memory_info().rss
                if process.pid not in seen:
                    kind = "driver" if process == root else kind_of(process.cmdline())
                    seen[process.pid] = _Seen(kind, 0.0 if has_begun else used.user + used.system)
                found = seen[process.pid]
                found.cpu_s, found.peak_bytes = used.user + used.system, max(found.peak_bytes, held)

    def tree() -> list[Any]:
        return [root, *root.children(recursive=True)]

    def sample() -> None:
        for number in itertools.count(1):
            if ended.wait(_SAMPLE_EVERY_S):
                return
            if number % _LOOK_FOR_CHILDREN_EVERY == 0:
                processes[:] = tree()
            look(processes)

    processes = tree()
    look(processes, has_begun=False)
    thread = threading.Thread(target=sample, name="picsum-vision process-tree", daemon=True)
    thread.start()
    figures: dict[str, dict[str, float]] = {"cpu_seconds": {}, "peak_memory_mb": {}}
    try:
        yield figures
    finally:
        ended.set()
        thread.join()
        look(tree())
        cpu, peak = figures.values()
        for each in seen.values():
            cpu[each.kind] = round(cpu.get(each.kind, 0.0) + max(0.0, each.cpu_s - each.cpu_s_before), 3)
            peak[each.kind] = max(peak.get(each.kind, 0.0), round(each.peak_bytes / _MB, 1))


def kind_of(command: list[str]) -> str:
    """Say what a process below the driver is: `jvm`, `python_worker` (or who starts them), `servers` of our own, or `other`."""
    if command and command[0].rpartition("/")[2] == "java":
        return "jvm"
    words = " ".join(command)
    if "picsum_vision.testing" in words:
        return "servers"
    return "python_worker" if "pyspark.daemon" in words or "pyspark.worker" in words or "worker_daemon" in words else "other"
