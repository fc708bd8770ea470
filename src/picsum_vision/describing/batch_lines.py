"""The questions of one task as lines of batch files: on this machine's disk, known by what they ask."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from picsum_vision.describing.backends import BatchChat
from picsum_vision.describing.chat_request import Dialect, chat_request, encoded
from picsum_vision.describing.payload import Payload, Unfit
from picsum_vision.describing.tasks import Task
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeStatus

ENDPOINT: Final = "/v1/chat/completions"
_FRAME_BYTES: Final = 160  # custom_id, method and url around a body
_UNKNOWN: Final = Dialect()


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A question: where its body is, how long its line is at the most, and what it will use.

    `custom_id` is the digest of the body as an endpoint is asked that refuses nothing: the same question has the same one, in
    whatever partition and run it is asked.
    """

    custom_id: str
    offset: int
    length: int
    line_bytes: int
    image_bytes: int
    input_tokens: int


@dataclasses.dataclass(frozen=True, slots=True)
class Shard:
    """The lines of one file, in the order of their ids: the same lines make the same shard, in whatever order they came."""

    lines: Sequence[Line]

    @property
    def ids(self) -> list[str]:
        """The lines' ids in their order."""
        return [line.custom_id for line in self.lines]

    def digest(self, dialect: Dialect = _UNKNOWN) -> str:
        """Return what tells shards apart, asked as `dialect` has it."""
        told = [*sorted(dialect.left_out), *self.ids]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def shards(lines: Iterable[Line], backend: BatchChat) -> Iterator[Shard]:
    """Cut lines into files within the backend's limits."""
    held: list[Line] = []
    held_bytes = 0
    for line in sorted(lines, key=lambda each: each.custom_id):
        full = len(held) >= backend.max_requests_per_file or held_bytes + line.line_bytes > backend.max_bytes_per_file
        if held and full:
            yield Shard(held)
            held, held_bytes = [], 0
        held.append(line)
        held_bytes += line.line_bytes
    if held:
        yield Shard(held)


class LineSpool:
    """Lines in a file of their own: an image is in memory only while its line is written or sent."""

    def __init__(self, folder: Path, backend: BatchChat, task: Task, options: DescribeOptions) -> None:
        """Write into `folder`."""
        self.lines: dict[str, Line] = {}
        self._backend = backend
        self._task = task
        self._options = options
        self._folder = folder
        self._stream = (folder / "questions").open("w+b")
        self._end = 0
        self._asked_twice: dict[str, int] = {}
        # An endpoint that takes no response_format gets the schema in the prompt instead.
        self._may_grow_by = 2 * len(json.dumps(task.json_schema())) + 200

    def request(self, images: int, dialect: Dialect) -> dict[str, Any]:
        """Return the request for so many images, with marks in their places."""
        return chat_request(images, self._task, self._backend.model, self._options, dialect)

    def question(self) -> str:
        """Return the digest of what is asked about every image."""
        return hashlib.sha256(json.dumps(self.request(0, _UNKNOWN), sort_keys=True).encode()).hexdigest()

    def add(self, payload: Payload, prompt_tokens: int) -> str | Unfit:
        """Keep the question about these images and return its id.

        An equal question is the same one, unless the options want each asked for itself.
        """
        body = encoded(self.request(len(payload.urls), _UNKNOWN), payload.urls)
        line_bytes = len(body) + _FRAME_BYTES + self._may_grow_by
        if line_bytes > self._backend.max_bytes_per_file:
            return Unfit(DescribeStatus.TOO_LARGE, f"a line of {line_bytes} bytes; max_bytes_per_file is less")
        custom_id = self._id(body)
        if custom_id not in self.lines:
            tokens = prompt_tokens + payload.image_tokens
            self.lines[custom_id] = Line(custom_id, self._end, len(body), line_bytes, payload.image_bytes, tokens)
            self._stream.seek(self._end)
            self._end += self._stream.write(body)
        return custom_id

    def write(self, shard: Shard, dialect: Dialect) -> Path:
        """Write the shard as a file to be uploaded."""
        path = self._folder / "shard.jsonl"
        with path.open("wb") as file:
            for line in shard.lines:
                frame = json.dumps({"custom_id": line.custom_id, "method": "POST", "url": ENDPOINT}, separators=(",", ":"))
                file.write(frame[:-1].encode() + b',"body":' + self._body(line, dialect) + b"}\n")
        return path

    def close(self) -> None:
        """Close the file; whoever made the folder removes it."""
        self._stream.close()

    def _id(self, body: bytes) -> str:
        custom_id = hashlib.sha256(body).hexdigest()
        if self._options.deduplicate:
            return custom_id
        before = self._asked_twice.get(custom_id, 0)
        self._asked_twice[custom_id] = before + 1
        return hashlib.sha256(f"{custom_id} {before}".encode()).hexdigest() if before else custom_id

    def _body(self, line: Line, dialect: Dialect) -> bytes:
        self._stream.seek(line.offset)
        body = self._stream.read(line.length)
        if not dialect.left_out:
            return body
        parts = json.loads(body)["messages"][0]["content"]
        urls = [part["image_url"]["url"].encode() for part in parts if part["type"] == "image_url"]
        # An address may hold what JSON escapes; a data URL never does.
        urls = [url if url.startswith(b"data:") else json.dumps(url.decode())[1:-1].encode() for url in urls]
        return encoded(self.request(len(urls), dialect), urls)
