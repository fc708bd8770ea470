"""Staging tables: what one pass over hosts and models gave, written once and in one commit, on its way into the tables."""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.spark.publishing import IMAGES, PASS_COLUMN, Staged, Target, publish
from picsum_vision.table_columns import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from picsum_vision.spark.tables import TableStore

_COLUMNS: Final = (
    *COLUMNS["image_codes"],
    *COLUMNS["image_desc"][1:],
    (PASS_COLUMN, "STRING", "The pass that the row came from; no address is in one twice"),
)
_COMMENT: Final = "Rows on their way into the other tables: what a run leaves here when it is ended, the next one publishes"
_SUMS: Final = {
    "downloaded": "count(download_outcome)",
    "described": "count(describe_outcome)",
    "bytes": "sum(download_outcome.bytes)",
    "bytes_sent": "sum(describe_outcome.image_bytes_sent)",
    "input_tokens": "sum(describe_outcome.input_tokens)",
    "output_tokens": "sum(describe_outcome.output_tokens)",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PassFigures:
    """What one pass did: rows downloaded and described, bytes, tokens (None where no row has any)."""

    downloaded: int
    described: int
    bytes: int | None
    bytes_sent: int | None
    input_tokens: int | None
    output_tokens: int | None


class Staging:
    """The staging tables of one set of tables, and the way out of them."""

    def __init__(self, store: TableStore, answers: Target) -> None:
        """Publish into image_codes, and into image_desc as `answers` says."""
        self._store = store
        self._answers = answers
        # Named after the table of the images, so that two sets of tables in one schema have their own.
        self.names = tuple(f"{store.tables.image_codes}_staged_{number}" for number in (1, 2))

    def write(self, table: str, rows: DataFrame) -> tuple[Staged, PassFigures]:
        """Evaluate `rows` once and keep what they were; columns that they lack are NULL. The table must be published before."""
        staged = Staged(table, uuid.uuid4().hex)
        self._store.empty(table)
        self._store.create(table, _COLUMNS, _COMMENT, self._properties())
        there = {name: F.col(name) for name in rows.columns} | {PASS_COLUMN: F.lit(staged.pass_id)}
        columns = [there.get(name, F.lit(None)).cast(kind).alias(name) for name, kind, _ in _COLUMNS]
        self._store.append(table, rows.select(*columns))
        sums = [F.expr(sql).alias(figure) for figure, sql in _SUMS.items()]
        of_pass = self._store.read(table).where(F.col(PASS_COLUMN) == staged.pass_id)
        return staged, PassFigures(**of_pass.agg(*sums).collect()[0].asDict())

    def publish(self, staged: Staged, *, all_new: bool) -> None:
        """Bring a pass's rows into both tables, and empty theirs. Ended anywhere, it may be done again."""
        self._publish(staged, all_new=all_new)
        self._store.empty(staged.table)

    def publish_left(self) -> int:
        """Publish what ended runs have left; return how many rows that were.

        Pass by pass: a run that was given up may have finished its last one later, beside that of the run after it.
        """
        rows = 0
        for table in self.names:
            for pass_id, number in self._left_in(table):
                self._publish(Staged(table, pass_id), all_new=False)
                rows += number
            self._store.empty(table)
        return rows

    def _left_in(self, table: str) -> list[tuple[str, int]]:
        if not self._store.exists(table):
            return []
        return [(row[PASS_COLUMN], row["count"]) for row in self._store.read(table).groupBy(PASS_COLUMN).count().collect()]

    def _publish(self, staged: Staged, *, all_new: bool) -> None:
        publish(self._store, staged, IMAGES, all_new=all_new)
        publish(self._store, staged, self._answers, all_new=all_new)

    def remove(self) -> None:
        """Give back the room of published rows: tables of a catalog are gone then, Delta tables in folders are empty."""
        for name in self.names:
            self._store.empty(name)
            if self._store.tables.path is not None and self._store.exists(name):
                self._store.sql(name, f"VACUUM {self._store.name(name)}")

    def _properties(self) -> str:
        # Nobody travels back in time here, and images are large: what is deleted may go with the next VACUUM.
        if self._store.tables.path is None:
            return ""
        return " TBLPROPERTIES ('delta.deletedFileRetentionDuration' = 'interval 0 hours')"
