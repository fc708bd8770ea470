"""Changes that make the library worse, to show that the guard notices: nothing else uses them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from picsum_vision.spark.describe_stage import OpenDescribeStage
from picsum_vision.spark.download_stage import OpenDownloadStage

_NEEDLESS_CALLS: Final = 100


def more_calls() -> None:
    """Do a hundred needless calls for each row."""
    for kind in (OpenDownloadStage, OpenDescribeStage):
        setattr(kind, "job", _slowed(kind.job))  # noqa: B010 - mypy lets nobody assign to a method


def _slowed(job: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(job)
    def slowed(*given: Any) -> Any:
        for _ in range(_NEEDLESS_CALLS):
            _nothing()
        return job(*given)

    return slowed


def _nothing() -> None:
    pass
