"""What the tasks of one chunk take over from the job: what earlier chunks have learnt of the endpoint, and when to give up.

A function on a DataFrame has the default terms. In a job the driver sets them while it plans a chunk, and each row tells it in
return, in the column `driver_note`, what its requests may have cost and why the endpoint refuses for good.
"""

from __future__ import annotations

import dataclasses
from contextvars import ContextVar
from typing import Final

DRIVER_NOTE: Final = "driver_note"


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobTerms:
    """The job's state as a task begins.

    `dearest`: the highest price of an answer so far. `told`: how many answers have told their price. `refusals`: so many final
    refusals in a row before any answer mean that the endpoint refuses for good. `in_job`: rows have a `driver_note`, and none is
    fetched any more once the endpoint refuses.
    """

    dearest: float = 0.0
    told: int = 0
    refusals: int = 3
    in_job: bool = False


current_terms: ContextVar[JobTerms] = ContextVar("picsum_vision_job_terms")


def terms_of_stage() -> JobTerms:
    """Return the terms of the stage that is planned now."""
    return current_terms.get(JobTerms())
