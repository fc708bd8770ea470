"""A frame of keys in portions of about so many rows, each key in exactly one, the same however often Spark computes them.

Where a portion ends is known without waiting for what became of the one before it: that is why a chunk can run while the rows of
the last one are published. What a chunk leaves undone is in no later portion; it is found in the tables when all have been taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision import chunk_sizes
from picsum_vision.pipeline.standing import FETCHED_AT
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_LOWEST: Final = -(1 << 63)
_HASHES: Final = 1 << 64
_STEP: Final = 8
_SKIPPED_AT_MOST: Final = 500_000  # their keys go to every worker at once


class ChunkSize:
    """How many rows the next chunk has, so that it takes about the interval."""

    def __init__(self, interval_s: float) -> None:
        """Begin with a guess, as nothing is known of the speed."""
        self._interval_s = interval_s
        self.rows = chunk_sizes.first_rows(interval_s)

    def learn(self, planned: int, done: int, seconds: float) -> None:
        """Take in what a chunk has done of its rows, and how long it took; an empty one tells nothing."""
        if planned:
            self.rows = chunk_sizes.next_rows(planned, done, seconds, self._interval_s)


class ByHash:
    """Portions by ranges of the key's hash: as even as chance, and a list that stands sorted by host is mixed."""

    def __init__(self, keys: DataFrame, rows: int) -> None:
        """Cut `keys`, which are about so many rows."""
        self._keys = keys
        self._from = 0 if rows else _HASHES
        self._left = rows

    def take(self, rows: int) -> DataFrame | None:
        """Return the next portion of about `rows` rows, None when there is none any more."""
        if self._from >= _HASHES:
            return None
        low = self._from
        if rows >= self._left and not low:
            self._from = _HASHES
            return self._keys
        width = _HASHES - low if rows >= self._left else max(1, (_HASHES - low) * rows // self._left)
        self._from = low + width
        self._left = max(0, self._left - rows)
        place = F.xxhash64(KEY)
        return self._keys.where((place >= F.lit(_LOWEST + low)) & (place <= F.lit(_LOWEST + self._from - 1)))


@dataclasses.dataclass(frozen=True)
class ImagePortion:
    """Keys, and the condition that rows of image_codes meet which they stand for: files without such rows need not be read."""

    keys: DataFrame
    images: Column


class ByAge:
    """Portions of images by the moment of their download: their bytes lie together, in files that other portions do not read."""

    def __init__(self, keys: DataFrame) -> None:
        """Cut `keys`, which have `fetched_at`; those where it is NULL come last."""
        self._known = keys.where(F.col(FETCHED_AT).isNotNull())
        self._unknown = keys.where(F.col(FETCHED_AT).isNull())
        self._last: int | None = None
        self._rest: ByHash | None = None

    def take(self, rows: int) -> ImagePortion | None:
        """Return the next portion of about `rows` rows, None when there is none any more."""
        if self._rest is None:
            portion = self._take_known(rows)
            if portion is not None:
                return portion
            self._rest = ByHash(self._unknown, self._unknown.count())
        keys = self._rest.take(rows)
        return None if keys is None else ImagePortion(keys, F.col("download_outcome.finished_at").isNull())

    def skip(self, rows: int, has_work: Callable[[ImagePortion], bool]) -> None:
        """Go past images that there is no work with, and leave for `take` a portion of about `rows` rows that has some.

        In steps that grow until one has work, and from there on shrink.
        """
        step, grows = min(rows * _STEP, _SKIPPED_AT_MOST), True
        while self._rest is None and step >= rows:
            before, portion = self._last, self._take_known(step)
            if portion is None:
                return
            if has_work(portion):
                self._last, grows, step = before, False, step // _STEP
            elif grows:
                step = min(step * _STEP, _SKIPPED_AT_MOST)

    def _take_known(self, rows: int) -> ImagePortion | None:
        behind = self._known if self._last is None else self._known.where(F.col(FETCHED_AT) > self._last)
        first, last = behind.orderBy(FETCHED_AT).limit(rows).agg(F.min(FETCHED_AT), F.max(FETCHED_AT)).collect()[0]
        if first is None:
            return None
        self._last = last
        moment = F.col("download_outcome.finished_at")
        between = (moment >= F.timestamp_micros(F.lit(first))) & (moment <= F.timestamp_micros(F.lit(last)))
        return ImagePortion(behind.where(F.col(FETCHED_AT) <= last), between)
