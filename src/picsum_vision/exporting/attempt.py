"""One attempt of one task: its rows into pieces of the layout's kind, written front to back as mounted object stores want it."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import tarfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from picsum_vision.exporting.plan import DEFAULT_LIMITS, ExportPlan, Shard
from picsum_vision.exporting.staging import staging_folder, telling_what_failed
from picsum_vision.images.signatures import recognise
from picsum_vision.redaction import shareable, shareable_json
from picsum_vision.spark.arrow_arrays import answer_array, bytes_array, text_array, whole_number_array

IMAGE: Final = "image"
# Where it is not what the content type says.
_EXTENSIONS: Final = {"image/jpeg": "jpg", "image/x-icon": "ico"}
_TAR_BLOCK: Final = 512
_READABLE_BY_ALL: Final = 0o444
# What `datasets` itself takes for images: the viewer and shuffling readers load a group at a time.
_ROWS_OF_A_GROUP: Final = 100
_BYTES_OF_A_GROUP: Final = 32_000_000
_IMAGE_TYPE: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FEATURES: Final = {b"huggingface": json.dumps({"info": {"features": {IMAGE: {"_type": "Image"}}}}).encode()}


def write_attempt(batches: Iterable[pa.RecordBatch], plan: ExportPlan) -> Iterator[pa.RecordBatch]:
    """Write a task's rows and yield one row with what was written.

    A failure takes the attempt's files along. What a killed one leaves is in a folder that nobody will be told of.
    """
    attempt = _Attempt(plan)
    with telling_what_failed(plan), contextlib.ExitStack() as on_failure:
        on_failure.callback(attempt.give_up)
        for batch in batches:
            attempt.take(batch)
        told = attempt.finish()
        on_failure.pop_all()
    yield pa.RecordBatch.from_arrays([text_array([json.dumps(told)])], names=["attempt"])


class _Row(NamedTuple):
    """One image, its description, and the other columns as a JSON object or, where the layout keeps their types, as they are."""

    image: bytes
    extension: str
    text: str | None
    metadata: str
    columns: pa.StructArray | None  # of one row


class _Attempt:
    """The images of a task, in pieces of bounded size. Invariant: `_shards` names pieces that are closed and whole, no other."""

    def __init__(self, plan: ExportPlan) -> None:
        self._plan = plan
        images, size = DEFAULT_LIMITS[plan.layout]
        self._limits = (plan.max_images_per_shard or images, plan.max_bytes_per_shard or size)
        # Another attempt of the same task, at the same time or later, has another folder.
        self._folder = staging_folder(plan) / uuid.uuid4().hex
        self._partition = 0  # the rows say it; without any it numbers nothing
        self._open: _Piece | None = None
        self._images = self._images_in_all = 0
        self._shards: list[Shard] = []
        self._left_out: Counter[str] = Counter()

    def take(self, batch: pa.RecordBatch) -> None:
        columns = {name: batch.column(name) for name in batch.schema.names}
        if not self._plan.full_urls:
            columns |= _shareable(columns)
        for place in range(batch.num_rows):
            self._partition = columns["partition"][place].as_py()
            image = columns["image"][place].as_py()
            kind = recognise(image) if image else None
            if kind is None:
                status = columns["status"][place].as_py()
                missing = "no_image" if status in (None, "ok") else status
                self._left_out["not_an_image" if image else missing] += 1
                continue
            extension = _EXTENSIONS.get(kind.content_type, kind.content_type.removeprefix("image/"))
            text = columns["text"][place].as_py()
            metadata = columns["metadata"][place].as_py() if "metadata" in columns else None
            # A copy of one row: a slice would keep the whole batch in memory.
            kept = columns["columns"].take(whole_number_array([place], pa.int32())) if "columns" in columns else None
            self._add(_Row(image, extension, text, metadata or "{}", kept))

    def finish(self) -> dict[str, Any]:
        self._close()
        return {"partition": self._partition, "shards": self._shards, "left_out": self._left_out}

    def give_up(self) -> None:
        if self._open is not None:
            with contextlib.suppress(Exception):  # what failed before may fail here, too
                self._open.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _add(self, row: _Row) -> None:
        images, size = self._limits
        if self._open is not None and (self._images >= images or self._open.size_with(row) > size):
            self._close()
        if self._open is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._open = _LAYOUTS[self._plan.layout](self._folder / self._name)
        self._open.write(f"{self._partition:05d}-{self._images_in_all:07d}", row)
        self._images += 1
        self._images_in_all += 1

    def _close(self) -> None:
        if self._open is not None:
            self._shards.append(Shard(f"{self._folder.name}/{self._name}", images=self._images, bytes=self._open.close()))
            self._open, self._images = None, 0

    @property
    def _name(self) -> str:
        return f"{self._partition:05d}-{len(self._shards):04d}"


def _shareable(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Return what travels beside a batch's images, without what is secret of the URLs in its texts."""
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
    return array if changed == values else answer_array(changed, array.type)


class _Tar:
    """`key.jpg` (or what the bytes are), `key.txt` where there is a description, `key.json` with the other columns.

    The members of one sample follow one another. A key has no dot: what follows the first one is the member's kind.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - closed by close

    def size_with(self, row: _Row) -> int:
        members = sum(_TAR_BLOCK + _whole(len(data), _TAR_BLOCK) for _, data in _members(row))
        # Two empty blocks end the file, which is a whole number of records.
        return _whole(self._file.tell() + members + 2 * _TAR_BLOCK, tarfile.RECORDSIZE)

    def write(self, key: str, row: _Row) -> None:
        for kind, data in _members(row):
            member = tarfile.TarInfo(f"{key}.{kind}")
            member.size, member.mode = len(data), _READABLE_BY_ALL
            self._tar.addfile(member, io.BytesIO(data))

    def close(self) -> int:
        with self._file:
            self._tar.close()
            return self._file.tell()


class _Parquet:
    """`image STRUCT<bytes, path>`, which the schema marks as an image for `datasets`, and the other columns as they are.

    Invariant: in memory are the rows of one group, at most 100 and 32 MB, or one image.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None  # the first rows say which columns there are
        self._rows: list[pa.Table] = []
        self._held_bytes = self._written_bytes = 0

    def size_with(self, row: _Row) -> int:
        return self._written_bytes + self._held_bytes + _size(row)

    def write(self, key: str, row: _Row) -> None:
        if self._rows and (len(self._rows) >= _ROWS_OF_A_GROUP or self._held_bytes + _size(row) > _BYTES_OF_A_GROUP):
            self._write_group()
        name, content = text_array([f"{key}.{row.extension}"]), bytes_array([row.image], pa.binary())
        arrays = [pa.StructArray.from_arrays([content, name], fields=list(_IMAGE_TYPE))]
        fields = [pa.field(IMAGE, _IMAGE_TYPE)]
        if row.columns is not None:
            arrays += row.columns.flatten()
            fields += list(row.columns.type)
        self._rows.append(pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=_FEATURES)))
        self._held_bytes += _size(row)

    def close(self) -> int:
        try:
            self._write_group()
        finally:
            if self._writer is not None:
                self._writer.close()
        return self._path.stat().st_size

    def _write_group(self) -> None:
        table = pa.concat_tables(self._rows)
        if self._writer is None:
            # Neither dictionaries nor the smallest and largest image are of use to anybody.
            self._writer = pq.ParquetWriter(self._path, table.schema, use_dictionary=False, write_statistics=False)
        self._writer.write_table(table)
        self._written_bytes += self._held_bytes
        self._rows, self._held_bytes = [], 0


class _ImageFolder:
    """A folder of image files, and beside it its lines of metadata.jsonl, as `datasets`' imagefolder reads them.

    A line is a JSON object: `file_name` from the export's folder on, `text` where there is a description, and the other columns.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir()
        self._folder = path
        self._lines = path.with_name(f"{path.name}.jsonl").open("w", encoding="utf-8", newline="\n")
        self._bytes = 0

    def size_with(self, row: _Row) -> int:
        return self._bytes + len(row.image)

    def write(self, key: str, row: _Row) -> None:
        file_name = f"{key}.{row.extension}"
        (self._folder / file_name).write_bytes(row.image)
        line = {**json.loads(row.metadata), "file_name": f"{self._folder.name}/{file_name}"}
        if row.text is not None:
            line["text"] = row.text
        self._lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._bytes += len(row.image)

    def close(self) -> int:
        self._lines.close()
        return self._bytes


# `size_with` returns about how many bytes it would have with this row; `write` adds the row under a key that no other row of the
# export has; `close` finishes it and returns its bytes, and lets go of its file even if that fails.
_Piece = _Tar | _Parquet | _ImageFolder
_LAYOUTS: Final[Mapping[str, Callable[[Path], _Piece]]] = {"webdataset": _Tar, "huggingface": _Parquet, "files": _ImageFolder}


def _members(row: _Row) -> list[tuple[str, bytes]]:
    text = [] if row.text is None else [("txt", row.text.encode("utf-8", "replace"))]
    return [(row.extension, row.image), *text, ("json", row.metadata.encode("utf-8", "replace"))]


def _whole(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _size(row: _Row) -> int:
    return len(row.image) + (0 if row.columns is None else row.columns.nbytes)
