"""`export`: a DataFrame's images and columns as files that other image tools read."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import operator
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructField, StructType

from picsum_vision.errors import ColumnError, EnvironmentProblem, SettingError
from picsum_vision.exporting.attempt import IMAGE, write_attempt
from picsum_vision.exporting.plan import ExportPlan, Layout, Mode, Shard, final_names, target_folder
from picsum_vision.exporting.staging import abandon, claim, commit, prepare
from picsum_vision.redaction import cause
from picsum_vision.spark.by_position import ByPosition, text_instead
from picsum_vision.spark.columns import check_input
from picsum_vision.validation import check_integer, check_text

# A worker's own error in the words of Spark, which puts a stack trace around it.
_TOLD: Final = re.compile(r"picsum_vision\.errors\.(SettingError|EnvironmentProblem): ([^\n]+)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What :func:`picsum_vision.export` returns.

    Parameters
    ----------
    layout, path
        What was written, and the folder it is in.
    images, bytes
        How many images, and the bytes of the files; for `files` those of the images.
    left_out
        The rows that have no image, counted by `download_outcome.status` where that says why, else `no_image` (NULL or empty) and
        `not_an_image` (bytes that are no picture).
    files
        The names in `path`: tars, Parquet files, or folders and metadata.jsonl.

    """

    layout: str
    path: str
    images: int
    bytes: int
    left_out: dict[str, int]
    files: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows the DataFrame had."""
        return self.images + sum(self.left_out.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON has them; of the files their number."""
        return {**dataclasses.asdict(self), "files": len(self.files), "rows": self.rows}

    def __str__(self) -> str:
        """Return the figures as text."""
        lines = [
            f"{self.images:,} of {self.rows:,} images as {self.layout} in {self.path}",
            f"  {len(self.files):,} files or folders, {self.bytes / 1e6:,.1f} MB",
        ]
        reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in sorted(self.left_out.items()))
        return "\n".join([*lines, f"  left out: {reasons}"] if reasons else lines)


def export(
    df: DataFrame,
    layout: Layout,
    path: str | os.PathLike[str],
    *,
    image_col: str = "image_binary",
    text_col: str = "descrizione",
    mode: Mode = "error",
    split: str = "train",
    max_images_per_shard: int | None = None,
    max_bytes_per_shard: int | None = None,
    partitions: int | None = None,
    full_urls: bool = False,
) -> ExportReport:
    """Write a DataFrame's images, with all its columns, as files that other image tools read.

    Parameters
    ----------
    df
        Rows with a BINARY column `image_col`. It is evaluated once: what stands in no table yet is fetched, asked and paid for.
    layout
        "webdataset": tar files `train-000000.tar`, ... with `KEY.jpg` (the extension by content), `KEY.txt` (the description)
        and `KEY.json` (the other columns). "huggingface": Parquet files `data/train-00000-of-00004.parquet` with `image
        STRUCT<bytes, path>`, marked as an image for `datasets`, and the other columns. "files": one file an image in folders of
        bounded size, and `metadata.jsonl` with a line for each, which `datasets` knows as imagefolder.
    path
        A folder that all workers share: a local path on one machine, `file:/...`, `/Volumes/catalog/schema/volume/...`.
    text_col
        The STRING column of the descriptions, if the DataFrame has it.
    mode
        "error" refuses a folder that is not empty. "overwrite" takes the place of an earlier export, which is deleted once all
        new files are written; a folder with anything in it that no export wrote is refused all the same.
    split
        The word that names start with; `datasets` and others know train, validation and test.
    max_images_per_shard, max_bytes_per_shard
        When a tar, a Parquet file or a folder is full. None: 10,000 images and 1 GB for webdataset, 10,000 and 500 MB for
        huggingface, 1,000 and 10 GB for files. A task begins pieces of its own: each non-empty partition makes at least one.
    partitions
        Into how many tasks the rows are spread; None leaves them as they are.
    full_urls
        Whether the texts of all columns keep what may be secret of their URLs: user, password, fragment, and a query, which is
        `?redacted` otherwise unless it says nothing but numbers and the words of image services.

    Returns
    -------
    ExportReport
        Images and bytes written, names of the files, and the rows that were left out, by reason: those without an image.

    Raises
    ------
    ColumnError, SettingError
        If a column or a setting is wrong, or the folder is not empty.
    EnvironmentProblem
        If the folder cannot be written, or the workers do not share it.

    """
    plan = ExportPlan(
        layout=layout,
        folder=target_folder(path),
        mode=mode,
        split=split,
        max_images_per_shard=max_images_per_shard,
        max_bytes_per_shard=max_bytes_per_shard,
        full_urls=full_urls,
    )
    check_integer("partitions", partitions, minimum=1, maximum=100_000, optional=True)
    rows = _rows(df if partitions is None else df.repartition(partitions), plan, image_col, text_col)
    spark = df.sparkSession
    _on_a_worker(spark, lambda: claim(plan))
    try:
        told = map(json.loads, _collected(rows.mapInArrow(lambda batches: write_attempt(batches, plan), "attempt STRING")))
        attempts = sorted(told, key=operator.itemgetter("partition"))
        shards = [Shard(*shard) for attempt in attempts for shard in attempt["shards"]]
        names = final_names(plan, shards)
        report = ExportReport(
            layout=layout,
            path=plan.folder,
            images=sum(shard.images for shard in shards),
            bytes=sum(shard.bytes for shard in shards),
            left_out=dict(sum((Counter(attempt["left_out"]) for attempt in attempts), Counter())),
            files=tuple(names),
        )
        _on_a_worker(spark, lambda: prepare(plan, names))
        manifest = {"export_id": plan.export_id, **report.as_dict(), "files": list(names)}
        _on_a_worker(spark, lambda: commit(plan, names, manifest))
    except Exception:
        # A session that cannot even do this leaves a staging folder, which the next export tells of; the error is the one before.
        # So does Ctrl-C, who waits for nobody: on a worker, this would come after the tasks that have all cores.
        with contextlib.suppress(PySparkException):
            _on_a_worker(spark, lambda: abandon(plan))
        raise
    return report


def _rows(df: DataFrame, plan: ExportPlan, image_col: str, text_col: str) -> DataFrame:
    """Return the columns that the workers want: what they need to know, and the rest as JSON or with its types."""
    image_col = check_input("image_col", df, image_col, "binary")
    check_text("text_col", text_col)
    kinds, columns = dict(df.dtypes), ByPosition(df)
    has_text = kinds.get(text_col) == "string"
    has_status = "status:string" in kinds.get("download_outcome", "")
    nothing = F.lit(None).cast("string")
    # Names that the layout writes itself; of Parquet's Spark does not tell case apart.
    taken = {IMAGE} if plan.layout == "huggingface" else {"file_name"} if plan.layout == "files" else set()
    if plan.layout == "files" and has_text and text_col != "text":
        taken.add("text")
    for name in df.columns:
        if name != image_col and (name.lower() if plan.layout == "huggingface" else name) in taken:
            raise ColumnError(
                f"{name}: the layout {plan.layout!r} writes a column of this name itself; rename the one of the DataFrame"
            )
    return columns.df.select(
        F.spark_partition_id().alias("partition"),
        columns.column(image_col).alias("image"),
        (columns.column("download_outcome")["status"] if has_status else nothing).alias("status"),
        (columns.column(text_col) if has_text else nothing).alias("text"),
        *_rest(columns, image_col, plan),
    )


def _rest(columns: ByPosition, image_col: str, plan: ExportPlan) -> list[Column]:
    fields = {name: field for name, field in zip(columns.names, columns.df.schema.fields, strict=True) if name != image_col}
    if not fields:
        return []
    if plan.layout == "huggingface":
        for name, field in fields.items():
            _check_parquet_has(name, field)
        return [F.struct(*(columns.column(name).alias(name) for name in fields)).alias("columns")]
    # Spark makes no JSON of a TIME. A NULL is written too, so that each row has the same keys.
    values = [
        columns.column(name).cast(text_instead(field.dataType, lambda kind: type(kind).__name__ == "TimeType")).alias(name)
        for name, field in fields.items()
    ]
    return [F.to_json(F.struct(*values), {"ignoreNullFields": "false"}).alias("metadata")]


def _check_parquet_has(name: str, field: StructField) -> None:
    try:
        pq.ParquetWriter(io.BytesIO(), to_arrow_schema(StructType([field]))).close()
    except pa.ArrowNotImplementedError as error:
        raise ColumnError(
            f"{name}: the column is {field.dataType.simpleString()}, which Parquet has no type for; drop it"
        ) from error


def _on_a_worker(spark: SparkSession, step: Callable[[], None]) -> None:
    """Run a step where the folder is: in a task."""

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            step()
            yield batch

    _collected(spark.range(0, 1, 1, 1).mapInArrow(work, "id BIGINT"))


def _collected(df: DataFrame) -> list[Any]:
    try:
        return [row[0] for row in df.collect()]
    except PySparkException as error:
        found = _TOLD.search(str(error))
        if found is None:
            raise
        kind = SettingError if found[1] == "SettingError" else EnvironmentProblem
        raise kind(found[2].strip()) from cause(error)
