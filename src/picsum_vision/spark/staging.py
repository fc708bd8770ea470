"""Staging tables: what one pass over hosts and models gave, written once and in one commit, on its way into the tables."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from picsum_vision.spark.publishing import AN_ANSWER_EACH, IMAGES, ONE_ANSWER, PASS_COLUMN, Staged, Target, publish
from picsum_vision.spark.row_sums import RowSums
from picsum_vision.table_columns import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from picsum_vision.spark.tables import TableStore

_ANSWERS_IN: Final = "answers_in"
_KEEPS_BOTH: Final = "keeps_both"
_COLUMNS: Final = (
    *COLUMNS["image_codes"],
    *COLUMNS["image_desc"][1:],
    (PASS_COLUMN, "STRING", "The pass that the row came from; no address is in one twice"),
    # Whoever publishes them may be another job: one with other answers about the same images, or one that keeps them otherwise.
    (_ANSWERS_IN, "STRING", "The table that the answers are for"),
    (_KEEPS_BOTH, "BOOLEAN", "Whether they stand beside answers to other questions, or take their place"),
)
_COMMENT: Final = "Rows on their way into the other tables: what a run leaves here when it is ended, the next one publishes"
_SUMS: Final = {
    "bytes": "sum(download_outcome.bytes)",
    "bytes_sent": "sum(describe_outcome.image_bytes_sent)",
    "input_tokens": "sum(describe_outcome.input_tokens)",
    "output_tokens": "sum(describe_outcome.output_tokens)",
    # Questions that were probably billed, and of which nobody says what they used.
    "uncounted": (
        "sum(CASE WHEN describe_outcome.output_tokens IS NOT NULL AND describe_outcome.input_tokens IS NOT NULL THEN 0 "
        "WHEN describe_outcome.status = 'timeout' THEN describe_outcome.attempts "
        "WHEN describe_outcome.http_status BETWEEN 200 AND 299 THEN 1 ELSE 0 END)"
    ),
}
_RUN_DIGITS: Final = 8
_OF_A_RUN: Final = r"[0-9a-f]{8}_[123]"
_REPEATS: Final = "count(1) > count(DISTINCT struct(image_url))"


@dataclasses.dataclass(frozen=True)
class ChunkFigures:
    """What one chunk did: groups of its finished rows by `download_status` and `describe_status`, with `rows` and sums.

    A status is None where the chunk had no such stage. `left` rows were not begun, or given up between two requests;
    of `half_done` ones the image is there and the answer is not.
    """

    groups: tuple[dict[str, Any], ...]
    left: int = 0
    half_done: int = 0

    @classmethod
    def of(cls, groups: Sequence[dict[str, Any]], stages: Sequence[str]) -> ChunkFigures:
        """Tell the groups apart by what they have of these stages, in the order of the work."""
        done, left, half_done = [], 0, 0
        for group in groups:
            reached = [stage for stage in stages if group[f"{stage}_status"] is not None]
            if not reached:
                left += group["rows"]
            elif len(reached) < len(stages):
                half_done += group["rows"]
            else:
                done.append(group)
        return cls(tuple(done), left, half_done)

    @property
    def rows(self) -> int:
        """How many rows it finished."""
        return self.total("rows") or 0

    @property
    def planned(self) -> int:
        """How many rows it had."""
        return self.rows + self.left + self.half_done

    def __add__(self, other: ChunkFigures) -> ChunkFigures:
        """Return both together."""
        return ChunkFigures(self.groups + other.groups, self.left + other.left, self.half_done + other.half_done)

    def rows_with(self, status: str) -> int:
        """Return how many rows have such a status."""
        return sum(group["rows"] for group in self.groups if group[status] is not None)

    @property
    def sums(self) -> RowSums:
        """The same as a running job's progress counts it."""
        sums = RowSums(
            bytes=self.total("bytes") or 0, input_tokens=self.total("input_tokens"), output_tokens=self.total("output_tokens")
        )
        for group in self.groups:
            for counter, status in ((sums.download, group["download_status"]), (sums.describe, group["describe_status"])):
                if status is not None:
                    counter[status] += group["rows"]
        return sums

    def total(self, figure: str) -> int | None:
        """Return a sum, None where no row has any."""
        known = [group[figure] for group in self.groups if group[figure] is not None]
        return sum(known) if known else None


@dataclasses.dataclass(frozen=True)
class _WayOut:
    """Where the answers of a pass belong: the name of their table, and what makes two of them the same."""

    table: str
    target: Target


class Staging:
    """The staging tables of one set of tables, and the way out of them."""

    def __init__(self, store: TableStore, answers: Target, run_id: str) -> None:
        """Publish into image_codes, and into image_desc as `answers` says."""
        self._store = store
        self._way_out = _WayOut(store.tables.image_desc, answers)
        # After the table of the images, so that two sets of tables in one schema have their own.
        self._beginning = f"{store.tables.image_codes}_staged_"
        # A table of a catalog belongs to its run: what a run that was given up commits late stands beside those of the next one.
        # A folder stays for ever, so those have the same names in each run.
        own = f"{run_id[:_RUN_DIGITS]}_" if store.tables.path is None else ""
        self.names = tuple(f"{self._beginning}{own}{number}" for number in (1, 2, 3))

    @property
    def place(self) -> str:
        """Return the name of the table that the rows are for, which is the same for all runs on these tables."""
        return self._store.name(IMAGES.role)

    def write(self, table: str, rows: DataFrame) -> tuple[Staged, ChunkFigures]:
        """Evaluate `rows` once and keep what they were; columns that they lack are NULL. The table must be published before."""
        pass_id = uuid.uuid4().hex
        there = {name: F.col(name) for name in rows.columns} | {PASS_COLUMN: F.lit(pass_id)}
        there |= {_ANSWERS_IN: F.lit(self._way_out.table), _KEEPS_BOTH: F.lit(self._way_out.target == AN_ANSWER_EACH)}
        columns = [there.get(name, F.lit(None)).cast(kind).alias(name) for name, kind, _ in _COLUMNS]
        if self._store.tables.path is not None:
            self._store.empty(table)
        self._store.write_anew(table, rows.select(*columns), _COMMENT, self._properties())
        stages = [stage for stage in ("download", "describe") if f"{stage}_outcome" in rows.columns]
        figures = self._figures(self._store.read(table).where(F.col(PASS_COLUMN) == pass_id), stages)
        # Answers to the images of a table of others, which may have an address twice.
        return Staged(table, pass_id, repeats="download_outcome" not in rows.columns), figures

    def _figures(self, rows: DataFrame, stages: Sequence[str]) -> ChunkFigures:
        statuses = [F.col(f"{stage}_outcome.status").alias(f"{stage}_status") for stage in ("download", "describe")]
        sums = [F.expr(sql).alias(figure) for figure, sql in _SUMS.items()]
        counted = rows.groupBy(*statuses).agg(F.count(F.lit(1)).alias("rows"), *sums)
        return ChunkFigures.of([row.asDict() for row in counted.collect()], stages)

    def publish(self, staged: Staged, *, all_new: bool) -> None:
        """Bring a pass's rows into both tables, and empty theirs. Ended anywhere, it may be done again."""
        self._publish(staged, all_new=all_new)
        self._store.empty(staged.table)

    def publish_left(self) -> int:
        """Publish what ended runs have left; return how many rows that were.

        Pass by pass: a run that was given up may have finished its last one later, beside that of the run after it.
        """
        rows = 0
        for table in self._left_tables():
            for staged, way_out, number in self._left_in(table):
                self._publish(staged, all_new=False, way_out=way_out)
                rows += number
            self._store.empty(table)
        return rows

    def _left_tables(self) -> list[str]:
        if self._store.tables.path is not None:
            return list(self.names)
        begun = len(self._beginning)
        return [name for name in self._store.named_like(self._beginning) if re.fullmatch(_OF_A_RUN, name[begun:])]

    def _left_in(self, table: str) -> list[tuple[Staged, _WayOut, int]]:
        if not self._store.exists(table):
            return []
        staged = self._store.read(table)
        staged = staged.where(F.col("download_outcome").isNotNull() | F.col("describe_outcome").isNotNull())
        # A table that an older version has left says nothing of the way out.
        of_pass = [name for name in (PASS_COLUMN, _ANSWERS_IN, _KEEPS_BOTH) if name in staged.columns]
        counts = F.count(F.lit(1)).alias("rows"), F.expr(_REPEATS).alias("repeats")
        passes = [row.asDict() for row in staged.groupBy(*of_pass).agg(*counts).collect()]
        return [(Staged(table, row[PASS_COLUMN], repeats=row["repeats"]), self._way_out_of(row), row["rows"]) for row in passes]

    def _way_out_of(self, row: dict[str, Any]) -> _WayOut:
        if row.get(_ANSWERS_IN) is None:
            return self._way_out
        return _WayOut(row[_ANSWERS_IN], AN_ANSWER_EACH if row[_KEEPS_BOTH] else ONE_ANSWER)

    def _publish(self, staged: Staged, *, all_new: bool, way_out: _WayOut | None = None) -> None:
        publish(self._store, staged, IMAGES, all_new=all_new)
        self._publish_answers(staged, way_out or self._way_out, all_new=all_new)

    def _publish_answers(self, staged: Staged, way_out: _WayOut, *, all_new: bool) -> None:
        store = self._store
        if way_out.table != self._way_out.table:
            store = store.with_answers_in(way_out.table)
            store.refresh("image_desc")
            store.make_missing()
        publish(store, staged, way_out.target, all_new=all_new)

    def discard_left(self) -> None:
        """Take away what ended runs have left, but for answers that are another job's."""
        for table in self._left_tables():
            for staged, way_out, _ in self._left_in(table):
                if way_out.table != self._way_out.table:
                    self._publish_answers(staged, way_out, all_new=False)
            self._store.empty(table)

    def give_back_room(self) -> None:
        """Remove the files of published rows where tables are known by their path only: elsewhere they went with their table."""
        if self._store.tables.path is None:
            return
        for name in self.names:
            if self._store.exists(name):
                self._store.sql(name, f"VACUUM {self._store.name(name)}")

    def _properties(self) -> dict[str, str]:
        # Nobody travels back in time here, and images are large: what is deleted may go with the next VACUUM.
        return {} if self._store.tables.path is None else {"delta.deletedFileRetentionDuration": "interval 0 hours"}
