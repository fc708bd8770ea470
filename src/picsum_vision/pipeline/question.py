"""What is asked about each image, as the tables remember it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from picsum_vision.describing.backends import Backend
from picsum_vision.describing.tasks import Task

if TYPE_CHECKING:
    from pyspark.sql import Column


@dataclasses.dataclass(frozen=True)
class Question:
    """Who is asked and what: another model, task or prompt is another question."""

    model: str
    task: str
    prompt_sha256: str
    claimed_sha256: str | None = None  # of the same question, as earlier versions wrote it

    @classmethod
    def of(cls, backend: Backend, task: Task) -> Question:
        """Return what `describe_outcome` says of a row that this backend was asked about with this task."""
        return cls(backend.model_name, task.name, task.prompt_sha256, task.claimed_sha256)

    def is_of_row(self, *, unknown_counts: bool) -> Column:
        """Return whether a row of image_desc is about this question; `unknown_counts` is said of rows that do not know theirs."""
        model, task, prompt = (F.col(f"describe_outcome.{name}") for name in ("model", "task", "prompt_sha256"))
        asked = prompt.isin([each for each in (self.prompt_sha256, self.claimed_sha256) if each is not None])
        same = F.coalesce((model == self.model) & (task == self.task) & asked, F.lit(False))  # noqa: FBT003 - a column's value
        return same | prompt.isNull() if unknown_counts else same
