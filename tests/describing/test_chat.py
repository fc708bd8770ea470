"""ChatCompletions against an endpoint that behaves, and against every way to misbehave."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import ask, fresh_loop, outcome, picture, statuses

from picsum_vision import ChatCompletions, Classify, Describe, ListObjects, ReadText, Secret, Sentiment, SettingError
from picsum_vision.concurrency.limits import AdaptiveLimit
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.tasks import Task
from picsum_vision.testing.model_server import FaultKind, ModelFault, ModelServer, Quirk

MODEL = "test-vision"
# A row that waits for nothing: what is tested is the word, not the patience.
ONCE: dict[str, Any] = {"max_attempts": 1}


@pytest.fixture(scope="module")
def faulty() -> Iterator[ModelServer]:
    """Give a server that goes wrong in the way that the prompt names."""
    words = [kind.value for kind in FaultKind]
    durations = {"trickle": 0.5, "hang": 60.0}
    faults = [ModelFault(word, prompt_contains=f"[{word}]", retry_after_s=0.01, duration_s=durations.get(word)) for word in words]
    with ModelServer(faults=faults) as server:
        yield server


@pytest.fixture(scope="module")
def running() -> Iterator[ModelServer]:
    """Give a server that behaves."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def plain(running: ModelServer) -> ModelServer:
    """Give the server that behaves, with its counts at zero."""
    running.reset_stats()
    return running


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LoopThread]:
    """Give a loop that goes on from test to test, as a worker's does."""
    with fresh_loop() as loop_thread:
        yield loop_thread


def test_each_image_gets_its_own_answer_and_its_tokens(plain: ModelServer) -> None:
    """Every image is asked about once; its answer, tokens, finish reason and bytes sent are the server's and its own."""
    images = [picture(number) for number in range(20)]
    jobs = ask(ChatCompletions(plain.base_url, MODEL), images)
    stats = plain.stats()
    assert statuses(jobs) == ["ok"] * 20
    assert len({job.answer for job in jobs}) == 20
    assert stats["requests"] == 20
    assert sum(outcome(job).input_tokens or 0 for job in jobs) == stats["tokens"]["prompt"]
    assert sum(outcome(job).output_tokens or 0 for job in jobs) == stats["tokens"]["completion"]
    first = outcome(jobs[0])
    assert (first.http_status, first.attempts, first.finish_reason) == (200, 1, "stop")
    assert (first.model, first.task, first.image_bytes_sent) == (MODEL, "describe", len(images[0]))
    assert "L'immagine misura 64 x 48" in jobs[0].answer


@pytest.mark.parametrize(
    ("fault", "status", "http_status", "requests"),
    [
        ("rate_limited", "rate_limited", 429, 2),
        ("server_error", "http_error", 500, 2),
        ("unavailable", "rate_limited", 503, 2),
        ("unauthorized", "auth", 401, 1),
        ("content_filter_error", "refused", 400, 1),
        ("html_error", "http_error", 502, 2),
        ("detail_error", "http_error", 500, 2),
        ("plain_text_error", "rate_limited", 503, 2),
        ("content_filter", "refused", 200, 1),
        ("empty_text", "empty_answer", 200, 1),
        ("null_text", "empty_answer", 200, 1),
        ("length", "cut_off", 200, 1),
        ("no_usage", "ok", 200, 1),
        ("schema_ignored", "bad_schema", 200, 1),
        ("content_parts", "ok", 200, 1),
        ("hang", "timeout", None, 2),
        ("reset", "connect", None, 2),
        ("broken_json", "http_error", 200, 1),
        ("truncated", "connect", None, 1),
        ("trickle", "ok", 200, 1),
    ],
)
def test_each_fault_has_its_word(
    faulty: ModelServer, endpoint: LoopThread, fault: str, status: str, http_status: int | None, requests: int
) -> None:
    """Each way to go wrong becomes a word with the HTTP status; only what may change and was not paid for is asked again."""
    faulty.reset_stats()
    task = ListObjects(prompt=f"Cosa vedi? [{fault}]")
    (job,) = ask(
        ChatCompletions(faulty.base_url, MODEL), [picture(1)], task, loop_thread=endpoint, max_attempts=2, request_timeout_s=2
    )
    stats = faulty.stats()
    got = outcome(job)
    assert (got.status.value, got.http_status, got.attempts, stats["requests"]) == (status, http_status, requests, requests)
    assert (job.answer is None) == (status != "ok")
    assert (got.message is None) == (status == "ok")
    assert max(stats["answered_images"].values(), default=0) <= 1


def test_a_mixture_of_all_faults_loses_no_row_and_pays_for_none_twice() -> None:
    """With each fault at 5 %, every row has one outcome, and no image is asked about again after an answer that was paid for."""
    kinds = ["rate_limited", "server_error", "unavailable", "content_filter", "empty_text", "null_text", "length", "no_usage"]
    kinds += ["content_parts", "reset", "broken_json", "truncated", "html_error", "detail_error", "plain_text_error"]
    images = [picture(number) for number in range(200)]
    faults = [ModelFault(kind, share=0.05, retry_after_s=0.01) for kind in kinds]
    with ModelServer(faults=faults) as server:
        jobs = ask(ChatCompletions(server.base_url, MODEL), images, max_attempts=3)
        stats = server.stats()
    assert all(job.outcome is not None for job in jobs)
    assert set(stats["answered_images"].values()) == {1}
    assert statuses(jobs).count("ok") > 100
    assert set(statuses(jobs)) <= {"ok", "refused", "empty_answer", "cut_off", "http_error", "rate_limited", "connect"}
    assert sum(outcome(job).attempts for job in jobs) == stats["requests"]


def test_answers_that_come_too_late_are_asked_for_one_at_a_time() -> None:
    """An endpoint that answers nobody in time is asked ever fewer questions at once, down to one."""
    with ModelServer(faults=[ModelFault("hang", duration_s=60.0)]) as server, fresh_loop() as loop_thread:
        backend = ChatCompletions(server.base_url, MODEL)
        images = [picture(number) for number in range(40)]
        assert set(statuses(ask(backend, images, loop_thread=loop_thread, request_timeout_s=0.2, **ONCE))) == {"timeout"}
        (limit,) = (kept for kept in loop_thread.kept.values() if isinstance(kept, AdaptiveLimit))
        assert limit.allowed() == 1


def test_an_answer_that_was_begun_is_not_asked_for_again() -> None:
    """A timeout in the middle of a 200's body ends the row, because the answer is billed."""
    with ModelServer(faults=[ModelFault("trickle", duration_s=30)]) as server:
        (job,) = ask(ChatCompletions(server.base_url, MODEL), [picture(1)], request_timeout_s=1, max_attempts=3)
        stats = server.stats()
    assert (outcome(job).status.value, outcome(job).attempts, stats["requests"]) == ("timeout", 1, 1)


@pytest.mark.parametrize(
    ("suffix", "quirks", "route"),
    [
        ("", [], "/v1/chat/completions"),
        ("/", [], "/v1/chat/completions"),
        ("/v1", [], "/v1/chat/completions"),
        ("/v1/", [], "/v1/chat/completions"),
        ("/v1/chat/completions", [], "/v1/chat/completions"),
        ("/serving-endpoints", [], "/serving-endpoints/chat/completions"),
        ("/serving-endpoints/test-vision/invocations", [], "/serving-endpoints/{name}/invocations"),
        ("", [Quirk.NO_V1_PATH], "/chat/completions"),
    ],
)
def test_base_urls(suffix: str, quirks: list[Quirk], route: str) -> None:
    """An address is understood with and without /v1, as Databricks gives it, and as the whole address of the route."""
    with ModelServer(quirks=quirks) as server:
        jobs = ask(ChatCompletions(server.root_url + suffix, MODEL), [picture(number) for number in range(4)])
        stats = server.stats()
    assert statuses(jobs) == ["ok"] * 4
    assert stats["by_route"][route] == 4


def test_an_address_without_the_route_is_found_out(plain: ModelServer) -> None:
    """An address that has no such route at all is `http_error` 404, after each likely address was tried once."""
    (job,) = ask(ChatCompletions(f"{plain.root_url}/elsewhere", MODEL), [picture(1)])
    assert (outcome(job).status.value, outcome(job).http_status) == ("http_error", 404)
    assert plain.stats()["requests"] == 2


def test_an_unknown_model_is_not_asked_again() -> None:
    """A model that is not there is `http_error` with the server's words, without further attempts even for a 500."""
    with ModelServer(quirks=[Quirk.UNKNOWN_MODEL_IS_500]) as server:
        (job,) = ask(ChatCompletions(server.base_url, "missing"), [picture(1)])
        assert (outcome(job).status.value, outcome(job).http_status, server.stats()["requests"]) == ("http_error", 500, 1)
    assert "does not exist" in (outcome(job).message or "")


@pytest.mark.parametrize("quirks", [[], [Quirk.WRONG_KEY_IS_400]])
def test_keys(quirks: list[Quirk], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The right key from a variable or a file opens the door, a wrong or missing one is `auth`, and no message shows it."""
    key = "sk-planted-0123456789abcdef"
    monkeypatch.setenv("PICSUM_TEST_KEY", key)
    monkeypatch.setenv("PICSUM_WRONG_KEY", "sk-wrong-0123456789abcdef")
    (tmp_path / "key").write_text(key + "\n")
    with ModelServer(api_key=key, quirks=quirks) as server:
        for secret in (Secret.env("PICSUM_TEST_KEY"), Secret.file(tmp_path / "key")):
            assert statuses(ask(ChatCompletions(server.base_url, MODEL, api_key=secret), [picture(1)])) == ["ok"]
        for wrong in (Secret.env("PICSUM_WRONG_KEY"), None):
            server.reset_stats()
            (job,) = ask(ChatCompletions(server.base_url, MODEL, api_key=wrong), [picture(1)])
            assert (outcome(job).status.value, server.stats()["requests"]) == ("auth", 1)
            assert "0123456789abcdef" not in str(job.outcome)


def test_a_key_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the workers have no key each row is `auth` with the place that was looked at, and nothing is sent."""
    monkeypatch.delenv("PICSUM_NO_KEY", raising=False)
    with ModelServer(api_key="k") as server:
        (job,) = ask(ChatCompletions(server.base_url, MODEL, api_key=Secret.env("PICSUM_NO_KEY")), [picture(1)])
        assert (outcome(job).status.value, server.stats()["requests"]) == ("auth", 0)
    assert str(outcome(job).message).startswith("env:PICSUM_NO_KEY: no key there")


def test_a_key_itself_is_refused_and_none_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key given as text is refused without being shown, and a backend's pickle and repr hold only the key's place."""
    with pytest.raises(SettingError) as refused:
        ChatCompletions("http://host", MODEL, api_key="sk-planted-0123456789")  # type: ignore[arg-type]
    assert "sk-planted" not in str(refused.value)
    monkeypatch.setenv("PICSUM_TEST_KEY", "sk-planted-0123456789")
    backend = ChatCompletions("http://host", MODEL, api_key=Secret.env("PICSUM_TEST_KEY"))
    assert b"sk-planted" not in pickle.dumps(backend)
    assert "sk-planted" not in repr(backend)


def test_content_in_parts_is_one_text() -> None:
    """An endpoint that answers with a list of parts gives the same text as one that answers with a string."""
    with ModelServer() as plain, ModelServer(quirks=[Quirk.CONTENT_PARTS]) as parts:
        (one,), (other,) = (ask(ChatCompletions(server.base_url, MODEL), [picture(7)]) for server in (plain, parts))
    assert one.answer == other.answer


@pytest.mark.parametrize(
    ("quirk", "task", "options"),
    [
        (Quirk.REFUSES_TEMPERATURE, Describe(), {"temperature": 0.2}),
        (Quirk.REFUSES_RESPONSE_FORMAT, ListObjects(), {}),
    ],
)
def test_a_refused_field_is_left_out_from_then_on(quirk: Quirk, task: Task, options: dict[str, Any]) -> None:
    """A field that the endpoint refuses with 400 is left out, the row asked once more, and no later row is refused for it."""
    with ModelServer(quirks=[quirk]) as server, fresh_loop() as loop_thread:
        backend = ChatCompletions(server.base_url, MODEL)
        (first,) = ask(backend, [picture(0)], task, loop_thread=loop_thread, **options)
        later = ask(backend, [picture(number) for number in range(1, 30)], task, loop_thread=loop_thread, **options)
        stats = server.stats()
    assert statuses([first, *later]) == ["ok"] * 30
    assert stats["by_status"] == {"400": 1, "200": 30}


@pytest.mark.parametrize("quirks", [[], [Quirk.REFUSES_RESPONSE_FORMAT]])
@pytest.mark.parametrize(
    "task", [ListObjects(), Sentiment(), ReadText(), Classify(), Classify(labels=("rosso", "blu"), language="en")]
)
def test_typed_tasks(task: Task, quirks: list[Quirk]) -> None:
    """Each typed task gives its type, by a JSON schema where the endpoint takes one and by the prompt where not."""
    with ModelServer(quirks=quirks) as server:
        jobs = ask(ChatCompletions(server.base_url, MODEL), [picture(number) for number in range(5)], task)
    assert statuses(jobs) == ["ok"] * 5
    for job in jobs:
        if isinstance(task, ListObjects):
            assert job.answer
            assert all(isinstance(entry, str) and entry for entry in job.answer)
        elif isinstance(task, Classify):
            assert job.answer in task.labels
        else:
            assert isinstance(job.answer, str)
            assert not job.answer.startswith("{")


def test_words_instead_of_the_asked_form_are_kept() -> None:
    """An answer that is not in the asked form is `bad_schema`, with what the model wrote and its tokens counted."""
    with ModelServer(faults=[ModelFault("schema_ignored")]) as server:
        (job,) = ask(ChatCompletions(server.base_url, MODEL), [picture(1)], ListObjects())
    got = outcome(job)
    assert (got.status.value, job.answer) == ("bad_schema", None)
    assert "L'immagine misura 64 x 48" in (got.message or "")
    assert got.output_tokens


@pytest.mark.parametrize(("language", "word"), [("it", "L'immagine"), ("en", "The image")])
def test_the_language_reaches_the_model(plain: ModelServer, language: str, word: str) -> None:
    """The answer is in the asked language."""
    (job,) = ask(ChatCompletions(plain.base_url, MODEL), [picture(1)], Describe(language=language))
    assert word in job.answer


def test_rows_without_a_picture_ask_nothing(plain: ModelServer) -> None:
    """NULL, empty, broken and oversized images have their word, and no request is made for them."""
    truncated = picture(3, 400, 300)[:200]
    jobs = ask(ChatCompletions(plain.base_url, MODEL), [None, b"", b"no image", truncated], max_payload_bytes=1_000, **ONCE)
    assert statuses(jobs) == ["no_image", "no_image", "not_an_image", "not_an_image"]
    assert plain.stats()["requests"] == 0


def test_a_cut_off_description_is_kept(plain: ModelServer) -> None:
    """A description that max_output_tokens cuts off is `cut_off`, with the part that was written and paid for."""
    (job,) = ask(ChatCompletions(plain.base_url, MODEL), [picture(1)], max_output_tokens=5)
    assert (outcome(job).status.value, outcome(job).finish_reason, outcome(job).output_tokens) == ("cut_off", "length", 5)
    assert job.answer


@pytest.mark.parametrize("form", ["seconds", "date", "prefixed", "none"])
def test_a_refusal_that_says_when_is_obeyed(form: str) -> None:
    """With 20 requests allowed at once and then 20 a second, a refusal's own time is kept: all rows are answered."""
    with ModelServer(requests_per_minute=1200, limit_burst_s=1, retry_after=form) as server:
        jobs = ask(ChatCompletions(server.base_url, MODEL), [picture(number) for number in range(60)], max_attempts=20)
        assert statuses(jobs) == ["ok"] * 60
        assert server.stats()["refused"] <= 120


def test_a_silence_beyond_the_bound_keeps_nobody_waiting() -> None:
    """An endpoint that asks for an hour is left alone by all rows: those that were not sent are `rate_limited` unasked."""
    with ModelServer(faults=[ModelFault("rate_limited", retry_after_s=3_600.0)]) as server:
        jobs = ask(ChatCompletions(server.base_url, MODEL), [picture(number) for number in range(60)], max_in_flight_per_task=4)
        assert set(statuses(jobs)) == {"rate_limited"}
        assert server.stats()["requests"] <= 8
        unasked = [outcome(job) for job in jobs if outcome(job).attempts == 0]
        assert {told.message for told in unasked} == {"the endpoint has asked for a silence longer than max_retry_wait_s"}
        assert len(unasked) >= 52


def test_the_rest_of_a_long_silence_is_kept() -> None:
    """Once what is left of a silence is short enough to be waited for, rows wait for its end and ask nothing before it."""
    with ModelServer(faults=[ModelFault("rate_limited", times=1, retry_after_s=3.0)]) as server, fresh_loop() as loop_thread:
        backend, began_s = ChatCompletions(server.base_url, MODEL), time.monotonic()
        refused = ask(backend, [picture(1)], loop_thread=loop_thread, max_retry_wait_s=2)
        time.sleep(1.2)
        answered = ask(backend, [picture(1)] * 3, loop_thread=loop_thread, max_retry_wait_s=2)
        ended_s = time.monotonic()
    assert statuses(refused) == ["rate_limited"]
    assert [(outcome(job).status.value, outcome(job).attempts) for job in answered] == [("ok", 1)] * 3
    assert ended_s - began_s >= 3
