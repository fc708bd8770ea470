"""PixelDescriber at work in a worker."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Turn
from picsum_vision.describing.backends import PixelDescriber
from picsum_vision.describing.job import CPU_LANE, DescribeJob
from picsum_vision.describing.pixel_text import ReadingFailed, read_text
from picsum_vision.describing.pixels import MAX_PIXELS, describe_pixels
from picsum_vision.describing.tasks import ReadText, Task
from picsum_vision.errors import EnvironmentProblem, MissingExtraError
from picsum_vision.images.facts import BadImage
from picsum_vision.outcomes import DescribeStatus, DownloadStatus


class PixelJob(DescribeJob):
    """Measures one image in a thread."""

    def __init__(
        self, number: int, image: bytes | None, task: Task, backend: PixelDescriber, cpu: Executor, *, timeout_s: float
    ) -> None:
        """Measure `image`, or read its text, on `cpu`; reading may take `timeout_s`."""
        super().__init__(number, image, task, backend.model_name, Turn(CPU_LANE))
        self._cpu = cpu
        self._faces = backend.faces
        self._timeout_s = timeout_s

    async def _work(self) -> Feedback:
        self._attempts = 1
        loop = asyncio.get_running_loop()
        try:
            text = await loop.run_in_executor(self._cpu, self._answer, self._image or b"")
        except BadImage as bad:
            too_large = bad.status is DownloadStatus.TOO_MANY_PIXELS
            self._settle(DescribeStatus.TOO_LARGE if too_large else DescribeStatus.NOT_AN_IMAGE, message=bad.message)
        except (MissingExtraError, EnvironmentProblem, ReadingFailed) as problem:
            self._settle(DescribeStatus.MODEL_ERROR, message=str(problem))
        except TimeoutError:
            self._settle(DescribeStatus.TIMEOUT, message=f"no text in {self._timeout_s:g} s (request_timeout_s)")
        else:
            self._settle(DescribeStatus.OK, answer=text, input_tokens=0, output_tokens=0)
        return NOTHING_LEARNT

    def _answer(self, image: bytes) -> str:
        language = self._task.language
        if isinstance(self._task, ReadText):
            return read_text(image, language, max_pixels=MAX_PIXELS, timeout_s=self._timeout_s)
        return describe_pixels(image, language, faces=self._faces)
