"""The whole job: URLs, images, descriptions, in three tables, only what is missing. See docs/decisions/0005-the-job.md."""

from picsum_vision.pipeline.run import run_pipeline as run_pipeline
from picsum_vision.pipeline.stream import run_stream as run_stream

__all__ = ["run_pipeline", "run_stream"]
