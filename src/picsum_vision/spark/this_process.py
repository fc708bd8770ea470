"""What tells this process from others: enough to see on the same machine that its owner is gone, and no name of a host."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path


def machine_digest() -> str:
    """Return a digest of this machine, of its boot and of the space in which its process numbers mean something."""
    parts = [platform.node(), _read("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def process_mark(pid: int | None = None) -> str:
    """Return a process's number, this one's by default, and the moment of its start where that is known.

    Numbers are used again.
    """
    pid = os.getpid() if pid is None else pid
    return f"{pid}:{_started(pid)}"


def is_gone(machine: str | None, process: str | None) -> bool:
    """Return whether a process of this machine has ended; False where that cannot be known."""
    if not process or machine != machine_digest():
        return False
    pid = int(process.split(":")[0])
    return not _is_alive(pid) or process_mark(pid) != process


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _state(pid).startswith("Z")


def _state(pid: int) -> str:
    return " ".join(_stat(pid)[:1])


def _started(pid: int) -> str:
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""  # noqa: PLR2004 - field 22 of proc(5), behind number and name


def _stat(pid: int) -> list[str]:
    """Return the fields of the process behind its name, which may itself have spaces and brackets."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""  # not Linux, or the process is gone


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
