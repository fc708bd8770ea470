"""The embedded model server's files: uploaded, listed and read, kept on this machine's disk while the server runs."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import BodyPartReader, web

from picsum_vision.testing.model_server.batches.faults import BatchFaultKind
from picsum_vision.testing.model_server.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picsum_vision.testing.model_server.batches.faults import BatchFaultPlan
    from picsum_vision.testing.model_server.settings import ModelServerSettings
    from picsum_vision.testing.model_server.statistics import ModelStats

_CHUNK_BYTES: Final = 1 << 20
_MOST_LISTED: Final = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One file, and where its bytes are."""

    id: str
    path: Path
    filename: str
    purpose: str
    created_at: int

    def as_object(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.path.stat().st_size,
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


class FileStore:
    """All files of one server, in a folder that goes when the server does."""

    def __init__(self) -> None:
        """Start empty."""
        self._folder = tempfile.TemporaryDirectory(prefix="picsum-vision-model-files-")
        self._files: dict[str, StoredFile] = {}
        self._numbers = itertools.count(1)

    def new_path(self) -> Path:
        """Return a path that no file has yet."""
        return Path(self._folder.name) / str(next(self._numbers))

    def add(self, path: Path, filename: str, purpose: str) -> StoredFile:
        """Take over what was written at `path`."""
        file = StoredFile(id=f"file-{path.name}", path=path, filename=filename, purpose=purpose, created_at=int(time.time()))
        self._files[file.id] = file
        return file

    def get(self, file_id: str) -> StoredFile:
        """Return the file; :class:`ApiError` 404 if it is not there."""
        if file_id not in self._files:
            raise ApiError(404, f"No such File object: {file_id}", param="id")
        return self._files[file_id]

    def all(self) -> list[StoredFile]:
        """Return all files, the oldest first."""
        return list(self._files.values())


def page(request: web.Request, objects: Sequence[dict[str, Any]], *, normal: int, most: int) -> web.Response:
    """Return the page of `objects` that the request's `limit` and `after` ask for; :class:`ApiError` 400 for a wrong limit."""
    text = request.query.get("limit", str(normal))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ApiError(400, f"'limit' must be from 1 to {most}.", param="limit", code="invalid_value")
    after, ids = request.query.get("after"), [each["id"] for each in objects]
    if after is not None and after not in ids:
        raise ApiError(400, f"No such object: {after}", param="after", code="invalid_value")
    start = 0 if after is None else ids.index(after) + 1
    shown = objects[start : start + int(text)]
    return web.json_response({"object": "list", "data": shown, "has_more": start + len(shown) < len(objects)})


class FileRoutes:
    """`/files` and what is below."""

    def __init__(self, settings: ModelServerSettings, store: FileStore, faults: BatchFaultPlan, stats: ModelStats) -> None:
        """Keep files in `store`."""
        self._settings = settings
        self._store = store
        self._faults = faults
        self._stats = stats

    def routes(self, prefixes: Sequence[str]) -> list[web.RouteDef]:
        """Return the routes of this group."""
        return [
            route
            for prefix in prefixes
            for route in (
                web.post(f"{prefix}/files", self._create),
                web.get(f"{prefix}/files", self._list),
                web.get(f"{prefix}/files/{{id}}/content", self._content),
            )
        ]

    async def _create(self, request: web.Request) -> web.Response:
        if not request.content_type.startswith("multipart/"):
            raise ApiError(400, "The body of an upload must be multipart/form-data.")
        purpose, filename, path = None, None, self._store.new_path()
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "purpose":
                purpose = await part.text()
            elif isinstance(part, BodyPartReader) and part.name == "file":
                filename = part.filename or "upload"
                await self._save(part, path)
        self._faults.may_fail(BatchFaultKind.HTTP_ERROR, "files.create")
        if filename is None or purpose != "batch":
            raise ApiError(400, "A 'file' is required, and its purpose must be batch.", param="file", code="invalid_value")
        self._stats.files_uploaded += 1
        return web.json_response(self._store.add(path, filename, purpose).as_object())

    async def _save(self, part: BodyPartReader, path: Path) -> None:
        size = 0
        with path.open("wb") as stream:
            while chunk := await part.read_chunk(_CHUNK_BYTES):
                size += len(chunk)
                self._stats.bytes_received += len(chunk)
                if size > self._settings.max_batch_file_bytes:
                    raise ApiError(413, f"The file is larger than {self._settings.max_batch_file_bytes} bytes.")
                stream.write(chunk)

    async def _list(self, request: web.Request) -> web.Response:
        self._faults.may_fail(BatchFaultKind.HTTP_ERROR, "files.list")
        purpose = request.query.get("purpose")
        newest_first = [file.as_object() for file in reversed(self._store.all()) if purpose in (None, file.purpose)]
        return page(request, newest_first, normal=_MOST_LISTED, most=_MOST_LISTED)

    async def _content(self, request: web.Request) -> web.FileResponse:
        self._faults.may_fail(BatchFaultKind.HTTP_ERROR, "files.content")
        path = self._store.get(request.match_info["id"]).path
        return web.FileResponse(path, headers={"Content-Type": "application/octet-stream"})
