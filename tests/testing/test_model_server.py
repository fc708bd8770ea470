"""The embedded model server, asked as its users ask it: with the openai client and over plain HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jsonschema
import openai
import pytest
import requests
from PIL import Image

from picsum_vision.errors import EnvironmentProblem, PortInUse, SettingError
from picsum_vision.testing.model_server import Latency, ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ITALIAN = "Descrivi dettagliatamente il contenuto di questa immagine."
ENGLISH = "Describe the content of this image in detail."


def picture(colour: str = "red", size: tuple[int, int] = (80, 60), kind: str = "JPEG") -> bytes:
    """Return an image file of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, kind)
    return stream.getvalue()


def image_part(data: bytes) -> dict[str, Any]:
    """Return the message part that carries an image."""
    return {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(data).decode()}}


def chat_body(prompt: str, *images: bytes, **fields: Any) -> dict[str, Any]:
    """Return the body of a chat request."""
    parts = [{"type": "text", "text": prompt}, *(image_part(image) for image in images)]
    return {"model": "test-vision", "messages": [{"role": "user", "content": parts}], **fields}


def ask(server: ModelServer, body: Any, path: str = "/v1/chat/completions", **headers: str) -> requests.Response:
    """Send a chat request without any client's help."""
    return requests.post(f"{server.root_url}{path}", json=body, headers=headers, timeout=30)


def text_of(answer: requests.Response) -> str:
    """Return the content of a chat answer."""
    assert answer.status_code == 200, answer.text
    content: str = answer.json()["choices"][0]["message"]["content"]
    return content


@pytest.fixture(scope="module")
def plain() -> Iterator[ModelServer]:
    """Serve without limits, faults or quirks."""
    with ModelServer(max_body_bytes=300_000, models=("test-vision", "other-vision")) as server:
        yield server


@pytest.fixture
def server(plain: ModelServer) -> ModelServer:
    """Return the plain server with its statistics at zero."""
    plain.reset_stats()
    return plain


def client_of(server: ModelServer, key: str = "any") -> openai.OpenAI:
    """Return an openai client that tries once."""
    return openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=0)


def test_the_sync_client_gets_a_description_with_usage(server: ModelServer) -> None:
    """An openai client must get a described image, a reason to stop and a usage that adds up."""
    answer = client_of(server).chat.completions.create(**chat_body(ITALIAN, picture("red", (120, 90))))
    content = answer.choices[0].message.content or ""
    assert "120 x 90" in content
    assert "rosso" in content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens > 255


def test_the_async_client_gets_each_image_its_own_answer(server: ModelServer) -> None:
    """Many requests at once must each be answered from their own image."""
    images = [picture(colour, (100 + index, 50)) for index, colour in enumerate(["red", "green", "blue", "white"] * 5)]

    async def main() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
            answers = await asyncio.gather(*(client.chat.completions.create(**chat_body(ENGLISH, image)) for image in images))
        return [answer.choices[0].message.content or "" for answer in answers]

    contents = asyncio.run(main())
    for image, content in zip(images, contents, strict=True):
        assert hashlib.sha256(image).hexdigest()[:8] in content
    assert len(set(contents)) == len(images)


def test_several_images_are_each_mentioned_in_order(server: ModelServer) -> None:
    """One question about several images must get one answer that goes through all of them."""
    content = text_of(
        ask(server, chat_body(ENGLISH, picture("red", (10, 20)), picture("blue", (30, 40)), picture("lime", (50, 60))))
    )
    lines = content.splitlines()
    assert [line.split(":")[0] for line in lines] == ["Image 1", "Image 2", "Image 3"]
    assert "10 x 20" in lines[0]
    assert "red" in lines[0]
    assert "30 x 40" in lines[1]
    assert "blue" in lines[1]
    assert "50 x 60" in lines[2]
    assert "green" in lines[2]


@pytest.mark.parametrize(
    ("prompt", "italian"),
    [
        (ITALIAN, True),
        ("Elenca gli oggetti che vedi", True),
        (ENGLISH, False),
        ("What is in this picture?", False),
        ("Describe this image in Italian.", True),
        ("", False),
    ],
)
def test_the_answer_is_in_the_language_of_the_prompt(server: ModelServer, prompt: str, italian: bool) -> None:  # noqa: FBT001 - a case
    """An Italian prompt must be answered in Italian, any other in English, unless it asks for Italian."""
    assert ("dominanti" in text_of(ask(server, chat_body(prompt, picture())))) is italian


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_every_usual_image_format_is_read(server: ModelServer, kind: str) -> None:
    """JPEG, PNG, GIF and WebP must be decoded."""
    assert "blue" in text_of(ask(server, chat_body(ENGLISH, picture("blue", kind=kind))))


def test_an_http_address_is_accepted_and_not_opened(server: ModelServer) -> None:
    """An image by address must be accepted without any request to that address."""
    body = chat_body(ENGLISH, picture())
    body["messages"][0]["content"].append({"type": "image_url", "image_url": {"url": "https://picsum.invalid/1.jpg"}})
    assert "does not open" in text_of(ask(server, body))


def test_a_structured_answer_is_valid_and_differs_by_image(server: ModelServer) -> None:
    """A json_schema answer must be an object of that schema, made of the image's pixels."""
    schema = {
        "type": "object",
        "properties": {
            "category": {"type": "string", "enum": ["natura", "urbano", "ritratto", "astratto"]},
            "objects": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "text": {"type": ["string", "null"]},
        },
        "required": ["category", "objects", "confidence", "text"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    colours = ["red", "green", "blue", "white", "black", "yellow", "purple", "orange", "pink", "brown"]
    answers = [
        json.loads(text_of(ask(server, chat_body(ITALIAN, picture(colour), response_format=wanted)))) for colour in colours
    ]
    for answer in answers:
        jsonschema.validate(answer, schema)
    assert len({answer["category"] for answer in answers}) > 1
    again = json.loads(text_of(ask(server, chat_body(ITALIAN, picture("red"), response_format=wanted))))
    assert again == answers[0]


def test_a_json_object_is_given_when_asked_for(server: ModelServer) -> None:
    """A json_object answer must be one JSON object."""
    answer = json.loads(text_of(ask(server, chat_body(ENGLISH, picture("blue"), response_format={"type": "json_object"}))))
    assert "80 x 60" in answer["description"]


def test_a_schema_spelt_out_in_the_prompt_is_followed(server: ModelServer) -> None:
    """A caller who writes the schema into the prompt must get an object of it."""
    schema = {"type": "object", "properties": {"mood": {"enum": ["joy", "fear"]}}, "required": ["mood"]}
    prompt = f"Answer with JSON only, {{strictly}} by this schema: {json.dumps(schema)}"
    jsonschema.validate(json.loads(text_of(ask(server, chat_body(prompt, picture())))), schema)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_bounded_answer_is_cut_and_says_so(server: ModelServer, field: str) -> None:
    """An answer over the bound must be cut to it, with finish_reason "length"."""
    answer = ask(server, chat_body(ENGLISH, picture(), **{field: 7})).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 7
    whole = ask(server, chat_body(ENGLISH, picture(), **{field: 5000})).json()
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["choices"][0]["message"]["content"].startswith(answer["choices"][0]["message"]["content"])


def test_a_larger_image_costs_more_tokens(server: ModelServer) -> None:
    """Image tokens must go by tiles."""

    def prompt_tokens(part: dict[str, Any]) -> int:
        body = {"model": "test-vision", "messages": [{"role": "user", "content": [part]}]}
        tokens: int = ask(server, body).json()["usage"]["prompt_tokens"]
        return tokens

    small, large = prompt_tokens(image_part(picture(size=(512, 512)))), prompt_tokens(image_part(picture(size=(1024, 768))))
    assert large - small == 3 * 170


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/chat/completions",
        "/serving-endpoints/chat/completions",
        "/serving-endpoints/test-vision/invocations",
    ],
)
def test_every_path_answers(server: ModelServer, path: str) -> None:
    """OpenAI's and Databricks' paths must give the same answer."""
    assert "red" in text_of(ask(server, chat_body(ENGLISH, picture()), path))


def test_an_invocation_needs_no_model_in_its_body(server: ModelServer) -> None:
    """Databricks' invocations path must take the model from its address."""
    body = {"messages": [{"role": "user", "content": "ping"}]}
    assert ask(server, body, "/serving-endpoints/other-vision/invocations").json()["model"] == "other-vision"
    assert ask(server, body, "/serving-endpoints/missing/invocations").status_code == 404


def test_the_models_are_listed(server: ModelServer) -> None:
    """The list of models must be the served ones."""
    assert [model.id for model in client_of(server).models.list()] == ["test-vision", "other-vision"]


def _message(content: Any, role: str = "user") -> dict[str, Any]:
    return {"model": "test-vision", "messages": [{"role": role, "content": content}]}


def _image(url: Any) -> dict[str, Any]:
    return _message([{"type": "image_url", "image_url": url}])


def _data_url(data: bytes) -> dict[str, str]:
    return {"url": "data:image/jpeg;base64," + base64.b64encode(data).decode()}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([], id="a list"),
        pytest.param({"model": "test-vision"}, id="no messages"),
        pytest.param({"model": "test-vision", "messages": []}, id="empty messages"),
        pytest.param({"messages": [{"role": "user", "content": "x"}]}, id="no model"),
        pytest.param(_message("x", role="pirate"), id="unknown role"),
        pytest.param(_message(None), id="user without content"),
        pytest.param(_message([{"type": "audio"}]), id="unknown part"),
        pytest.param(_message([{"type": "text"}]), id="text part without text"),
        pytest.param(_image("data:image/jpeg;base64,AA"), id="image_url is a string"),
        pytest.param(_image({"url": "ftp://host/x.jpg"}), id="neither http nor data"),
        pytest.param(_image({"url": "data:image/jpeg;base64,%%%"}), id="no base64"),
        pytest.param(_image({"url": "data:image/jpeg;base64,"}), id="empty image"),
        pytest.param(_image({"url": "data:text/plain;base64,AAAA"}), id="data of another type"),
        pytest.param(_image(_data_url(b"<html>not an image</html>")), id="no image"),
        pytest.param(_image(_data_url(picture(size=(400, 400))[:-60])), id="truncated image"),
        pytest.param(_image(_data_url(picture(kind="BMP"))), id="unsupported format"),
        pytest.param(_message([image_part(picture())], role="system"), id="image from the system"),
        pytest.param({**_message("x"), "max_tokens": 0}, id="max_tokens"),
        pytest.param({**_message("x"), "max_tokens": True}, id="max_tokens of another type"),
        pytest.param({**_message("x"), "response_format": {"type": "xml"}}, id="response_format"),
        pytest.param({**_message("x"), "response_format": {"type": "json_schema"}}, id="no schema"),
    ],
)
def test_a_wrong_request_is_refused_with_an_openai_error(server: ModelServer, body: Any) -> None:
    """A request that is wrong must get 400 with OpenAI's error body and count as no answer."""
    answer = ask(server, body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"]
    assert server.stats()["answered_images"] == {}


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(server: ModelServer, data: bytes) -> None:
    """A body that cannot be parsed must get 400, however odd it is."""
    answer = requests.post(f"{server.base_url}/chat/completions", data=data, timeout=30)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]["message"]


def test_an_unknown_model_is_not_found(server: ModelServer) -> None:
    """A model that is not served must be 404 with code model_not_found."""
    with pytest.raises(openai.NotFoundError) as caught:
        client_of(server).chat.completions.create(model="missing", messages=[{"role": "user", "content": "x"}])
    assert caught.value.code == "model_not_found"


def test_a_body_over_the_bound_is_too_large(server: ModelServer) -> None:
    """A body over max_body_bytes must get 413 with an error body, whether its length is announced or not."""
    large = json.dumps(_message("x" * 400_000)).encode()
    url = f"{server.base_url}/chat/completions"
    for data in (large, iter([large[:200_000], large[200_000:]])):
        answer = requests.post(url, data=data, timeout=30)
        assert answer.status_code == 413
        assert answer.json()["error"]["message"]


def test_unknown_paths_and_methods_get_an_error_body(server: ModelServer) -> None:
    """A wrong path must be 404 and a wrong method 405, both with an error body."""
    assert requests.get(f"{server.base_url}/nothing", timeout=30).json()["error"]["message"]
    wrong = requests.get(f"{server.base_url}/chat/completions", timeout=30)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")
    assert wrong.json()["error"]["message"]


def test_only_the_right_key_gets_in() -> None:
    """With a key set, a missing or wrong one must be 401."""
    with ModelServer(api_key="sk-right") as server:
        assert client_of(server, "sk-right").models.list().data
        with pytest.raises(openai.AuthenticationError):
            client_of(server, "sk-wrong").chat.completions.create(**chat_body(ENGLISH))
        assert ask(server, chat_body(ENGLISH)).status_code == 401


def test_the_statistics_count_what_happened(server: ModelServer) -> None:
    """Requests, statuses, tokens, bytes and answered images must be counted, and reset to zero."""
    red, blue = picture("red"), picture("blue")
    answers = [ask(server, chat_body(ENGLISH, *images)) for images in ((red,), (red, blue), (red, red))]
    ask(server, {**chat_body(ENGLISH), "model": "other-vision"})
    ask(server, {**chat_body(ENGLISH), "model": "missing"})
    stats = server.stats()
    assert stats["requests"] == 5
    assert stats["by_status"] == {"200": 4, "404": 1}
    assert stats["answered_images"] == {hashlib.sha256(red).hexdigest(): 3, hashlib.sha256(blue).hexdigest(): 1}
    assert stats["tokens"]["total"] >= sum(answer.json()["usage"]["total_tokens"] for answer in answers)
    assert stats["bytes_received"] > sum(int(answer.request.headers["Content-Length"]) for answer in answers)
    server.reset_stats()
    cleared = server.stats()
    assert (cleared["requests"], cleared["by_status"], cleared["answered_images"], cleared["tokens"]["total"]) == (0, {}, {}, 0)


def test_the_peak_in_flight_is_what_the_client_kept_open() -> None:
    """The peak must reach the number of requests that wait at once and never exceed it."""
    with ModelServer(latency=Latency(mean_s=0.5, sigma=0)) as server, ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: ask(server, chat_body("ping")), range(12)))
        stats = server.stats()
        server.reset_stats()
        assert server.stats()["seconds"] == 0
    assert stats["peak_in_flight"] == 6
    assert stats["in_flight"] == 0
    assert stats["seconds"] >= 2 * 0.5  # from the first request to the last answer


def test_a_taken_port_says_so() -> None:
    """A port in use must raise PortInUse that names it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)), ModelServer(port=port):
            pass


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("port", 70_000),
        ("port", -1),
        ("requests_per_minute", 0),
        ("tokens_per_minute", -5),
        ("limit_burst_s", 0),
        ("retry_after", "soon"),
        ("models", ()),
        ("models", "test-vision"),
        ("max_body_bytes", 0),
        ("quirks", ["no_such_quirk"]),
        ("api_key", ""),
    ],
)
def test_a_wrong_setting_is_named_before_anything_starts(setting: str, value: Any) -> None:
    """A wrong setting must raise SettingError with its name when the server is made."""
    with pytest.raises(SettingError, match=setting):
        ModelServer(**{setting: value})


def test_outside_its_block_the_server_has_no_address() -> None:
    """Asking a server that does not run for its address must say what to do."""
    with pytest.raises(EnvironmentProblem, match="with ModelServer"):
        _ = ModelServer().base_url


def test_the_foreground_server_prints_its_url_and_ends_with_ctrl_c() -> None:
    """serve_model must print a URL that answers, end at Ctrl-C with code 0, and print no traceback."""
    code = "from picsum_vision.testing.model_server import serve_model; serve_model(models=['m'])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert requests.get(f"{url}/models", timeout=30).json()["data"][0]["id"] == "m"
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=30)
    assert child.returncode == 0
    assert errors == ""


def test_the_foreground_server_says_that_its_port_is_taken() -> None:
    """serve_model on a taken port must raise PortInUse."""
    with ModelServer() as server:
        port = server.root_url.rpartition(":")[2]
        code = f"from picsum_vision.testing.model_server import serve_model; serve_model(port={port})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert f"PortInUse: port {port}" in done.stderr
