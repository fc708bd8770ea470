"""A task's part of the bounds of the whole job."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shares:
    """Two parts, each from 0 (exclusive) to 1.

    `of_rate`: of what is bounded in time (requests and tokens a minute, by a setting or by what an endpoint says), shared by the
    tasks that run together. `of_total`: of what is bounded over the whole job (its cost), shared by all tasks, whenever they run.
    """

    of_rate: float = 1.0
    of_total: float = 1.0
