"""Commits that lose against another one, tried again: the one place that does so for tables."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

MAX_TRIES: Final = 12
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 10.0
# Iceberg's and Delta's own words. A commit whose fate is unknown may be tried again: what is tried here changes nothing twice.
_CONFLICTS: Final = (
    "CommitFailedException",
    "CommitStateUnknownException",
    "Found conflicting files",
    "Found new conflicting",
    "Missing required files to delete",
    "DELTA_CONCURRENT_",
    "DELTA_METADATA_CHANGED",
    "DELTA_PROTOCOL_CHANGED",
    "ConcurrentAppendException",
    "ConcurrentDeleteReadException",
    "ConcurrentDeleteDeleteException",
    "ConcurrentTransactionException",
    "ConcurrentWriteException",
    "MetadataChangedException",
    "ProtocolChangedException",
)

T = TypeVar("T")


def is_conflict(error: BaseException) -> bool:
    """Return whether another commit was quicker, so that the same statement may well succeed now."""
    text = str(error)
    return any(word in text for word in _CONFLICTS)


def committed(work: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep, tries: int = MAX_TRIES) -> T:
    """Run `work` until its commit goes in: up to `tries` times, with waits that grow and that no two runs share.

    `work` reads the tables anew each time, and must come to nothing when its change is there already.
    """
    for attempt in range(tries - 1):
        try:
            return work()
        except Exception as error:  # noqa: PERF203 - each try is a commit
            if not is_conflict(error):
                raise
            longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
            sleep(random.uniform(longest_s / 2, longest_s))  # noqa: S311 - spreads the waits, keeps no secret
    return work()
