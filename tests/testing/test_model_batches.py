"""The embedded model server's files and batches, asked with the openai client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import requests
from PIL import Image

from picsum_vision.errors import SettingError
from picsum_vision.testing.model_server import BatchFault, ModelFault, ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDED = ("completed", "failed", "expired", "cancelled")


def line(number: int, prompt: str = "Describe this image.", **changes: Any) -> dict[str, Any]:
    """Return a request line about a picture of its own."""
    stream = io.BytesIO()
    Image.new("RGB", (20 + number, 10), "red").save(stream, "PNG")
    url = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    parts = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": url}}]
    body = {"model": "test-vision", "messages": [{"role": "user", "content": parts}]}
    return {"custom_id": f"row-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body, **changes}


def jsonl(*lines: Any) -> bytes:
    """Return the lines as a file."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def client_of(server: ModelServer) -> openai.OpenAI:
    """Return a client that tries once."""
    return openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)


def created(client: openai.OpenAI, *lines: Any) -> openai.types.Batch:
    """Upload the lines and create their batch."""
    file = client.files.create(file=("lines.jsonl", jsonl(*lines)), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"job": "mine"}
    )


def ended(client: openai.OpenAI, batch: openai.types.Batch) -> openai.types.Batch:
    """Return the batch when it has ended."""
    while batch.status not in ENDED:
        time.sleep(0.02)
        batch = client.batches.retrieve(batch.id)
    return batch


def results(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    """Return the lines of an output or error file."""
    return [json.loads(text) for text in client.files.content(file_id or "").text.splitlines()] if file_id else []


@pytest.fixture(scope="module")
def plain() -> Iterator[ModelServer]:
    """Serve without faults, but for lines whose prompt asks for them."""
    faults = [ModelFault("content_filter_error", prompt_contains="[filter]"), ModelFault("html_error", prompt_contains="[html]")]
    with ModelServer(faults=faults, max_batch_requests=50, max_batch_file_bytes=50_000) as server:
        yield server


@pytest.fixture
def server(plain: ModelServer) -> ModelServer:
    """Return the plain server with its statistics at zero."""
    plain.reset_stats()
    return plain


def test_the_sync_client_gets_every_line_answered(server: ModelServer) -> None:
    """A batch made with the openai client is completed, and its output has each line's own answer under its custom_id."""
    client = client_of(server)
    batch = ended(client, created(client, *(line(number) for number in range(5))))
    assert (batch.status, batch.metadata) == ("completed", {"job": "mine"})
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (5, 5, 0)
    answers = {each["custom_id"]: each["response"] for each in results(client, batch.output_file_id)}
    assert batch.error_file_id is None
    for number in range(5):
        response = answers[f"row-{number}"]
        chat = openai.types.chat.ChatCompletion.model_validate(response["body"])
        assert response["status_code"] == 200
        assert f"{20 + number} x 10" in (chat.choices[0].message.content or "")
    stats = server.stats()
    assert stats["answered_lines"] == {f"row-{number}": 1 for number in range(5)}
    assert (stats["files_uploaded"], stats["batches_created"], stats["batch_lines"]) == (1, 1, 5)
    assert stats["batches_ended"] == {"completed": 1}
    assert sum(stats["answered_images"].values()) == 5


def test_the_async_client_lists_and_reads(server: ModelServer) -> None:
    """Files and batches can be listed page by page, and files read, with the asynchronous client."""

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
            files = [await client.files.create(file=(f"{n}.jsonl", jsonl(line(n))), purpose="batch") for n in range(3)]
            listed = [file.id async for file in client.files.list(purpose="batch", limit=2)]
            assert listed[:3] == [file.id for file in reversed(files)]
            batches = [
                await client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
                for file in files
            ]
            seen = [batch.id async for batch in client.batches.list(limit=1)]
            assert seen[:3] == [batch.id for batch in reversed(batches)]
            assert (await client.files.content(files[0].id)).content == jsonl(line(0))
            with pytest.raises(openai.NotFoundError):
                await client.files.content("file-none")

    asyncio.run(main())


def test_a_line_that_fails_is_in_the_error_file_alone(server: ModelServer) -> None:
    """A line that the model refuses has its status and error in the error file; the others are answered."""
    client = client_of(server)
    batch = ended(client, created(client, line(1), line(2, "[filter]"), line(3, "[html]")))
    assert batch.status == "completed"
    assert [each["custom_id"] for each in results(client, batch.output_file_id)] == ["row-1"]
    failed = {each["custom_id"]: each["response"] for each in results(client, batch.error_file_id)}
    assert failed["row-2"]["status_code"] == 400
    assert failed["row-2"]["body"]["error"]["code"] == "content_filter"
    assert failed["row-3"]["status_code"] == 502
    assert "<html>" in failed["row-3"]["body"]
    assert server.stats()["answered_lines"] == {"row-1": 1}


@pytest.mark.parametrize(
    ("lines", "code", "number"),
    [
        (["no request"], "invalid_json_line", 1),
        ([line(1), line(1)], "duplicate_custom_id", 2),
        ([line(1), line(2, url="/v1/embeddings")], "mismatched_url", 2),
        ([line(1), {**line(2), "body": {"model": "other"}}], "mismatched_model", 2),
        ([line(number) for number in range(51)], "too_many_requests", None),
        ([], "empty_file", None),
    ],
)
def test_a_wrong_file_fails_its_validation(server: ModelServer, lines: list[Any], code: str, number: int | None) -> None:
    """A batch whose file is wrong fails as a whole, names the line, and answers nothing."""
    client = client_of(server)
    batch = ended(client, created(client, *lines))
    assert batch.status == "failed"
    assert batch.errors is not None
    assert [(error.code, error.line) for error in batch.errors.data or []] == [(code, number)]
    assert server.stats()["answered_lines"] == {}


def test_a_file_that_is_too_large_is_refused(server: ModelServer) -> None:
    """An upload over the limit is a 413, and no file."""
    with pytest.raises(openai.APIStatusError) as caught:
        client_of(server).files.create(file=("large.jsonl", b"x" * 50_001), purpose="batch")
    assert caught.value.status_code == 413
    assert server.stats()["files_uploaded"] == 0


def test_a_batch_can_be_cancelled(server: ModelServer) -> None:
    """A slow batch that is cancelled answers nothing more, and says so line by line; one that has ended cannot be."""
    with ModelServer(batch_s=60) as slow:
        client = client_of(slow)
        batch = created(client, line(1), line(2))
        assert client.batches.cancel(batch.id).status in ("cancelling", "cancelled")
        batch = ended(client, batch)
        codes = [each["error"]["code"] for each in results(client, batch.error_file_id)]
        assert (batch.status, codes, slow.stats()["answered_lines"]) == ("cancelled", ["batch_cancelled"] * 2, {})
        with pytest.raises(openai.ConflictError):
            client.batches.cancel(batch.id)


def test_faults_of_batches() -> None:
    """Batches expire in part, come in another order, fail with a line's number or for a full queue, as they are told to."""
    faults = [
        BatchFault("expired", times=1, done_share=0.5),
        BatchFault("shuffled", times=1),
        BatchFault("stale", times=2),
    ]
    with ModelServer(batch_faults=faults) as server:
        client = client_of(server)
        batch = ended(client, created(client, *(line(number) for number in range(20))))
        answered = [each["custom_id"] for each in results(client, batch.output_file_id)]
        expired = [each["custom_id"] for each in results(client, batch.error_file_id)]
        assert batch.status == "expired"
        assert sorted(answered) == sorted(f"row-{number}" for number in range(10))
        assert answered != [f"row-{number}" for number in range(10)]
        assert expired == [f"row-{number}" for number in range(10, 20)]
        assert ended(client, created(client, line(1))).status == "completed"
        assert server.stats()["faults"]["stale"] == 2
    for fault, code, number in (
        (BatchFault("invalid", line=2), "invalid_request", 2),
        (BatchFault("queue_full"), "token_limit_exceeded", None),
    ):
        with ModelServer(batch_faults=[fault]) as server:
            batch = ended(client_of(server), created(client_of(server), line(1), line(2)))
            assert batch.errors is not None
            assert [(error.code, error.line) for error in batch.errors.data or []] == [(code, number)]


@pytest.mark.parametrize("status", [429, 500])
def test_each_route_can_fail(status: int) -> None:
    """Every route that the library asks answers the status that it is told to, once, and works afterwards."""
    calls = {
        "files.create": ("post", "/v1/files"),
        "files.list": ("get", "/v1/files"),
        "files.content": ("get", "/v1/files/x/content"),
        "batches.create": ("post", "/v1/batches"),
        "batches.list": ("get", "/v1/batches"),
        "batches.retrieve": ("get", "/v1/batches/x"),
    }
    with ModelServer(batch_faults=[BatchFault("http_error", route=route, status=status, times=1) for route in calls]) as server:
        for route, (method, path) in calls.items():
            body: dict[str, Any] = {"files": {"file": b"x"}} if route == "files.create" else {"json": {}}
            first, second = (requests.request(method, server.root_url + path, timeout=30, **body) for _ in range(2))
            assert first.status_code == status, route
            assert second.status_code in (200, 400, 404), route
        assert set(server.stats()["faults"]) == set(calls)


def test_a_batch_whose_creation_was_not_told_is_there() -> None:
    """`created_unsaid` answers an error for a batch that exists, is listed and is worked off."""
    with ModelServer(batch_faults=[BatchFault("created_unsaid", times=1)]) as server:
        client = client_of(server)
        with pytest.raises(openai.InternalServerError):
            created(client, line(1))
        (batch,) = client.batches.list().data
        assert ended(client, batch).status == "completed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "nothing"},
        {"kind": "http_error"},
        {"kind": "http_error", "route": "files"},
        {"kind": "slow", "route": "files.list"},
        {"kind": "expired", "done_share": 1.5},
        {"kind": "slow", "share": -1},
        {"kind": "slow", "times": 0},
        {"kind": "invalid", "line": 0},
    ],
)
def test_a_wrong_fault_is_refused(wrong: dict[str, Any]) -> None:
    """A fault that cannot be is a SettingError when it is made."""
    with pytest.raises(SettingError):
        BatchFault(**wrong)


@pytest.mark.parametrize(
    "body",
    [
        {"endpoint": "/v1/embeddings"},
        {"completion_window": "1h"},
        {"input_file_id": "file-none"},
    ],
)
def test_a_wrong_creation_is_refused(server: ModelServer, body: dict[str, Any]) -> None:
    """A batch that cannot be created is refused with an openai error, and is none."""
    file = client_of(server).files.create(file=("lines.jsonl", jsonl(line(1))), purpose="batch")
    right = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    answer = requests.post(f"{server.base_url}/batches", json={**right, **body}, timeout=30)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["message"]
    assert server.stats()["batches_created"] == 0
