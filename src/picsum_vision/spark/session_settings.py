"""The Spark settings of a local session, as plain text: what they are, and why."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import re
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Final

from picsum_vision.errors import SettingError
from picsum_vision.spark.jars import TableFormat, packaged_file

if TYPE_CHECKING:
    from collections.abc import Mapping

# Image bytes are wide, and Spark's readers and its way to Python count rows: their defaults (4,096 and 10,000) mean hundreds of
# megabytes. Iceberg's batch size is no session setting, so its batches are off: that bounds tables made elsewhere too, and makes
# reading a narrow table somewhat slower. Spark 4.1 can bound bytes towards Python as well.
WIDE_ROWS: Final[Mapping[str, str]] = {
    "spark.sql.parquet.columnarReaderBatchSize": "32",
    "spark.sql.iceberg.vectorization.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "128",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(16 << 20),
    "spark.hadoop.parquet.block.size": str(16 << 20),
    # The size is looked at after so many rows only: after the usual 100 of 20 MB each it would be 2 GB for every task.
    "spark.hadoop.parquet.page.size.row.check.min": "4",
    "spark.hadoop.parquet.page.size.row.check.max": "64",
}
QUIET: Final[Mapping[str, str]] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_EXTENSIONS: Final[Mapping[TableFormat, str]] = {
    "iceberg": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "delta": "io.delta.sql.DeltaSparkSessionExtension",
}
_ICEBERG_CATALOG: Final = "org.apache.iceberg.spark.SparkCatalog"
_DELTA_CATALOG: Final = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
_LOOPBACK: Final = "127.0.0.1"
# Both are Spark's own: a catalog of ours under such a name would break every other statement.
_RESERVED_CATALOGS: Final = ("spark_catalog", "system")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableCatalog:
    """Tables of one format: `name` is the catalog of Iceberg tables, and `location` their folder. Delta tables go by path."""

    table_format: TableFormat
    name: str
    location: str

    def __post_init__(self) -> None:
        """Check what Spark would take for something else."""
        if not re.fullmatch(r"\w[\w-]*", str(self.name or "")) or self.name.lower() in _RESERVED_CATALOGS:
            raise SettingError(
                f"catalog: {self.name!r} is not allowed; it must be one name without dots, and not spark_catalog or system"
            )

    @property
    def settings(self) -> dict[str, str]:
        """The settings that make the catalog; a running session takes them as well."""
        if self.table_format == "delta":
            return {
                "spark.sql.catalog.spark_catalog": _DELTA_CATALOG,
                # Delta reads a table's log by so many tasks, and VACUUM lists its files by so many: 50 and 10,000 unless told
                # otherwise, which on one machine is waiting.
                "spark.databricks.delta.snapshotPartitions": "2",
                "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
            }
        prefix = f"spark.sql.catalog.{self.name}"
        return {
            prefix: _ICEBERG_CATALOG,
            f"{prefix}.type": "hadoop",
            f"{prefix}.warehouse": self.location,
            # A cached table would not show what another session has committed meanwhile.
            f"{prefix}.cache-enabled": "false",
            # For readers that do not have this session's settings.
            f"{prefix}.table-default.read.parquet.vectorization.batch-size": "32",
            f"{prefix}.table-default.write.parquet.row-group-size-bytes": str(16 << 20),
            f"{prefix}.table-default.write.parquet.row-group-check-min-record-count": "4",
            f"{prefix}.table-default.write.parquet.row-group-check-max-record-count": "64",
        }

    @property
    def extension(self) -> str:
        """The class that teaches Spark the format's statements."""
        return _EXTENSIONS[self.table_format]


def session_settings(tables: TableCatalog, *, app_name: str, asked: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a new session but for its jars.

    What the user `asked` for wins, but lists (extensions, Java options) are joined. `asked` holds `spark.master` in any case.
    """
    settings = {
        "spark.app.name": app_name,
        "spark.sql.session.timeZone": "UTC",
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
        **WIDE_ROWS,
        **QUIET,
        **tables.settings,
        # Or a folder `spark-warehouse` appears wherever the job was started.
        "spark.sql.warehouse.dir": tables.location if tables.table_format == "delta" else _folder_of_other_tables(),
        **(_local_settings() if _is_on_this_machine(asked["spark.master"]) else {}),
        **asked,
    }
    settings["spark.sql.extensions"] = _joined(tables.extension, asked.get("spark.sql.extensions"), ",")
    settings["spark.driver.extraJavaOptions"] = _joined(_java_options(), asked.get("spark.driver.extraJavaOptions"), " ")
    return settings


@functools.cache
def _folder_of_other_tables() -> str:
    """Return where Spark's own catalog keeps tables: it makes this folder at its start, and forgets the tables at its end."""
    folder = tempfile.mkdtemp(prefix="picsum-vision-warehouse-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _java_options() -> str:
    # The address form of the path has no spaces, so Spark cannot take it apart.
    return f"-Dlog4j2.configurationFile={packaged_file('session_log4j2.properties').as_uri()}"


def _local_settings() -> dict[str, str]:
    return {
        "spark.driver.host": _LOOPBACK,
        "spark.driver.bindAddress": _LOOPBACK,
        "spark.connect.grpc.binding.address": _LOOPBACK,
        "spark.python.daemon.module": "picsum_vision.spark.worker_daemon",
    }


def _is_on_this_machine(master: str) -> bool:
    return master.startswith("local") or re.match(r"spark://(127\.\d+\.\d+\.\d+|localhost):", master) is not None


def _joined(ours: str, theirs: str | None, separator: str) -> str:
    if not theirs:
        return ours
    return theirs if ours in theirs else f"{ours}{separator}{theirs}"
