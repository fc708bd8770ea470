"""Questions asked of a batch endpoint as one Spark task asks them, without Spark."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asking import fresh_loop, picture

from picsum_vision.describing.backends import BatchChat
from picsum_vision.describing.batch_ledger import Answered
from picsum_vision.describing.batch_run import BatchRun
from picsum_vision.describing.job_terms import JobTerms
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.options import DescribeOptions

MODEL = "test-vision"


def backend(base_url: str, **settings: Any) -> BatchChat:
    """Return a backend that does not wait long between two looks."""
    return BatchChat(base_url, MODEL, **{"poll_interval_s": 0.02, "max_wait_s": 60, **settings})


def ask_in_batches(
    asked: BatchChat,
    images: Sequence[Any],
    task: Task | None = None,
    *,
    bucket: int = 0,
    of_buckets: int = 1,
    **options: Any,
) -> list[Answered]:
    """Ask about all images and return what became of each, in their order."""
    with tempfile.TemporaryDirectory() as folder, fresh_loop() as loop_thread:
        run = BatchRun(
            asked, task or Describe(), DescribeOptions(**options), loop_thread, 1.0, JobTerms(), Path(folder), of_buckets
        )
        try:
            ids = [run.add(run.made_fit(image), bucket) for image in images]
            run.settle()
            return [run.answered(each) for each in ids]
        finally:
            run.close()


def words(answers: Sequence[Answered]) -> list[str]:
    """Return each row's status as its word."""
    return [each.outcome.status.value for each in answers]


if __name__ == "__main__":  # a run of its own, to be killed
    told = json.loads(sys.argv[1])
    ask_in_batches(backend(told["base_url"], **told["settings"]), [picture(number) for number in range(told["images"])])
