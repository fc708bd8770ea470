"""The Responses API of the embedded model server, asked with the openai client and over plain HTTP."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import openai
import pydantic
import pytest
import requests
from openai.types.responses import Response
from PIL import Image

from picsum_vision.testing.model_server import ModelFault, ModelServer, Quirk

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "test-vision"
PROMPT = "Describe the content of this image in detail."


def picture_url(colour: str = "red") -> str:
    stream = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(stream, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def question(*urls: str) -> list[dict[str, Any]]:
    pictures = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in urls]
    return [{"role": "user", "content": [{"type": "input_text", "text": PROMPT}, *pictures]}]


def client_of(server: ModelServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """Serve without limits, faults or quirks."""
    with ModelServer() as running:
        yield running


def test_an_image_is_described_as_in_a_chat(server):
    """The same question has the same text, tokens and image count through both APIs."""
    client, url = client_of(server), picture_url()
    found = client.responses.create(model=MODEL, input=question(url))
    chat = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "user", "content": [{"type": "text", "text": PROMPT}, {"type": "image_url", "image_url": {"url": url}}]}
        ],
    )
    assert (found.status, found.error, found.incomplete_details) == ("completed", None, None)
    assert found.output_text == chat.choices[0].message.content
    assert found.usage is not None
    assert chat.usage is not None
    assert found.usage.input_tokens == chat.usage.prompt_tokens
    assert found.usage.output_tokens == chat.usage.completion_tokens
    assert found.usage.total_tokens == chat.usage.total_tokens


def test_an_answer_has_every_field_that_the_published_type_wants(server):
    """The body passes the openai package's own model of a response, checked strictly."""
    answer = requests.post(f"{server.base_url}/responses", json={"model": MODEL, "input": question(picture_url())}, timeout=30)
    assert answer.status_code == 200
    checked = pydantic.TypeAdapter(Response).validate_python(answer.json())
    assert checked.output_text


def test_a_string_and_instructions_are_asked(server):
    """A plain string is the user's text; instructions count as text too."""
    client = client_of(server)
    short = client.responses.create(model=MODEL, input="How are you?")
    longer = client.responses.create(model=MODEL, input="How are you?", instructions="Answer with many words, please.")
    assert "without images" in short.output_text
    assert short.usage is not None
    assert longer.usage is not None
    assert longer.usage.input_tokens > short.usage.input_tokens


class Found(pydantic.BaseModel):
    """What is asked for in a structure."""

    width: int
    colours: list[str]


def test_a_structured_answer_is_parsed_by_the_client(server):
    """`responses.parse` gets an object of its own type."""
    found = client_of(server).responses.parse(model=MODEL, input=question(picture_url("blue")), text_format=Found)
    assert isinstance(found.output_parsed, Found)
    assert found.output_parsed.width == 80


def test_a_stream_builds_up_the_same_answer(server):
    """The client's stream helper puts the events together to the text of the whole answer."""
    client, asked = client_of(server), question(picture_url("green"))
    with client.responses.stream(model=MODEL, input=asked) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") > 1
    assert final.output_text == client.responses.create(model=MODEL, input=asked).output_text


def test_an_answer_that_is_cut_off_says_so(server):
    """Beyond max_output_tokens the response is incomplete, with the reason."""
    found = client_of(server).responses.create(model=MODEL, input=question(picture_url()), max_output_tokens=5)
    assert found.status == "incomplete"
    assert found.incomplete_details is not None
    assert found.incomplete_details.reason == "max_output_tokens"
    assert found.usage is not None
    assert found.usage.output_tokens == 5


@pytest.mark.parametrize(("kind", "status", "texts"), [("content_filter", "incomplete", [""]), ("null_text", "completed", [])])
def test_faults_of_the_answer_have_their_shape(kind, status, texts):
    """A filtered answer is incomplete with an empty text, a null one has no message at all."""
    with ModelServer(faults=[ModelFault(kind=kind, share=1.0)]) as server:
        found = client_of(server).responses.create(model=MODEL, input=question(picture_url()))
    assert found.status == status
    assert [part.text for item in found.output for part in item.content] == texts


def test_quirks_reach_this_api_too():
    """Text in parts comes as two parts, and no usage is none."""
    with ModelServer(quirks=[Quirk.CONTENT_PARTS, Quirk.NO_USAGE]) as server:
        found = client_of(server).responses.create(model=MODEL, input=question(picture_url()))
    assert len(found.output[0].content) == 2
    assert found.usage is None


def test_a_limit_counts_both_apis_together():
    """One request a minute is one request, whichever way it is asked."""
    with ModelServer(requests_per_minute=1) as server:
        client = client_of(server)
        client.responses.create(model=MODEL, input="Hello")
        with pytest.raises(openai.RateLimitError) as refused:
            client.responses.create(model=MODEL, input="Hello")
        assert int(refused.value.response.headers["retry-after"]) > 0
        assert server.stats()["refused"] == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": MODEL}, "input"),
        ({"input": "x"}, "model"),
        ({"model": MODEL, "input": "x", "previous_response_id": "resp-1"}, "previous_response_id"),
        ({"model": MODEL, "input": "x", "max_output_tokens": 0}, "max_output_tokens"),
        ({"model": MODEL, "input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "input[0].content[0].type"),
        ({"model": MODEL, "input": question("data:nothing")}, "input[0].content[1].image_url"),
        ({"model": MODEL, "input": "x", "text": {"format": {"type": "json_schema", "name": "?"}}}, "text.format.name"),
        ({"model": MODEL, "input": "x", "text": {"format": {"type": "yaml"}}}, "text.format.type"),
    ],
)
def test_a_wrong_request_is_refused_by_its_own_names(server, body, param):
    """What is wrong is HTTP 400 and named as this API calls it."""
    answer = requests.post(f"{server.base_url}/responses", json=body, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert "messages" not in answer.json()["error"]["message"]
