"""PixelDescriber at work in a worker."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Turn
from picsum_vision.describing.backends import PixelDescriber
from picsum_vision.describing.job import CPU_LANE, DescribeJob
from picsum_vision.describing.pixels import describe_pixels
from picsum_vision.describing.tasks import Task
from picsum_vision.images.facts import BadImage
from picsum_vision.outcomes import DescribeStatus, DownloadStatus


class PixelJob(DescribeJob):
    """Measures one image in a thread."""

    def __init__(self, number: int, image: bytes | None, task: Task, backend: PixelDescriber, cpu: Executor) -> None:
        """Measure `image` on `cpu`."""
        super().__init__(number, image, task, backend.model_name, Turn(CPU_LANE))
        self._cpu = cpu

    async def _work(self) -> Feedback:
        self._attempts = 1
        loop = asyncio.get_running_loop()
        try:
            text = await loop.run_in_executor(self._cpu, describe_pixels, self._image or b"", self._task.language)
        except BadImage as bad:
            too_large = bad.status is DownloadStatus.TOO_MANY_PIXELS
            self._settle(DescribeStatus.TOO_LARGE if too_large else DescribeStatus.NOT_AN_IMAGE, message=bad.message)
        else:
            self._settle(DescribeStatus.OK, answer=text, input_tokens=0, output_tokens=0)
        return NOTHING_LEARNT
