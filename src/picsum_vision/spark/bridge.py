"""An iterator of Arrow batches in, an iterator of Arrow batches out, with the rolling window between them.

The worker's main thread owns both iterators, as Spark wants it; the jobs run on the event loop's thread. Input is taken a piece
at a time, only as far ahead as the window can use, so neither the slowest row of a batch nor the end of a batch makes anything
wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import pyarrow as pa

from picsum_vision.concurrency.job_run import JobRun, RowJob
from picsum_vision.spark.input_values import value_of, values_of
from picsum_vision.spark.pieces import Piece, Pieces, taken
from picsum_vision.spark.row_reader import RowReader, RowReaderGone

_EMIT_BYTES: Final = 16_000_000
_EMIT_ROWS: Final = 5_000
# Rows in this process, also such as share a job or are done behind one that is not: they have no bytes of their own to be bounded
# by.
_ROWS_AT_MOST: Final = 50_000

J = TypeVar("J", bound=RowJob)


class WorkerStage(Protocol[J]):
    """What a stage gives the bridge, on a worker."""

    run: JobRun[J]

    def job(self, number: int, value: Any) -> J:
        """Return the job of the `number`th distinct value."""
        ...

    def key(self, value: Any) -> Hashable | None:
        """Return what makes two values the same work, None if this one is never shared."""
        ...

    def columns(self, jobs: Sequence[J], repeated: Sequence[bool]) -> list[tuple[pa.Field, pa.Array]]:
        """Return the new columns for rows with these finished jobs; `repeated` rows share a job that another row accounts for."""
        ...


class _Row(Generic[J]):
    __slots__ = ("index", "job", "number", "piece", "repeated")

    def __init__(self, number: int, piece: Piece, index: int, job: J, *, repeated: bool) -> None:
        self.number = number
        self.piece = piece
        self.index = index
        self.job = job
        self.repeated = repeated


class ArrowBridge(Generic[J]):
    """Runs one task's batches through a stage.

    Invariants: each input row leaves exactly once; in an `ordered` run in the order it came; a value that is already on its way
    is not worked on again, its row waits for the same job; an emitted batch holds at most 16 MB of what the jobs hold and of the
    input's columns, or one row.
    """

    def __init__(self, stage: WorkerStage[J], input_column: str, *, ordered: bool = False) -> None:
        """Feed the values of `input_column` to the stage's jobs."""
        self._stage = stage
        self._run = stage.run
        self._input_column = input_column
        self._ordered = ordered
        self._line: deque[_Row[J]] = deque()  # the rows in order, kept in an ordered run only
        self._rows_of: dict[int, list[_Row[J]]] = {}
        self._left_of: dict[int, int] = {}
        self._rows = 0
        self._rows_read = 0
        self._job_of_key: dict[Hashable, J] = {}
        self._key_of: dict[int, Hashable] = {}
        self._next_number = 0

    def process(self, batches: Iterator[pa.RecordBatch], stop_after_s: float | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of `batches` with the stage's columns behind theirs.

        With `stop_after_s` it begins no row that would probably take longer than so many seconds after the first one. The rows
        that are left then come with NULL in the columns that they have not got to.
        """
        pieces = Pieces(batches)
        reader = RowReader.current()
        try:
            while True:
                if reader.is_gone():
                    raise RowReaderGone
                while (room := self._room()) > 0 and (piece := pieces.take(room)) is not None:
                    if stop_after_s is not None and not self._rows_read:
                        self._run.stop_after(stop_after_s)
                    self._submit(piece)
                reader.hand_over()
                takes_no_more = pieces.exhausted or self._run.is_stopped
                if takes_no_more:
                    self._run.no_more_input()
                for rows in self._finished_rows(self._run.collect()):
                    yield self._batch(rows)
                    self._forget(rows)
                if takes_no_more and not self._rows_of:
                    break
            while (piece := pieces.take(_EMIT_ROWS)) is not None:
                yield self._left(piece)
        finally:
            self._run.close()
            if reader.is_gone():
                reader.let_go()

    def _room(self) -> int:
        return 0 if self._run.is_stopped else min(self._run.room, _ROWS_AT_MOST - self._rows)

    def _submit(self, piece: Piece) -> None:
        fresh, orders = [], []
        for index, value in enumerate(values_of(piece.batch.column(self._input_column))):
            key = self._stage.key(value)
            job = None if key is None else self._job_of_key.get(key)
            repeated = job is not None
            if job is None:
                job = self._new_job(value, key)
                fresh.append(job)
                orders.append(self._rows_read)
            row = _Row(self._rows_read, piece, index, job, repeated=repeated)
            self._rows_read += 1
            self._rows_of[job.number].append(row)
            self._left_of[job.number] += 1
            if self._ordered:
                self._line.append(row)
        self._rows += piece.batch.num_rows
        if self._ordered:
            self._run.emitted([], self._line[0].job.number)
        self._run.submit(fresh, orders)

    def _new_job(self, value: Any, key: Hashable | None) -> J:
        job = self._stage.job(self._next_number, value)
        self._next_number += 1
        self._rows_of[job.number], self._left_of[job.number] = [], 0
        if key is not None:
            self._job_of_key[key], self._key_of[job.number] = job, key
        return job

    def _finished_rows(self, jobs: Sequence[J]) -> Iterator[list[_Row[J]]]:
        """Yield the rows that may leave now, in pieces of bounded bytes."""
        rows = self._next_in_line() if self._ordered else self._in_reading_order(jobs)
        piece: list[_Row[J]] = []
        size = 0
        for row in rows:
            row_bytes = row.job.held_bytes + row.piece.bytes_per_row
            if piece and (size + row_bytes > _EMIT_BYTES or len(piece) >= _EMIT_ROWS):
                yield piece
                piece, size = [], 0
            piece.append(row)
            size += row_bytes
        if piece:
            yield piece

    def _next_in_line(self) -> Iterator[_Row[J]]:
        while self._line and self._line[0].job.turn is None:
            # Taken out of the line only when it leaves: until then it is the one that others wait for.
            yield self._line[0]
            self._line.popleft()

    def _in_reading_order(self, jobs: Sequence[J]) -> Iterable[_Row[J]]:
        """Return the finished rows as they were read: the fewer changes from one input batch to another, the fewer copies."""
        return sorted((row for job in jobs for row in self._rows_of[job.number]), key=_place)

    def _left(self, piece: Piece) -> pa.RecordBatch:
        fields = [field for field, _ in self._stage.columns([], [])]
        nulls = [pa.nulls(piece.batch.num_rows, field.type) for field in fields]
        return pa.RecordBatch.from_arrays([*piece.batch.columns, *nulls], schema=pa.schema([*piece.batch.schema, *fields]))

    def _batch(self, rows: list[_Row[J]]) -> pa.RecordBatch:
        new = self._stage.columns([row.job for row in rows], [row.repeated for row in rows])
        kept = taken([(row.piece, row.index) for row in rows])
        fields = [*kept.schema, *(field for field, _ in new)]
        return pa.RecordBatch.from_arrays([*kept.columns, *(array for _, array in new)], schema=pa.schema(fields))

    def _forget(self, rows: list[_Row[J]]) -> None:
        gone: list[J] = []
        self._rows -= len(rows)
        for row in rows:
            self._left_of[row.job.number] -= 1
        for job in {row.job.number: row.job for row in rows}.values():
            if not self._left_of[job.number] or self._is_kept_too_long(job):
                gone.append(job)
                sharing, number_left = self._rows_of.pop(job.number), self._left_of.pop(job.number)
                key = self._key_of.pop(job.number, None)
                self._job_of_key.pop(key, None)
                self._do_again(sharing[len(sharing) - number_left :], key)
        self._run.emitted(gone, self._line[0].job.number if self._line else None)

    def _is_kept_too_long(self, job: J) -> bool:
        """Return whether rows further down the line share the job, but its bytes are needed for the rows before them."""
        return self._ordered and job.held_bytes > 0 and self._line[0].job is not job and self._run.is_half_full

    def _do_again(self, rows: list[_Row[J]], key: Hashable | None) -> None:
        """Give rows whose job had to let go of its bytes one of their own."""
        if not rows:
            return
        first = rows[0]
        job = self._new_job(value_of(first.piece.batch.column(self._input_column)[first.index]), key)
        for row in rows:
            row.job, row.repeated = job, row is not first
        self._rows_of[job.number], self._left_of[job.number] = rows, len(rows)
        self._run.submit([job], [first.number])


def _place(row: _Row[Any]) -> tuple[int, int]:
    return row.piece.number, row.index
