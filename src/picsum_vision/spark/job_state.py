"""What the tables say of the rows that were asked for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from picsum_vision.spark.tables import TableStore


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageState:
    """Rows by status, and sums over them. Sums are None where no row has the figure."""

    by_status: dict[str, int]
    bytes: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.by_status.values())


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobState:
    """Both stages over the rows that were asked for."""

    download: StageState
    describe: StageState

    @classmethod
    def read(cls, store: TableStore, asked: DataFrame) -> JobState:
        """Count in the tables; no image is read."""
        return cls(
            download=_state(store.among("image_codes", asked), "download_outcome", {"bytes": "bytes"}),
            describe=_state(
                store.among("image_desc", asked),
                "describe_outcome",
                {"bytes": "image_bytes_sent", "input_tokens": "input_tokens", "output_tokens": "output_tokens"},
            ),
        )


def _state(rows: DataFrame, outcome: str, sums: dict[str, str]) -> StageState:
    # Rows that the notebook wrote before have no outcome: they are done, and nothing is known of how.
    status = F.coalesce(F.col(f"{outcome}.status"), F.lit("ok"))
    counted = (
        rows.groupBy(status.alias("status"))
        .agg(F.count(F.lit(1)).alias("rows"), *(F.sum(f"{outcome}.{field}").alias(name) for name, field in sums.items()))
        .collect()
    )
    totals = {name: _total([row[name] for row in counted]) for name in sums}
    by_status = {row["status"]: row["rows"] for row in sorted(counted, key=lambda row: (-row["rows"], row["status"]))}
    return StageState(
        by_status=by_status,
        bytes=totals["bytes"] or 0,
        input_tokens=totals.get("input_tokens"),
        output_tokens=totals.get("output_tokens"),
    )


def _total(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
