"""Describing by a batch endpoint in a worker: rows and questions wait on the worker's disk, not in its memory."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyspark.sql import functions as F

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.backends import BatchChat
from picsum_vision.describing.batch_run import BatchRun
from picsum_vision.describing.job_terms import JobTerms
from picsum_vision.describing.payload import Unfit
from picsum_vision.describing.tasks import Task
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeStatus
from picsum_vision.spark.answer_columns import answer_type_of, arrow_type
from picsum_vision.spark.describe_stage import answer_columns, driver_notes
from picsum_vision.spark.pieces import Pieces
from picsum_vision.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_BUCKET: Final = "picsum_vision_bucket"
_ROWS_AT_ONCE: Final = 64
_BYTES_AT_ONCE: Final = 16_000_000
_THREADS: Final = 2  # a Spark task has one core; the second thread fills it while the first waits for the interpreter
_NO_IMAGE: Final = Unfit(DescribeStatus.NO_IMAGE, "the image is NULL or empty")


def in_buckets(df: DataFrame, image_col: str, number: int) -> DataFrame:
    """Return the rows spread by their images into so many buckets, with the number of each row's bucket.

    The same image is in the same task in every run with as many tasks, so that the task finds its own batches again.
    """
    # What repartition itself computes: a row's bucket is known without asking which task has it.
    images = F.col(identifier(image_col))
    bucket = F.pmod(F.hash(images), F.lit(number)).cast("int")
    return df.repartition(number, images).withColumn(_BUCKET, bucket)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchStage:
    """What travels: who is asked, what, how, about which column, the output's name, and what the task has of the job."""

    backend: BatchChat
    task: Task
    options: DescribeOptions
    image_col: str
    output_col: str
    share: float
    terms: JobTerms
    of_buckets: int

    def process(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Read all rows of a task, ask about them, and yield them with answer and outcome."""
        with tempfile.TemporaryDirectory(prefix="picsum-vision-batch-") as name:
            folder = Path(name)
            run = BatchRun(
                self.backend, self.task, self.options, LoopThread.current(), self.share, self.terms, folder, self.of_buckets
            )
            try:
                asked = self._ask(batches, run, folder / "rows")
                run.settle()
                yield from self._rows(folder / "rows", asked, run)
            finally:
                run.close()

    def _ask(self, batches: Iterator[pa.RecordBatch], run: BatchRun, path: Path) -> list[str | Unfit]:
        """Put rows and questions on the disk; return each row's question, or why it has none."""
        asked: list[str | Unfit] = []
        pieces = Pieces(batches)
        writer: pa.RecordBatchStreamWriter | None = None
        with path.open("wb") as sink, ThreadPoolExecutor(_THREADS) as threads:
            room = 1  # until it is known how large a row is
            while (piece := pieces.take(room)) is not None:
                room = max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // max(1, piece.bytes_per_row)))
                buckets = piece.batch.column(_column_number(piece.batch, _BUCKET)).to_pylist()
                images = piece.batch.column(_column_number(piece.batch, self.image_col)).to_pylist()
                made = threads.map(lambda image: run.made_fit(image) if _is_there(image) else _NO_IMAGE, images)
                asked += [run.add(each, bucket) for each, bucket in zip(made, buckets, strict=True)]
                rows = _without(piece.batch, _BUCKET)
                writer = pa.ipc.new_stream(sink, rows.schema) if writer is None else writer
                writer.write_batch(rows)
            if writer is not None:
                writer.close()
        return asked

    def _rows(self, path: Path, asked: list[str | Unfit], run: BatchRun) -> Iterator[pa.RecordBatch]:
        if not asked:
            return
        field = pa.field(self.output_col, arrow_type(answer_type_of(self.task)))
        accounted: set[str] = set()
        first = 0
        with pa.OSFile(str(path), "rb") as source:
            for rows in pa.ipc.open_stream(source):
                answered, repeated = [], []
                for question in asked[first : first + rows.num_rows]:
                    answered.append(run.answered(question))
                    repeated.append(question in accounted)
                    if isinstance(question, str):
                        accounted.add(question)
                first += rows.num_rows
                new = answer_columns(field, answered, repeated)
                if self.terms.in_job:
                    new.append(driver_notes(answered, repeated, run.ledger.dearest, run.refusal))
                fields = [*rows.schema, *(added for added, _ in new)]
                yield pa.RecordBatch.from_arrays([*rows.columns, *(array for _, array in new)], schema=pa.schema(fields))


def _is_there(image: Any) -> bool:
    return bool(image) and (not isinstance(image, list) or any(image))


def _column_number(batch: pa.RecordBatch, name: str) -> int:
    return int(batch.schema.get_field_index(name))


def _without(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    kept = [(field, column) for field, column in zip(batch.schema, batch.columns, strict=True) if field.name != name]
    return pa.RecordBatch.from_arrays([column for _, column in kept], schema=pa.schema([field for field, _ in kept]))
