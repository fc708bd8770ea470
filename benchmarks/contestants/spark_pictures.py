"""The pictures of an order as a cached table in a Spark session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.contestants.protocol import Order

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkPictures:
    """The table of the last order."""

    def __init__(self, session: Any) -> None:
        """Read with `session`."""
        self._session = session
        self._key: tuple[Any, ...] = ()
        self._table: DataFrame | None = None

    def table(self, order: Order) -> DataFrame:
        """Return `image_binary` in `order["partitions"]` partitions, in Spark's memory."""
        key = (order["pictures"], order["rows"], order["partitions"])
        if self._table is None or key != self._key:
            if self._table is not None:
                self._table.unpersist(blocking=True)
            rows = self._session.read.parquet(order["pictures"]).limit(order["rows"])
            self._table, self._key = rows.repartition(order["partitions"]).cache(), key
            self._table.count()
        return self._table
