"""Every fault and quirk of the embedded model server, seen over plain HTTP."""

from __future__ import annotations

import email.utils
import json
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from test_model_server import ENGLISH, ask, chat_body, client_of, picture, text_of

from picsum_vision.errors import SettingError
from picsum_vision.testing.model_server import FaultKind, ModelFault, ModelServer, Quirk
from picsum_vision.testing.model_server.faults import FaultPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = {"type": "object", "properties": {"seen": {"type": "string"}}, "required": ["seen"]}
STRUCTURED = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


@pytest.fixture(scope="module")
def every_fault() -> Iterator[ModelServer]:
    """Serve what the prompt asks for: "reset!" resets."""
    faults = [ModelFault(kind, prompt_contains=f"{kind.value}!", duration_s=0.3) for kind in FaultKind]
    with ModelServer(faults=faults) as server:
        yield server


@pytest.fixture
def server(every_fault: ModelServer) -> ModelServer:
    """Return the failing server with its statistics at zero."""
    every_fault.reset_stats()
    return every_fault


def provoke(server: ModelServer, kind: str, **fields: Any) -> requests.Response:
    """Send a request that is hit by the fault."""
    return ask(server, chat_body(f"{kind} {ENGLISH}", picture(), **fields))


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("server_error", 500, None),
        ("unavailable", 503, None),
        ("unauthorized", 401, "invalid_api_key"),
        ("content_filter_error", 400, "content_filter"),
    ],
)
def test_an_error_fault_has_its_status_and_an_openai_body(server: ModelServer, kind: str, status: int, code: str | None) -> None:
    """Each error must come with its own status and OpenAI's error body, and be counted as a fault only."""
    answer = provoke(server, f"{kind}!")
    stats = server.stats()
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert stats["faults"] == {kind: 1}
    assert stats["refused"] == 0
    assert stats["answered_images"] == {}


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "start"),
    [
        ("html_error", 502, "text/html", "<html>"),
        ("detail_error", 500, "application/json", '{"detail"'),
        ("plain_text_error", 503, "text/plain", "upstream"),
    ],
)
def test_foreign_error_bodies_are_as_gateways_write_them(
    server: ModelServer, kind: str, status: int, content_type: str, start: str
) -> None:
    """An error that is no OpenAI body must have its own content type."""
    answer = provoke(server, f"{kind}!")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(content_type)
    assert answer.text.startswith(start)


def test_filtered_empty_and_missing_contents(server: ModelServer) -> None:
    """The wrong answers with status 200 must differ in exactly what their names say."""
    seen = {}
    for kind in ("content_filter", "empty_text", "null_text", "length", "no_usage", "content_parts"):
        answer = provoke(server, f"{kind}!")
        assert answer.status_code == 200
        seen[kind] = answer.json()
    assert list(server.stats()["answered_images"].values()) == [len(seen)]
    choices = {kind: body["choices"][0] for kind, body in seen.items()}
    assert choices["content_filter"]["finish_reason"] == "content_filter"
    assert choices["empty_text"]["message"]["content"] == ""
    assert choices["null_text"]["message"]["content"] is None
    assert choices["length"]["finish_reason"] == "length"
    assert [kind for kind, body in seen.items() if "usage" not in body] == ["no_usage"]
    parts = choices["content_parts"]["message"]["content"]
    assert "".join(part["text"] for part in parts) == choices["no_usage"]["message"]["content"]
    assert choices["no_usage"]["message"]["content"].startswith(choices["length"]["message"]["content"])


def test_an_ignored_schema_gives_words(server: ModelServer) -> None:
    """A server that ignores response_format must answer in words."""
    answer = provoke(server, "schema_ignored!", response_format=STRUCTURED)
    with pytest.raises(json.JSONDecodeError):
        json.loads(text_of(answer))


def test_a_broken_body_is_complete_but_no_json(server: ModelServer) -> None:
    """Broken JSON must arrive in full length and not parse."""
    answer = provoke(server, "broken_json!")
    assert len(answer.content) == int(answer.headers["Content-Length"])
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_truncated_body_ends_before_its_end(server: ModelServer) -> None:
    """A truncated answer must break off."""
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        provoke(server, "truncated!")


def test_a_reset_connection_gives_no_answer(server: ModelServer) -> None:
    """A reset must reach the client as "connection reset", and be counted without any status."""
    with pytest.raises(requests.ConnectionError, match="reset"):
        provoke(server, "reset!")
    stats = server.stats()
    assert (stats["requests"], stats["by_status"], stats["in_flight"]) == (1, {}, 0)


def test_a_hanging_request_gives_nothing_until_its_end(server: ModelServer) -> None:
    """A hanging request must not be answered, and after its duration the connection must close."""
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{server.base_url}/chat/completions", json=chat_body("hang!"), timeout=0.1)
    with pytest.raises(requests.ConnectionError):
        provoke(server, "hang!")
    assert server.stats()["by_status"] == {}


def test_a_trickle_is_the_whole_answer_in_many_pieces(server: ModelServer) -> None:
    """A trickling answer must arrive in many pieces that are the right answer together."""
    body = chat_body(f"trickle! {ENGLISH}", picture())
    with requests.post(f"{server.base_url}/chat/completions", json=body, stream=True, timeout=30) as answer:
        pieces = list(answer.iter_content(chunk_size=None))
    assert len(pieces) > 10
    assert "80 x 60" in json.loads(b"".join(pieces))["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("form", "present", "absent"),
    [
        ("seconds", ["retry-after", "x-ratelimit-reset-requests"], ["llm_provider-retry-after"]),
        ("date", ["retry-after", "x-ratelimit-reset-requests"], ["llm_provider-retry-after"]),
        ("prefixed", ["llm_provider-retry-after"], ["retry-after", "x-ratelimit-reset-requests"]),
        ("none", ["x-ratelimit-reset-requests"], ["retry-after", "llm_provider-retry-after"]),
        ("silent", [], ["retry-after", "llm_provider-retry-after", "x-ratelimit-reset-requests"]),
    ],
)
def test_a_429_says_when_to_come_again_as_it_is_told(form: str, present: list[str], absent: list[str]) -> None:
    """Each form of Retry-After must show in exactly its own headers, for a fault and for a limit."""
    fault = ModelFault("rate_limited", retry_after=form, retry_after_s=7)
    with ModelServer(faults=[fault], requests_per_minute=1, retry_after=form) as server:
        answers = [ask(server, chat_body("ping")) for _ in range(2)]
        stats = server.stats()
    assert (stats["faults"], stats["refused"]) == ({"rate_limited": 1}, 1)
    for answer in answers:
        assert answer.status_code == 429
        assert [name for name in present if name not in answer.headers] == []
        assert [name for name in absent if name in answer.headers] == []
        if form == "seconds":
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        if form == "date":
            assert email.utils.parsedate_to_datetime(answer.headers["retry-after"]).timestamp() <= time.time() + 61


def test_times_hits_the_first_requests_of_the_same_body_only() -> None:
    """With times=2 a body must fail twice and then be answered, each body for itself."""
    with ModelServer(faults=[ModelFault("server_error", times=2)]) as server:
        statuses = {prompt: [ask(server, chat_body(prompt)).status_code for _ in range(4)] for prompt in ("one", "two")}
    assert statuses == {"one": [500, 500, 200, 200], "two": [500, 500, 200, 200]}


def test_a_client_that_retries_gets_through() -> None:
    """A client with retries must get its answer after a fault that passes."""
    with ModelServer(faults=[ModelFault("unavailable", times=1)]) as server:
        client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=2)
        assert client.chat.completions.create(**chat_body("ping")).choices[0].message.content
        assert server.stats()["by_status"] == {"503": 1, "200": 1}


def test_later_faults_follow_when_earlier_ones_are_used_up() -> None:
    """Faults in a list must take turns: the first that still may hit wins."""
    with ModelServer(faults=[ModelFault("rate_limited", times=1), ModelFault("server_error", times=1)]) as server:
        assert [ask(server, chat_body("ping")).status_code for _ in range(3)] == [429, 500, 200]


def test_a_fault_can_be_aimed_at_a_prompt() -> None:
    """A fault with a match must hit what it names and nothing else."""
    with ModelServer(faults=[ModelFault("unavailable", prompt_contains="OGGETTI")]) as server:
        assert ask(server, chat_body("Elenca gli oggetti", picture("blue"))).status_code == 503
        assert ask(server, chat_body(ENGLISH, picture("blue"))).status_code == 200


def test_the_same_seed_gives_the_same_faults() -> None:
    """Two plans with one seed must hit the same requests, another seed others."""

    def hits(seed: int) -> list[bool]:
        plan = FaultPlan([ModelFault("server_error", share=0.5)], seed)
        return [plan.draw("", b"the same") is not None for _ in range(64)]

    assert hits(1) == hits(1) != hits(2)


@given(share=st.sampled_from([0.0, 0.05, 0.3, 1.0]), seed=st.integers(0, 1000))
def test_a_share_is_kept(share: float, seed: int) -> None:
    """Of many requests about the asked share must be hit: none at 0, all at 1."""
    plan = FaultPlan([ModelFault("reset", share=share)], seed)
    hits = sum(plan.draw("prompt", str(number).encode()) is not None for number in range(1000))
    assert abs(hits - 1000 * share) <= 5 * (1000 * share * (1 - share)) ** 0.5


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "no_such_fault"}, "kind"),
        ({"kind": "reset", "share": 1.5}, "share"),
        ({"kind": "reset", "times": 0}, "times"),
        ({"kind": "rate_limited", "retry_after": "soon"}, "retry_after"),
        ({"kind": "rate_limited", "retry_after_s": -1}, "retry_after_s"),
        ({"kind": "hang", "duration_s": -1}, "duration_s"),
    ],
)
def test_a_wrong_fault_is_named_when_made(fields: dict[str, Any], named: str) -> None:
    """A wrong field of a fault must raise SettingError with its name."""
    with pytest.raises(SettingError, match=named):
        ModelFault(**fields)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_is_counted_under_its_word(server: ModelServer, kind: FaultKind) -> None:
    """Each kind must be understood by the server's process and counted, and only some may leave a client without an answer."""
    try:
        provoke(server, f"{kind.value}!", response_format=STRUCTURED)
    except requests.RequestException:
        assert kind in (FaultKind.HANG, FaultKind.RESET, FaultKind.TRUNCATED)
    assert server.stats()["faults"] == {kind.value: 1}


@pytest.mark.parametrize(
    ("quirk", "field", "value"),
    [("refuses_temperature", "temperature", 0), ("refuses_response_format", "response_format", {"type": "text"})],
)
def test_a_refusing_endpoint_refuses_the_field_only(quirk: str, field: str, value: Any) -> None:
    """An endpoint that refuses a field must name it in a 400, and answer without it."""
    with ModelServer(quirks=[quirk]) as server:
        refused = ask(server, chat_body(ENGLISH, **{field: value}))
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == field
        assert ask(server, chat_body(ENGLISH, **{field: None})).status_code == 200


def test_habits_of_the_answer() -> None:
    """Parts and no usage must hold for every answer of an endpoint with these habits."""
    with ModelServer(quirks=[Quirk.CONTENT_PARTS, Quirk.NO_USAGE]) as server:
        for _ in range(2):
            body = ask(server, chat_body(ENGLISH, picture())).json()
            assert "usage" not in body
            assert "80 x 60" in "".join(part["text"] for part in body["choices"][0]["message"]["content"])


def test_an_endpoint_without_v1_has_its_own_base_url() -> None:
    """Without /v1 the base_url must lead to the answer, and /v1 must be 404."""
    with ModelServer(quirks=["no_v1_path"]) as server:
        assert not server.base_url.endswith("/v1")
        assert client_of(server).chat.completions.create(**chat_body("ping")).choices[0].message.content
        assert ask(server, chat_body("ping"), "/v1/chat/completions").status_code == 404


def test_odd_statuses_for_keys_and_models() -> None:
    """An endpoint may say 400 to a wrong key and 500 to an unknown model."""
    with ModelServer(quirks=["wrong_key_is_400", "unknown_model_is_500"], api_key="sk-right") as server:
        assert ask(server, chat_body("ping")).status_code == 400
        assert ask(server, {**chat_body("ping"), "model": "missing"}, Authorization="Bearer sk-right").status_code == 500
