"""How much a command says beside its answer: one choice for the whole command line."""

from __future__ import annotations

import enum


class Loudness(enum.Enum):
    """QUIET: errors only; NORMAL: progress; VERBOSE: every step, and whole errors."""

    QUIET = enum.auto()
    NORMAL = enum.auto()
    VERBOSE = enum.auto()


_chosen = [Loudness.NORMAL]


def loudness() -> Loudness:
    """Return what was chosen."""
    return _chosen[0]


def choose_loudness(chosen: Loudness) -> None:
    """Choose for all commands of this process."""
    _chosen[0] = chosen
