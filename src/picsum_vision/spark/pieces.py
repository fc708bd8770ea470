"""Arrow batches cut to what there is room for, and put together again row by row."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import pyarrow as pa

from picsum_vision.spark.arrow_arrays import whole_number_array


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """Some rows of an input batch, the piece's number in the input, and about how many bytes one of its rows has."""

    batch: pa.RecordBatch
    number: int
    bytes_per_row: int


class Pieces:
    """Batches cut to what there is room for."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Read nothing yet."""
        self._batches = batches
        self._rest: pa.RecordBatch | None = None
        self._bytes_per_row = 0
        self._taken = 0
        self.exhausted = False

    def take(self, rows: int) -> Piece | None:
        """Return up to `rows` rows of the current batch, None when there is none any more."""
        while self._rest is None or self._rest.num_rows == 0:
            if self.exhausted:
                return None
            self._rest = next(self._batches, None)
            self.exhausted = self._rest is None
            if self._rest is not None and self._rest.num_rows:
                self._bytes_per_row = self._rest.nbytes // self._rest.num_rows
        piece, self._rest = self._rest.slice(0, rows), self._rest.slice(rows)
        self._taken += 1
        return Piece(piece, self._taken, self._bytes_per_row)


def taken(rows: Sequence[tuple[Piece, int]]) -> pa.RecordBatch:
    """Return the rows, each the `index`th of its piece, in their order."""
    runs: list[tuple[Piece, list[int]]] = []
    for piece, index in rows:
        if not runs or runs[-1][0] is not piece:
            runs.append((piece, []))
        runs[-1][1].append(index)
    if len(runs) == 1:
        return _take(*runs[0])
    table = pa.Table.from_batches([_take(piece, indices) for piece, indices in runs]).combine_chunks()
    # A table without columns has no chunks, and one with them has one after combining.
    return table.to_batches()[0]


def _take(piece: Piece, indices: list[int]) -> pa.RecordBatch:
    positions = whole_number_array(indices, pa.int32())
    return pa.RecordBatch.from_arrays([column.take(positions) for column in piece.batch.columns], schema=piece.batch.schema)
