"""Changes that make the library worse, to show that the guard notices: nothing else uses them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from picsum_vision.spark.describe_stage import OpenDescribeStage
from picsum_vision.spark.download_stage import OpenDownloadStage

_NEEDLESS_CALLS: Final = 100
_NEEDLESS_LINES: Final = 2_000


def more_calls() -> None:
    """Do a hundred needless calls for each row."""
    _worsen(lambda: [_nothing() for _ in range(_NEEDLESS_CALLS)])


def more_lines() -> None:
    """Do a needless loop for each row, in one call."""
    _worsen(_loop)


def _worsen(waste: Callable[[], object]) -> None:
    for kind in (OpenDownloadStage, OpenDescribeStage):
        setattr(kind, "job", _slowed(kind.job, waste))  # noqa: B010 - mypy lets nobody assign to a method


def _slowed(job: Callable[..., Any], waste: Callable[[], object]) -> Callable[..., Any]:
    @functools.wraps(job)
    def slowed(*given: Any) -> Any:
        waste()
        return job(*given)

    return slowed


def _loop() -> None:
    number = 0
    while number < _NEEDLESS_LINES:
        number += 1


def _nothing() -> None:
    pass
