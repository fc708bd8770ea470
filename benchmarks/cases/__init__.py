"""What is measured: a module for each case, with `build(images)`, where `images` (None: the case's own) is its number of rows."""

from __future__ import annotations

import importlib
from typing import Final

from benchmarks.harness.case import Case

NAMES: Final = ("d1", "d2", "d3", "d4", "d5", "d6", "d7", "i1", "i2", "i3", "i4", "p1", "p2")


def build(name: str, images: int | None = None) -> Case:
    """Return the case, with `images` rows instead of its own if given."""
    case: Case = importlib.import_module(f"benchmarks.cases.{name}").build(images)
    return case
