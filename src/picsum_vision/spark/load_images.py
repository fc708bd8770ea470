"""Images from files, object stores and Parquet, with the same columns as downloaded ones."""

from __future__ import annotations

import datetime as dt
import errno
import itertools
import os
import re
import stat
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, StringType, StructField, StructType

from picsum_vision.downloading.inspection import examine
from picsum_vision.errors import ColumnError, SettingError
from picsum_vision.options import DownloadOptions
from picsum_vision.outcomes import DownloadOutcome, DownloadStatus
from picsum_vision.spark.arrow_outcomes import download_outcomes
from picsum_vision.spark.columns import own_name
from picsum_vision.spark.conf import workers_are_here
from picsum_vision.spark.download_stage import DOWNLOAD_OUTCOME_FIELD, IMAGE_FIELD
from picsum_vision.spark.schemas import DOWNLOADED
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.source_kind import local_path, path_for_spark, without_patterns
from picsum_vision.spark.url_sources import read_parquet, readable
from picsum_vision.sql_text import identifier
from picsum_vision.validation import check_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    Batches = Iterable[pa.RecordBatch]

# As Hugging Face's `datasets` keeps an image.
_IMAGE: Final = StructType([StructField("bytes", BinaryType()), StructField("path", StringType())])


def load_images(
    spark: SparkSession,
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    url_col: str = "image_url",
    image_col: str = "image",
    options: DownloadOptions | None = None,
) -> DataFrame:
    """Read images that need no download: files, and Parquet with the images in it.

    Parameters
    ----------
    path
        A file, folder or pattern, or several: `/Volumes/...`, `dbfs:/...`, `s3://...`, `file:/...`. Folders are read with all
        below them. Where there are Parquet files, as in a data set of Hugging Face's, these are read and no others.
    url_col
        The name of the column with each file's path; of Parquet the path within `image_col`, or file and row where it has none.
    image_col
        In Parquet files the column with the image, BINARY or STRUCT<bytes, path>.
    options
        What of it applies: `verify`, `max_pixels`, and `max_bytes`, above which a file is not read. The defaults if None.

    Returns
    -------
    DataFrame
        One row for each file, or row: the path, `image_binary BINARY` (NULL unless the status is ok) and
        `download_outcome STRUCT<...>`, as :func:`download` gives them. Nothing is read before an action. On this machine's disk
        every file is a row; elsewhere Spark leaves out names that begin with `_` or `.`.

    Raises
    ------
    ColumnError, SettingError
        If a setting is wrong, or there is nothing.

    """
    options = DownloadOptions() if options is None else options
    if not isinstance(options, DownloadOptions):
        raise SettingError(f"options: {type(options).__name__} is not allowed; it must be DownloadOptions(...)")
    given = list(path) if isinstance(path, Iterable) and not isinstance(path, str) else [path]
    paths = [os.fspath(each) if isinstance(each, os.PathLike) else each for each in given]
    for each in paths or [""]:
        check_text("path", each)
    check_text("url_col", url_col)
    check_text("image_col", image_col)
    here = [each for each in paths if each.startswith("file:") or (workers_are_here(spark) and local_path(each) is not None)]
    elsewhere = [each for each in paths if each not in here]
    frames = [_of_this_machine(spark, here, image_col)] if here else []
    if elsewhere:
        with readable("path", ", ".join(elsewhere)):
            frames.append(_of_spark(spark, elsewhere, options.max_bytes, image_col))
    found = frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])
    schema = StructType([StructField(url_col, StringType()), *(StructField(name, kind) for name, kind in DOWNLOADED.items())])
    return found.mapInArrow(_looking(options, url_col), schema)


def _of_this_machine(spark: SparkSession, paths: Sequence[str], image_col: str) -> DataFrame:
    """Return `path`, `length`, `content` and `file` of what lies on this machine; a file's content is read where it is looked at.

    Spark's reader leaves out empty files and hidden ones, and ends the query at a name with a colon.
    """
    files = list(itertools.chain.from_iterable(_files(path) for path in paths))
    tables = [path_for_spark("path", file) for file in files if file.lower().endswith(".parquet")]
    if tables:
        return _of_parquet(spark, tables, image_col)
    rows = [(os.fsencode(file),) for file in files]
    found = spark.createDataFrame(rows, "file BINARY").repartition(min(len(rows), 4 * tasks_at_once(spark)))
    nothing = F.lit(None)
    return found.select(
        nothing.cast("string").alias("path"),
        nothing.cast("long").alias("length"),
        nothing.cast("binary").alias("content"),
        "file",
    )


def _files(path: str) -> list[str]:
    """Return the files of a path, of folders with all below them, or of a pattern; raises SettingError where there is none."""
    place = local_path(path)
    assert place is not None  # noqa: S101 - it is of this machine
    place = Path(os.path.abspath(place))  # noqa: PTH100 - resolve() would replace the user's links
    found = [place] if place.exists() else sorted(_matching(place))
    files = [file for each in found for file in (_below(each) if each.is_dir() else [str(each)])]
    if not files:
        raise SettingError(f"path: {path!r} has no file, or is not there (looked for {place})")
    return files


def _matching(pattern: Path) -> Iterator[Path]:
    """Yield what a pattern names, as Spark reads it: with `{a,b}`, too."""
    text = str(pattern)
    if choice := re.search(r"\{([^{}]*)\}", text):
        for part in choice[1].split(","):
            yield from _matching(Path(text[: choice.start()] + part + text[choice.end() :]))
    else:
        yield from Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))


def _below(folder: Path) -> list[str]:
    return sorted(os.path.join(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names)  # noqa: PTH118 - quicker


def _of_spark(spark: SparkSession, paths: Sequence[str], max_bytes: int, image_col: str) -> DataFrame:
    """Return the same of what only Spark can reach.

    Two scans, for the reader leaves out whole files by a filter, and whole columns, but not a column of some files: it would read
    those first, and end the query at one above 2 GiB.
    """
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(list(paths))
    listed = {_one_slash(urllib.parse.unquote(file)) for file in files.inputFiles()}
    tables = [file for file in listed if file.lower().endswith(".parquet")]
    if tables:
        return _of_parquet(spark, [without_patterns(table) for table in tables], image_col)
    nothing = F.lit(None).cast("binary")
    small = files.where(F.col("length") <= max_bytes).select("path", "length", "content", nothing.alias("file"))
    large = files.where(F.col("length") > max_bytes).select("path", "length", nothing.alias("content"), nothing.alias("file"))
    # Spark lists empty files, and gives no row for them.
    rows = spark.createDataFrame([(file,) for file in sorted(listed)], "path STRING")
    empty = rows.join(files.select(F.regexp_replace("path", "^([^:]+):/+", "$1:/").alias("path")), "path", "left_anti")
    no_bytes = F.lit(b"").alias("content")
    return small.union(large).union(empty.select("path", F.lit(0).cast("long"), no_bytes, nothing))


def _one_slash(address: str) -> str:
    return re.sub(r"^([^:]+):/+", r"\1:/", address)


def _of_parquet(spark: SparkSession, paths: list[str], image_col: str) -> DataFrame:
    with readable("path", paths[0]):
        df = read_parquet(spark, paths, image_col, _IMAGE)
    column = own_name(df, image_col)
    kind = df.schema[column].dataType if column in df.columns else None
    fields = {field.name: field.dataType for field in kind.fields} if isinstance(kind, StructType) else {}
    if not isinstance(fields.get("bytes", kind), BinaryType):
        there = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in df.schema.fields)
        raise ColumnError(
            f"image_col: {image_col!r} is no BINARY or STRUCT<bytes, path> column of these Parquet files; there are: {there}"
        )
    image = F.col(identifier(column))
    content = image["bytes"] if fields else image
    row = F.concat(F.regexp_replace("_metadata.file_path", "^file:/+", "file:/"), F.lit("#"), "_metadata.row_index")
    path = F.coalesce(image["path"], row) if "path" in fields else row
    length = F.octet_length(content).cast("long")
    return df.select(
        path.alias("path"), length.alias("length"), content.alias("content"), F.lit(None).cast("binary").alias("file")
    )


def _looking(options: DownloadOptions, url_col: str) -> Callable[[Batches], Batches]:
    def look(batches: Batches) -> Batches:
        for batch in batches:
            # One image at a time: a batch of Spark's may hold many large ones already.
            for row in range(batch.num_rows):
                yield _looked_at(*(column[row].as_py() for column in batch.columns), options=options, url_col=url_col)

    return look


def _looked_at(
    path: str, length: int | None, data: bytes | None, file: bytes | None, *, options: DownloadOptions, url_col: str
) -> pa.RecordBatch:
    began_s = time.monotonic()
    told = DownloadOutcome(status=DownloadStatus.EMPTY, attempts=1, message="the row has no image")
    try:
        if file is not None:
            path = f"file:{os.fsdecode(file).encode(errors='replace').decode()}"
            length, data = _read(file, options.max_bytes)
    except OSError as error:
        told.status, told.message = DownloadStatus.INTERNAL, f"cannot be read: {error.strerror}"
    if length is not None:
        told.bytes = length
        if length > options.max_bytes:
            told.status, told.message = DownloadStatus.TOO_LARGE, f"more than {options.max_bytes} bytes (max_bytes)"
        else:
            found = examine(data or b"", verify=options.verify, max_pixels=options.max_pixels)
            told.status, told.message, told.sha256, told.content_type, told.width, told.height = found
    told.final_url, told.finished_at = path, dt.datetime.now(dt.timezone.utc)
    told.elapsed_ms = round(1000 * (time.monotonic() - began_s))
    return pa.RecordBatch.from_arrays(
        [
            pa.array([path], pa.string()),
            pa.array([data if told.status is DownloadStatus.OK else None], IMAGE_FIELD.type),
            download_outcomes([told]),
        ],
        schema=pa.schema([pa.field(url_col, pa.string()), IMAGE_FIELD, DOWNLOAD_OUTCOME_FIELD]),
    )


def _read(file: bytes, max_bytes: int) -> tuple[int, bytes | None]:
    found = os.stat(file)  # noqa: PTH116 - a name that is no text is no Path
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if found.st_size > max_bytes:
        return found.st_size, None
    with open(file, "rb") as opened:  # noqa: PTH123 - the same
        return found.st_size, opened.read()
