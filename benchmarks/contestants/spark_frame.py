"""A Spark session on this machine, and the addresses of an order as a cached table in it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clusters import standalone_cluster
from pyspark.sql import functions as F

from benchmarks.contestants.protocol import STANDALONE_CLUSTER, Order
from picsum_vision.spark.session import local_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkFrame:
    """The session, and the table of the last order."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Open the session on `settings["master"]`; see :data:`STANDALONE_CLUSTER`."""
        self._open = contextlib.ExitStack()
        master = settings["master"]
        if master == STANDALONE_CLUSTER:
            master = self._open.enter_context(standalone_cluster(workers=2, cores_each=1))
        warehouse = self._open.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-"))
        self.session = local_session(warehouse, master=master, extra_conf=settings.get("conf"))
        self._open.callback(self.session.stop)
        self._key: tuple[Any, ...] | None = None
        self._table: DataFrame | None = None

    def table(self, order: Order) -> DataFrame:
        """Return the addresses in `order["partitions"]` partitions, in Spark's memory."""
        key = (order["base_url"], *order["paths"], order["rows"], order["partitions"])
        if self._table is None or self._key != key:
            if self._table is not None:
                self._table.unpersist(blocking=True)
            self._table, self._key = _addresses(self.session, order).cache(), key
            self._table.count()
        return self._table

    def close(self) -> None:
        """Stop the session, then what it ran on."""
        self._open.close()


def _addresses(spark: Any, order: Order) -> DataFrame:
    paths = F.array(*(F.lit(order["base_url"] + path) for path in order["paths"]))
    path = F.element_at(paths, (F.col("id") % len(order["paths"]) + 1).cast("int"))
    url = F.replace(path, F.lit("{n}"), F.col("id").cast("string"))
    frame: DataFrame = spark.range(order["rows"], numPartitions=order["partitions"]).select(url.alias("image_url"))
    return frame
