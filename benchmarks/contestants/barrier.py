"""The same engine used the usual way: a piece of a batch must be done, to its slowest row, before the next one begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.download_stage import DownloadStage
from picsum_vision.spark.transforms import download

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from picsum_vision.options import DownloadOptions


def download_with_barrier(df: DataFrame, options: DownloadOptions, rows: int) -> DataFrame:
    """Return what `download` does, fetched in pieces of `rows`, one after the other."""
    stage = DownloadStage(options=options)

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for piece in pieces_of(batches, rows):
            bridge: ArrowBridge[Any] = ArrowBridge(stage.open(), "image_url")
            yield from bridge.process(iter(piece))

    return df.mapInArrow(work, download(df, options=options).schema)


def pieces_of(batches: Iterable[pa.RecordBatch], rows: int) -> Iterable[list[pa.RecordBatch]]:
    """Cut `batches`, however large they come, into pieces of `rows` rows; the last may have fewer."""
    piece: list[pa.RecordBatch] = []
    for batch in batches:
        rest = batch
        while rest.num_rows:
            room = rows - sum(part.num_rows for part in piece)
            piece.append(rest.slice(0, room))
            rest = rest.slice(room)
            if sum(part.num_rows for part in piece) == rows:
                yield piece
                piece = []
    if piece:
        yield piece
