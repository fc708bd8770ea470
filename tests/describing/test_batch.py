"""BatchChat against a batch endpoint that behaves, and against every way to misbehave."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import picture
from batching import MODEL, ask_in_batches, backend, words
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision import BatchChat, Describe, ListObjects, Secret, SettingError
from picsum_vision.describing.batch_lines import Line, shards
from picsum_vision.testing.model_server import BatchFault, FaultKind, ModelFault, ModelServer, Quirk

CANCELLING = """
import json, sys, time, urllib.request as u
def batches(): return json.load(u.urlopen(sys.argv[1] + "/batches"))["data"]
while not batches(): time.sleep(0.05)
u.urlopen(u.Request(sys.argv[1] + "/batches/" + batches()[0]["id"] + "/cancel", method="POST"))
"""
ROUTES = ("files.create", "files.list", "files.content", "batches.create", "batches.list", "batches.retrieve")


@pytest.fixture(scope="module")
def faulty() -> Iterator[ModelServer]:
    """Give a server whose lines go wrong in the way that the prompt names."""
    with ModelServer(faults=[ModelFault(kind.value, prompt_contains=f"[{kind.value}]") for kind in FaultKind]) as server:
        yield server


@pytest.fixture
def server(faulty: ModelServer) -> ModelServer:
    """Give the same with its counts at zero."""
    faulty.reset_stats()
    return faulty


def images(count: int, start: int = 0) -> list[bytes]:
    """Return so many pictures, all different."""
    return [picture(number) for number in range(start, start + count)]


def prompt(request: pytest.FixtureRequest) -> Describe:
    """Return a question that no other test asks, so that nothing is there already."""
    return Describe(prompt=f"Che cosa vedi? ({request.node.name})")


def paid(server: ModelServer) -> list[int]:
    """Return how often each line was answered."""
    return list(server.stats()["answered_lines"].values())


def test_each_image_gets_its_own_answer_and_its_tokens(server: ModelServer) -> None:
    """Every image is asked about once; its answer, tokens and bytes sent are the server's and its own."""
    answers = ask_in_batches(backend(server.base_url), images(20))
    stats = server.stats()
    assert words(answers) == ["ok"] * 20
    assert len({each.answer for each in answers}) == 20
    assert (paid(server), stats["batches_created"], stats["files_uploaded"]) == ([1] * 20, 1, 1)
    assert sum(each.outcome.input_tokens or 0 for each in answers) == stats["tokens"]["prompt"]
    assert sum(each.outcome.output_tokens or 0 for each in answers) == stats["tokens"]["completion"]
    first = answers[0].outcome
    assert (first.http_status, first.attempts, first.finish_reason, first.message) == (200, 1, "stop", None)
    assert (first.model, first.task, first.image_bytes_sent) == (MODEL, "describe", len(images(1)[0]))
    assert "L'immagine misura 64 x 48" in answers[0].answer


def test_files_stay_within_the_limits() -> None:
    """Lines are cut into files that an endpoint with the same limits takes, by number and by bytes."""
    for limits in ({"max_requests_per_file": 8}, {"max_bytes_per_file": 10_000}):
        with ModelServer(max_batch_requests=8, max_batch_file_bytes=10_000) as server:
            answers = ask_in_batches(
                backend(server.base_url, **{"max_requests_per_file": 8, "max_bytes_per_file": 10_000, **limits}), images(30)
            )
            assert words(answers) == ["ok"] * 30
            assert server.stats()["batches_created"] >= 4
            assert set(paid(server)) == {1}


@given(
    st.lists(st.integers(1, 60_000), max_size=40),
    st.integers(1, 10),
    st.integers(60_000, 200_000),
    st.randoms(use_true_random=False),
)
def test_shards_hold_every_line_once_within_limits(sizes: list[int], most: int, most_bytes: int, order: Any) -> None:
    """Each line is in one shard, no shard is beyond a limit, and another order of the lines makes the same shards."""
    cut = BatchChat("https://host", "m", max_requests_per_file=most, max_bytes_per_file=most_bytes)
    lines = [Line(f"{number:04}", 0, 0, size, 0, 0) for number, size in enumerate(sizes)]
    made = list(shards(lines, cut))
    assert sorted(itertools.chain.from_iterable(shard.ids for shard in made)) == [line.custom_id for line in lines]
    assert all(0 < len(shard.lines) <= most and sum(line.line_bytes for line in shard.lines) <= most_bytes for shard in made)
    order.shuffle(lines)
    assert [shard.digest() for shard in shards(lines, cut)] == [shard.digest() for shard in made]


@pytest.mark.parametrize(
    ("fault", "status", "http_status", "attempts"),
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
    ],
)
def test_each_fault_of_a_line_has_its_word(server: ModelServer, fault: str, status: str, http_status: int, attempts: int) -> None:
    """A line's failure becomes the word that chat has for it; only what may change and was not paid for is asked again."""
    (answer,) = ask_in_batches(
        backend(server.base_url), images(1), ListObjects(prompt=f"Cosa vedi? [{fault}]"), max_attempts=2, max_output_tokens=4_000
    )
    got = answer.outcome
    assert (got.status.value, got.http_status, got.attempts, server.stats()["batches_created"]) == (
        status,
        http_status,
        attempts,
        attempts,
    )
    assert (answer.answer is None) == (status != "ok")
    assert (got.message is None) == (status == "ok")
    assert max(paid(server), default=0) <= 1


def test_a_mixture_of_faults_loses_no_row_and_pays_for_none_twice() -> None:
    """Lines that fail, batches that expire, come out of order or meet a full queue: each row is ok in the end, and paid once."""
    faults = [ModelFault(kind, share=0.1, times=1) for kind in ("rate_limited", "server_error", "html_error")]
    batch_faults = [
        BatchFault("shuffled"),
        BatchFault("expired", times=2, done_share=0.3),
        BatchFault("stale", share=0.3),
        BatchFault("queue_full", share=0.2, times=2),
        *(BatchFault("http_error", route=route, share=0.15, status=status) for route in ROUTES for status in (429, 500)),
        BatchFault("created_unsaid", share=0.3),
    ]
    with ModelServer(faults=faults, batch_faults=batch_faults) as server:
        answers = ask_in_batches(backend(server.base_url, max_requests_per_file=40), images(200), max_attempts=8)
        assert words(answers) == ["ok"] * 200
        assert paid(server) == [1] * 200
        assert len({each.answer for each in answers}) == 200


def test_a_batch_that_always_expires_is_a_timeout(server: ModelServer) -> None:
    """Lines that expire go into a new batch as often as max_attempts allows; then they are `timeout`."""
    with ModelServer(batch_faults=[BatchFault("expired", done_share=0)]) as expiring:
        answers = ask_in_batches(backend(expiring.base_url), images(3), max_attempts=3)
        assert words(answers) == ["timeout"] * 3
        assert {each.outcome.attempts for each in answers} == {3}
        assert "completion window" in (answers[0].outcome.message or "")
        assert expiring.stats()["batches_ended"] == {"expired": 3}


def test_a_file_that_is_invalid_blames_the_named_line_alone() -> None:
    """A line that the validation names is `http_error`; the others are asked in another file. Without a name all are."""
    with ModelServer(batch_faults=[BatchFault("invalid", line=2, times=1)]) as server:
        answers = ask_in_batches(backend(server.base_url), images(5))
        assert sorted(words(answers)) == ["http_error", "ok", "ok", "ok", "ok"]
        assert paid(server) == [1] * 4
    with ModelServer(batch_faults=[BatchFault("invalid")]) as server:
        answers = ask_in_batches(backend(server.base_url), images(5))
        assert words(answers) == ["http_error"] * 5
        assert server.stats()["batches_created"] == 1
        assert "said to be wrong" in (answers[0].outcome.message or "")


def test_a_full_queue_is_waited_for() -> None:
    """A batch that finds the queue full is submitted again later, and that is no attempt."""
    with ModelServer(batch_faults=[BatchFault("queue_full", times=2)]) as server:
        answers = ask_in_batches(backend(server.base_url), images(3), max_attempts=1)
        assert words(answers) == ["ok"] * 3
        assert {each.outcome.attempts for each in answers} == {1}
        assert server.stats()["batches_created"] == 3


def test_a_cancelled_batch_is_not_submitted_again() -> None:
    """Whoever cancels a batch does not find it submitted anew by the run that waits for it: its rows are `timeout`."""
    with ModelServer(batch_s=60) as server:
        cancelling = subprocess.Popen(
            [
                sys.executable,
                "-c",
                CANCELLING,
                server.base_url,
            ]
        )
        answers = ask_in_batches(backend(server.base_url), images(3))
        assert cancelling.wait(30) == 0
        assert words(answers) == ["timeout"] * 3
        assert "cancelled" in (answers[0].outcome.message or "")
        assert server.stats()["batches_created"] == 1


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("route", ROUTES)
def test_a_route_that_fails_once_costs_nothing(route: str, status: int) -> None:
    """A 429 or 500 of any route, in the middle of everything, is tried again, and no line is submitted twice."""
    with ModelServer(batch_faults=[BatchFault("http_error", route=route, status=status, times=1)]) as server:
        answers = ask_in_batches(backend(server.base_url), images(4))
        assert words(answers) == ["ok"] * 4
        assert (paid(server), server.stats()["batch_lines"]) == ([1] * 4, 4)


def test_a_creation_that_is_not_told_is_found() -> None:
    """A batch that was created, with an error for an answer, is looked for and found, not created again."""
    with ModelServer(batch_faults=[BatchFault("created_unsaid")]) as server:
        answers = ask_in_batches(backend(server.base_url, max_requests_per_file=2), images(6))
        assert words(answers) == ["ok"] * 6
        assert (server.stats()["batches_created"], paid(server)) == (3, [1] * 6)


@pytest.mark.parametrize(
    ("route", "status", "word", "batches"),
    [
        ("batches.list", 500, "http_error", 0),
        ("batches.list", 401, "auth", 0),
        ("batches.list", 404, "http_error", 0),
        ("files.create", 500, "http_error", 0),
        ("batches.create", 429, "rate_limited", 0),
        ("batches.retrieve", 500, "timeout", 1),
        ("files.content", 500, "http_error", 1),
    ],
)
def test_a_route_that_always_fails_is_the_rows_outcome(route: str, status: int, word: str, batches: int) -> None:
    """A route that never works is said by every row; nothing is submitted that could be there already."""
    with ModelServer(batch_faults=[BatchFault("http_error", route=route, status=status)]) as server:
        answers = ask_in_batches(backend(server.base_url, max_wait_s=1), images(3), max_attempts=2)
        assert words(answers) == [word] * 3
        assert all(each.outcome.message for each in answers)
        assert server.stats()["batches_created"] == batches


def test_a_second_run_pays_for_nothing(server: ModelServer, request: pytest.FixtureRequest) -> None:
    """What a run has answers for, the next one has too, with the same words and tokens, and nothing is submitted again."""
    asked, task = backend(server.base_url, max_requests_per_file=10), prompt(request)
    first = ask_in_batches(asked, images(25), task)
    before = server.stats()
    second = ask_in_batches(asked, images(25)[::-1], task)[::-1]
    assert [each.answer for each in first] == [each.answer for each in second]
    assert [each.outcome.input_tokens for each in first] == [each.outcome.input_tokens for each in second]
    after = server.stats()
    assert (after["batches_created"], after["files_uploaded"], after["batch_lines"]) == (3, 3, 25)
    assert before["answered_lines"] == after["answered_lines"]


def test_rows_that_moved_to_other_tasks_are_found(server: ModelServer, request: pytest.FixtureRequest) -> None:
    """With other partitions than before, and more rows, only the new lines are submitted."""
    asked, task = backend(server.base_url), prompt(request)
    ask_in_batches(asked, images(20), task, bucket=0, of_buckets=2)
    ask_in_batches(asked, images(20, start=20), task, bucket=1, of_buckets=2)
    for start in (0, 15, 30):
        assert words(ask_in_batches(asked, images(15, start=start), task, bucket=start // 15, of_buckets=3)) == ["ok"] * 15
    assert server.stats()["batch_lines"] == 45
    assert set(paid(server)) == {1}


def test_another_job_asks_anew(server: ModelServer, request: pytest.FixtureRequest) -> None:
    """The same question under another job's name, or another question under the same, takes nothing from the first."""
    task = prompt(request)
    for number, (job, asked) in enumerate([("a", task), ("b", task), ("a", Describe(prompt=f"{task.prompt} altro"))], 1):
        assert words(ask_in_batches(backend(server.base_url, job=job), images(3), asked)) == ["ok"] * 3
        assert server.stats()["batches_created"] == number


def test_a_run_that_does_not_wait_is_collected_later() -> None:
    """With max_wait_s=0 the rows are `timeout` once their batches are created; a later run, of other rows, has the answers."""
    with ModelServer(batch_s=1) as server:
        first = ask_in_batches(backend(server.base_url, max_wait_s=0), images(20))
        assert words(first) == ["timeout"] * 20
        assert "a later run collects" in (first[0].outcome.message or "")
        # Fewer rows than the batch has: its lines are known from its input file alone.
        assert words(ask_in_batches(backend(server.base_url), images(12))) == ["ok"] * 12
        assert words(ask_in_batches(backend(server.base_url), images(20))) == ["ok"] * 20
        assert (server.stats()["batches_created"], paid(server)) == (1, [1] * 20)


def test_the_bucket_keeps_tasks_from_reading_each_others_files() -> None:
    """A batch of another bucket of the same job is not read; one of another spreading is."""
    with ModelServer(batch_s=60) as server:
        ask_in_batches(backend(server.base_url, max_wait_s=0), images(3), bucket=0, of_buckets=2)
        ask_in_batches(backend(server.base_url, max_wait_s=0), images(3, start=3), bucket=1, of_buckets=2)
        assert "/v1/files/{id}/content" not in server.stats()["by_route"]
        ask_in_batches(backend(server.base_url, max_wait_s=0), images(3, start=6), bucket=0, of_buckets=3)
        assert server.stats()["by_route"]["/v1/files/{id}/content"] == 2


def killed_when(server: ModelServer, ripe: Callable[[dict[str, Any]], bool], count: int, **settings: Any) -> None:
    """Run a task over so many images in a process of its own, and kill that when the server's counts are ripe."""
    told = {"base_url": server.base_url, "settings": settings, "images": count}
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "batching.py"), json.dumps(told)], env={**os.environ, "PYTHONPATH": paths}
    )
    try:
        while not ripe(server.stats()):
            assert process.poll() is None
            time.sleep(0.005)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_a_run_that_is_killed_goes_on_where_it_was(batches: int) -> None:
    """Killed after so many of its batches were created, a task that starts anew submits only the lines that are in none."""
    with ModelServer(batch_s=1.5) as server:
        killed_when(server, lambda stats: stats["batches_created"] >= batches, 60, max_requests_per_file=15)
        answers = ask_in_batches(backend(server.base_url, max_requests_per_file=15), images(60))
        assert words(answers) == ["ok"] * 60
        stats = server.stats()
        assert (stats["batch_lines"], stats["batches_created"], paid(server)) == (60, 4, [1] * 60)


def test_a_run_that_is_killed_between_upload_and_creation_uses_its_file() -> None:
    """A file that was uploaded before the kill, and has no batch, is not uploaded again."""
    creation_fails = BatchFault("http_error", route="batches.create", status=429, times=1)
    with ModelServer(batch_faults=[creation_fails]) as server:
        killed_when(server, lambda stats: bool(stats["faults"].get("batches.create")), 10)
        answers = ask_in_batches(backend(server.base_url), images(10))
        assert words(answers) == ["ok"] * 10
        stats = server.stats()
        assert stats["files_uploaded"] == 1
        assert (stats["batches_created"], paid(server)) == (1, [1] * 10)


def test_an_endpoint_without_a_list_needs_a_folder(tmp_path: Path) -> None:
    """Where batches cannot be listed nothing is submitted, unless a folder keeps what was; with it nothing is submitted twice."""
    with ModelServer(batch_faults=[BatchFault("http_error", route="batches.list", status=404)], batch_s=0.5) as server:
        (refused,) = ask_in_batches(backend(server.base_url), images(1))
        assert "state=" in (refused.outcome.message or "")
        assert server.stats()["batches_created"] == 0
        noted = {"state": str(tmp_path / "notes"), "max_requests_per_file": 5}
        assert set(words(ask_in_batches(backend(server.base_url, max_wait_s=0, **noted), images(12)))) == {"timeout"}
        assert words(ask_in_batches(backend(server.base_url, **noted), images(14))) == ["ok"] * 14
        assert (server.stats()["batch_lines"], set(paid(server))) == (14, {1})


def test_a_folder_that_cannot_be_used_is_the_rows_outcome(server: ModelServer, tmp_path: Path) -> None:
    """A state that cannot be written is said before anything is submitted."""
    (tmp_path / "file").write_text("in the way")
    (answer,) = ask_in_batches(backend(server.base_url, state=str(tmp_path / "file")), images(1))
    assert (answer.outcome.status.value, server.stats()["batches_created"]) == ("internal", 0)
    assert "state:" in (answer.outcome.message or "")


def test_what_an_endpoint_does_not_take_is_left_out() -> None:
    """Lines refused for a field are asked again without it; the lines of a later run are the same ones all the same."""
    with ModelServer(quirks=[Quirk.REFUSES_TEMPERATURE, Quirk.REFUSES_RESPONSE_FORMAT]) as server:
        for _ in range(2):
            answers = ask_in_batches(backend(server.base_url), images(4), ListObjects(), temperature=0.5, max_attempts=1)
            assert words(answers) == ["ok"] * 4
        assert (server.stats()["batches_created"], paid(server)) == (3, [1] * 4)


def test_the_budget_counts_the_batch_price() -> None:
    """Rows beyond max_cost_total are `budget` and nothing is asked for them; at half the price twice as many fit."""
    prices = {"input_price_per_million_tokens": 1_000.0, "output_price_per_million_tokens": 1_000.0}
    answered = []
    for factor in (1.0, 0.5):
        with ModelServer() as server:
            answers = ask_in_batches(
                backend(server.base_url, price_factor=factor), images(40), max_cost_total=6.0, max_output_tokens=150, **prices
            )
            spent = factor * server.stats()["tokens"]["total"] * 1_000 / 1_000_000
        assert set(words(answers)) == {"ok", "budget"}
        assert 3.0 < spent <= 6.0
        answered.append(words(answers).count("ok"))
    assert answered[1] >= 1.8 * answered[0]


def test_duplicates_share_a_line_unless_each_is_wanted(server: ModelServer, request: pytest.FixtureRequest) -> None:
    """The same picture is one line for all its rows; with deduplicate=False each row has its own, and its own again later."""
    task = prompt(request)
    assert words(ask_in_batches(backend(server.base_url), [picture(1)] * 4, task)) == ["ok"] * 4
    assert server.stats()["batch_lines"] == 1
    for _ in range(2):
        assert words(ask_in_batches(backend(server.base_url), [picture(1)] * 4, task, deduplicate=False)) == ["ok"] * 4
        assert (server.stats()["batch_lines"], set(paid(server))) == (4, {1})


def test_rows_that_cannot_be_asked_have_their_word(server: ModelServer, request: pytest.FixtureRequest) -> None:
    """What is no image, too many images or too large a line is said without a batch; several images and addresses are asked."""
    task = prompt(request)
    rows = ask_in_batches(backend(server.base_url, max_images_per_request=2), [b"nonsense", images(3), images(2)], task)
    assert words(rows) == ["not_an_image", "too_large", "ok"]
    assert "Immagine 2" in rows[2].answer
    large = backend(server.base_url, max_bytes_per_file=10_000)
    (too_large,) = ask_in_batches(large, [picture(1, 1_500, 1_500, "BMP")], task, max_image_side_px=2_000)
    assert too_large.outcome.status.value == "too_large"
    by_address = backend(server.base_url, send="url")
    assert words(ask_in_batches(by_address, ['https://host/a"b.jpg'], task)) == ["ok"]


@pytest.mark.parametrize(("secret", "words_of_message"), [("wrong", "Incorrect API key"), (None, "no key there")])
def test_a_wrong_or_missing_key_is_auth(tmp_path: Path, secret: str | None, words_of_message: str) -> None:
    """A key that is wrong, or is not where the workers are to read it, is `auth` in every row."""
    (tmp_path / "key").write_text(secret or "")
    with ModelServer(api_key="right") as server:
        (answer,) = ask_in_batches(backend(server.base_url, api_key=Secret.file(tmp_path / "key")), images(1))
        assert answer.outcome.status.value == "auth"
        assert words_of_message in (answer.outcome.message or "")
        assert server.stats()["files_uploaded"] == 0


def test_an_address_without_version_is_found() -> None:
    """The batches are found under /v1 and without it."""
    for quirks in ([], [Quirk.NO_V1_PATH]):
        with ModelServer(quirks=quirks) as server:
            assert words(ask_in_batches(backend(server.root_url), images(2))) == ["ok"] * 2


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("base_url", "host"),
        ("model", ""),
        ("api_key", "sk-the-key-itself"),
        ("job", " "),
        ("job", "x" * 513),
        ("completion_window", ""),
        ("poll_interval_s", 0),
        ("max_wait_s", -1),
        ("max_requests_per_file", 0),
        ("max_bytes_per_file", 100),
        ("state", ""),
        ("price_factor", -0.5),
        ("send", "pigeon"),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, value: Any) -> None:
    """A wrong setting is a SettingError that names it, and never shows a key."""
    with pytest.raises(SettingError, match=setting) as caught:
        BatchChat(**{"base_url": "https://host", "model": "m", setting: value})
    assert "sk-the-key" not in str(caught.value)
