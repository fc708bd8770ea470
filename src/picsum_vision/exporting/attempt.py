"""One attempt of one task: its rows into files of its own, and one row that says which."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from picsum_vision.errors import EnvironmentProblem
from picsum_vision.exporting.huggingface import ParquetShard
from picsum_vision.exporting.image_files import ImageFolder
from picsum_vision.exporting.plan import STAGING, Attempt, ExportPlan
from picsum_vision.exporting.shards import ExportedRow, OpenShard, Shards
from picsum_vision.exporting.webdataset import TarShard
from picsum_vision.images.signatures import recognise
from picsum_vision.redaction import shareable, shareable_json
from picsum_vision.spark.arrow_arrays import text_array, whole_number_array

_OPENERS: Final[Mapping[str, Callable[[Path, str], OpenShard]]] = {
    "webdataset": TarShard,
    "huggingface": ParquetShard,
    "files": ImageFolder,
}
_EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
    "image/x-icon": "ico",
    "image/avif": "avif",
    "image/heic": "heic",
}
NO_IMAGE: Final = "no_image"
NOT_AN_IMAGE: Final = "not_an_image"


def write_attempt(batches: Iterable[pa.RecordBatch], plan: ExportPlan) -> Iterator[pa.RecordBatch]:
    """Write a task's rows and yield one row with what was written; none for a task without rows.

    A failure takes the attempt's files along. What a killed one leaves is in a folder that nobody will be told of.
    """
    writing: _Writing | None = None
    try:
        for batch in batches:
            if batch.num_rows and writing is None:
                writing = _Writing(plan, batch.column("partition")[0].as_py())
            if writing is not None:
                writing.take(batch)
        told = None if writing is None else writing.finish()
    except BaseException as error:
        if writing is not None:
            writing.give_up()
        if isinstance(error, OSError):
            raise EnvironmentProblem(f"path: {plan.folder!r} cannot be written: {error.strerror or error}") from error
        raise
    if told is not None:
        yield pa.RecordBatch.from_arrays([text_array([json.dumps(told.as_json())])], names=["attempt"])


class _Writing:
    def __init__(self, plan: ExportPlan, partition: int) -> None:
        # Another attempt of the same task, at the same time or later, has another folder.
        self._name = f"{partition:05d}-{uuid.uuid4().hex[:12]}"
        self._folder = Path(plan.folder) / STAGING / plan.export_id / self._name
        self._partition = partition
        self._shards = Shards(self._folder, partition, plan.limits, _OPENERS[plan.layout])
        self._left_out: Counter[str] = Counter()
        self._full_urls = plan.full_urls

    def take(self, batch: pa.RecordBatch) -> None:
        """Write the rows of a batch, one image at a time."""
        columns = {name: batch.column(name) for name in batch.schema.names}
        if not self._full_urls:
            columns |= _shareable_columns(columns)
        for place in range(batch.num_rows):
            image = columns["image"][place].as_py()
            kind = recognise(image) if image else None
            if kind is None:
                status = columns["status"][place].as_py()
                missing = NO_IMAGE if status in (None, "ok") else status
                self._left_out[NOT_AN_IMAGE if image else missing] += 1
                continue
            self._shards.add(_row(image, _EXTENSIONS[kind.content_type], columns, place))

    def finish(self) -> Attempt:
        """Close the last file."""
        self._shards.close()
        return Attempt(
            partition=self._partition, folder=self._name, shards=tuple(self._shards.done), left_out=dict(self._left_out)
        )

    def give_up(self) -> None:
        """Take away what was written, as far as that can be done."""
        self._shards.abort()
        shutil.rmtree(self._folder, ignore_errors=True)


def _shareable_columns(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Return what travels beside the images, without what is secret of the URLs in it; what has none stays as it is."""
    changed = {"text": text_array([shareable(text) for text in columns["text"].to_pylist()])}
    if "metadata" in columns:
        changed["metadata"] = text_array([text and shareable_json(text) for text in columns["metadata"].to_pylist()])
    if "columns" in columns:
        together = columns["columns"]
        fields = [_shareable_array(each) for each in together.flatten()]
        changed["columns"] = pa.StructArray.from_arrays(fields, fields=list(together.type))
    return changed


def _shareable_array(array: pa.Array) -> pa.Array:
    """Return the array with its texts changed, whatever they are nested in; one without anything secret is not made anew."""
    if not re.search(r"\bstring\b", str(array.type)):
        return array
    values = array.to_pylist()
    changed = shareable(values)
    return array if changed == values else pa.array(changed, array.type)


def _row(image: bytes, extension: str, columns: dict[str, pa.Array], place: int) -> ExportedRow:
    # A copy of one row: a slice would keep the whole batch in memory.
    kept = columns["columns"].take(whole_number_array([place], pa.int32())) if "columns" in columns else None
    metadata = columns["metadata"][place].as_py() if "metadata" in columns else "{}"
    return ExportedRow(image, extension, columns["text"][place].as_py(), metadata or "{}", kept)
