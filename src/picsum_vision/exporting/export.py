"""`export`: a DataFrame's images and columns as files that other image tools read."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from picsum_vision.errors import ColumnError, EnvironmentProblem, SettingError
from picsum_vision.exporting.attempt import write_attempt
from picsum_vision.exporting.huggingface import IMAGE, check_column
from picsum_vision.exporting.layout import FinalNames, final_names
from picsum_vision.exporting.plan import DEFAULT_LIMITS, LAYOUTS, MODES, Attempt, ExportPlan, Layout, Mode, ShardLimits
from picsum_vision.exporting.report import ExportReport
from picsum_vision.exporting.staging import abandon, claim, commit, prepare
from picsum_vision.exporting.target import target_folder
from picsum_vision.redaction import cause
from picsum_vision.spark.by_position import ByPosition, text_instead
from picsum_vision.spark.columns import check_input
from picsum_vision.validation import check_choice, check_flag, check_integer, check_text

if TYPE_CHECKING:
    import os

    from pyspark.sql import Column, DataFrame, SparkSession

_SPLIT: Final = re.compile(r"[A-Za-z0-9_]+")
# A worker's own error in the words of Spark, which puts a stack trace around it.
_TOLD: Final = re.compile(r"picsum_vision\.errors\.(SettingError|EnvironmentProblem): ([^\n]+)")


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
    check_flag("full_urls", full_urls)
    plan = _plan(layout, path, mode, split, max_images_per_shard, max_bytes_per_shard, full_urls)
    check_integer("partitions", partitions, minimum=1, maximum=100_000, optional=True)
    rows = _rows(df if partitions is None else df.repartition(partitions), plan, image_col, text_col)
    spark = df.sparkSession
    _on_a_worker(spark, lambda: claim(plan))
    try:
        attempts = _written(rows, plan)
        names = final_names(plan, attempts)
        report = _report(plan, attempts, names)
        _on_a_worker(spark, lambda: prepare(plan, names))
        manifest = {"export_id": plan.export_id, **report.as_dict(), "files": list(report.files)}
        _on_a_worker(spark, lambda: commit(plan, names, manifest))
    except Exception:
        # A session that cannot even do this leaves a staging folder, which the next export tells of; the error is the one before.
        # So does Ctrl-C, who waits for nobody: on a worker, this would come after the tasks that have all cores.
        with contextlib.suppress(PySparkException):
            _on_a_worker(spark, lambda: abandon(plan))
        raise
    return report


def _plan(  # noqa: PLR0917 - export's own settings
    layout: Layout,
    path: Any,
    mode: Mode,
    split: str,
    max_images: int | None,
    max_bytes: int | None,
    full_urls: bool,  # noqa: FBT001 - the same
) -> ExportPlan:
    check_choice("layout", layout, LAYOUTS)
    check_choice("mode", mode, MODES)
    check_text("split", split)
    if not _SPLIT.fullmatch(split):
        raise SettingError(f"split: {split!r} is not allowed; it must be letters, digits and underscores")
    check_integer("max_images_per_shard", max_images, minimum=1, optional=True)
    check_integer("max_bytes_per_shard", max_bytes, minimum=1, optional=True)
    default = DEFAULT_LIMITS[layout]
    return ExportPlan(
        layout=layout,
        folder=target_folder(path),
        mode=mode,
        limits=ShardLimits(max_images=max_images or default.max_images, max_bytes=max_bytes or default.max_bytes),
        split=split,
        export_id=uuid.uuid4().hex,
        full_urls=full_urls,
    )


def _rows(df: DataFrame, plan: ExportPlan, image_col: str, text_col: str) -> DataFrame:
    """Return the columns that the workers want: what they need to know, and the rest as JSON or with its types."""
    image_col = check_input("image_col", df, image_col, "binary")
    check_text("text_col", text_col)
    kinds, columns = dict(df.dtypes), ByPosition(df)
    text = F.lit(None).cast("string")
    if kinds.get(text_col) == "string":
        text = columns.column(text_col)
    status = F.lit(None).cast("string")
    if "status:string" in kinds.get("download_outcome", ""):
        status = columns.column("download_outcome")["status"]
    return columns.df.select(
        F.spark_partition_id().alias("partition"),
        columns.column(image_col).alias("image"),
        status.alias("status"),
        text.alias("text"),
        *_rest(columns, image_col, plan, text_col if kinds.get(text_col) == "string" else None),
    )


def _rest(columns: ByPosition, image_col: str, plan: ExportPlan, text_col: str | None) -> list[Column]:
    fields = {name: field for name, field in zip(columns.names, columns.df.schema.fields, strict=True) if name != image_col}
    # Of Parquet's names Spark does not tell case apart.
    ours = {"webdataset": [], "huggingface": [IMAGE], "files": ["file_name", *([] if text_col in (None, "text") else ["text"])]}[
        plan.layout
    ]
    for name in fields:
        if (name.lower() if plan.layout == "huggingface" else name) in ours:
            raise ColumnError(
                f"{name}: the layout {plan.layout!r} writes a column of this name itself; rename the one of the DataFrame"
            )
    if not fields:
        return []
    if plan.layout == "huggingface":
        for name, field in fields.items():
            check_column(name, field)
        return [F.struct(*(columns.column(name).alias(name) for name in fields)).alias("columns")]
    # Spark makes no JSON of a TIME. A NULL is written too, so that each row has the same keys.
    as_json = {
        name: text_instead(field.dataType, lambda kind: type(kind).__name__ == "TimeType") for name, field in fields.items()
    }
    values = [columns.column(name).cast(kind).alias(name) for name, kind in as_json.items()]
    return [F.to_json(F.struct(*values), {"ignoreNullFields": "false"}).alias("metadata")]


def _written(rows: DataFrame, plan: ExportPlan) -> list[Attempt]:
    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        return write_attempt(batches, plan)

    told = _collected(rows.mapInArrow(work, "attempt STRING"))
    return sorted((Attempt.from_json(json.loads(row)) for row in told), key=lambda attempt: attempt.partition)


def _report(plan: ExportPlan, attempts: list[Attempt], names: FinalNames) -> ExportReport:
    shards = [shard for attempt in attempts for shard in attempt.shards]
    left_out: Counter[str] = Counter()
    for attempt in attempts:
        left_out.update(attempt.left_out)
    return ExportReport(
        layout=plan.layout,
        path=plan.folder,
        images=sum(shard.images for shard in shards),
        bytes=sum(shard.bytes for shard in shards),
        left_out=dict(left_out),
        files=tuple(names.files),
    )


def _on_a_worker(spark: SparkSession, step: Callable[[], None]) -> None:
    """Run a step where the folder is: in a task."""

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                step()
        yield pa.RecordBatch.from_arrays([pa.array([], pa.string())], names=["nothing"])

    _collected(spark.range(0, 1, 1, 1).mapInArrow(work, "nothing STRING"))


def _collected(df: DataFrame) -> list[Any]:
    try:
        return [row[0] for row in df.collect()]
    except PySparkException as error:
        found = _TOLD.search(str(error))
        if found is None:
            raise
        kind = SettingError if found[1] == "SettingError" else EnvironmentProblem
        raise kind(found[2].strip()) from cause(error)
