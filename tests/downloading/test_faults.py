"""Every fault that the test server knows has its word in the outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest
from expected_faults import EXPECTED, FAST, every_fault
from fetching import fetch, fetch_all, forgetting_hosts

from picsum_vision.outcomes import DownloadStatus
from picsum_vision.testing.image_server import Fault, FaultKind, ImageServer

FOR_GOOD = (400, 401, 403, 404, 405, 410, 418, 501)
PASSING = (408, 425, 429, 500, 502, 503, 504)
NUMBER_OF = {kind: number for number, kind in enumerate(FaultKind, start=1)}


@pytest.fixture(scope="module")
def server() -> Iterator[ImageServer]:
    """Serve each fault for the pictures of one number."""
    faults = [
        Fault(kind=kind, path=f"/id/{NUMBER_OF[kind]}/", **{"side_px": 20_000, **settings})
        for kind, (settings, *_) in EXPECTED.items()
    ]
    statuses = [Fault(kind="status", status=status, path=f"/id/{status}/") for status in FOR_GOOD]
    passing = [Fault(kind="status", status=status, path=f"/id/{status}/", times=1) for status in PASSING]
    more = [
        Fault(kind="hang_before_headers", path="/id/700/", times=1),
        Fault(kind="status", status=429, times=1, retry_after="seconds", retry_after_s=1, path="/id/701/"),
        Fault(kind="status", status=429, times=1, retry_after="date", retry_after_s=1, path="/id/702/"),
        Fault(kind="status", status=429, retry_after="seconds", retry_after_s=500, path="/id/703/"),
        Fault(kind="trickle", bytes_per_second=300, path="/id/704/"),
        Fault(kind="status", status=500, retry_after="seconds", retry_after_s=500, path="/id/705/"),
    ]
    with ImageServer(faults=[*faults, *statuses, *passing, *more], missing_ids=[999]) as running:
        yield running


@pytest.fixture(autouse=True)
def strangers() -> Iterator[None]:
    """Let no test profit or suffer from what another one has taught about the host."""
    with forgetting_hosts():
        yield


def url_of(server: ImageServer, kind: FaultKind) -> str:
    return f"{server.base_url}/id/{NUMBER_OF[kind]}/200/150?hmac=secret"


def test_no_fault_is_left_out() -> None:
    """There is an expectation for every kind of fault."""
    assert set(EXPECTED) == set(FaultKind)


@pytest.mark.parametrize("kind", list(FaultKind), ids=lambda kind: kind.value)
def test_fault(server: ImageServer, kind: FaultKind) -> None:
    """The outcome names the fault's status, the HTTP status, the attempts, and says why without the query string."""
    _, status, http_status, attempts = EXPECTED[kind]
    row = fetch(url_of(server, kind), **FAST)
    told = row.outcome
    expected = [(status, http_status, attempts)]
    if kind is FaultKind.CONTENT_LENGTH_TOO_SHORT:
        # Where the surplus comes in one packet with the answer, the whole of it is no HTTP.
        expected.append(("connect", None, 1))
    assert (told.status.value, told.http_status, told.attempts) in expected, told
    assert (row.data is None) == (status != "ok")
    assert (told.message is None) == (status == "ok")
    assert "secret" not in f"{told.message} {told.final_url}"
    assert told.finished_at is not None
    assert told.elapsed_ms >= 0


def test_ok_says_all_about_the_picture(server: ImageServer) -> None:
    """A good picture's outcome has bytes, digest, type, width and height, and the address that it finally came from."""
    row = fetch(f"{server.base_url}/id/500/200/150")
    told = row.outcome
    assert told.status is DownloadStatus.OK
    assert row.data is not None
    assert (told.bytes, told.content_type, told.width, told.height) == (len(row.data), "image/jpeg", 200, 150)
    assert told.sha256 is not None
    assert len(told.sha256) == 64
    assert told.final_url is not None
    assert told.final_url.startswith(server.image_url)


@pytest.mark.parametrize("status", FOR_GOOD)
def test_what_cannot_change_is_asked_once(server: ImageServer, status: int) -> None:
    """An answer that another try cannot change is `http_error` with its number after one request."""
    before = server.stats()["requests"]
    told = fetch(f"{server.base_url}/id/{status}/80/60").outcome
    assert (told.status.value, told.http_status, told.attempts) == ("http_error", status, 1)
    assert server.stats()["requests"] == before + 1


@pytest.mark.parametrize("status", PASSING)
def test_what_can_change_is_asked_again(server: ImageServer, status: int) -> None:
    """An answer that another try can change is tried again, and the second try's picture is kept."""
    told = fetch(f"{server.base_url}/id/{status}/80/60").outcome
    assert (told.status.value, told.http_status, told.attempts) == ("ok", 200, 2)


def test_a_timeout_leaves_the_next_attempt_its_whole_time(server: ImageServer) -> None:
    """A host that is silent once is asked again with the whole time, not with what was left."""
    told = fetch(f"{server.base_url}/id/700/80/60", total_timeout_s=0.8).outcome
    assert (told.status.value, told.attempts) == ("ok", 2)


def test_slow_bodies_are_given_up(server: ImageServer) -> None:
    """A body that comes more slowly than min_bytes_per_second is `too_slow`, long before the total time is over."""
    told = fetch(f"{server.base_url}/id/704/400/300", total_timeout_s=50).outcome
    assert (told.status.value, told.http_status, told.attempts) == ("too_slow", 200, 1)


def test_opt_out_can_be_switched_off() -> None:
    """With respect_opt_out=False a picture with `noai` is kept."""
    with ImageServer(faults=[Fault(kind="robots", robots="noindex, noai")]) as host:
        assert fetch(f"{host.base_url}/id/1/80/60").status is DownloadStatus.OPTED_OUT
        assert fetch(f"{host.base_url}/id/1/80/60", respect_opt_out=False).status is DownloadStatus.OK


def test_tls() -> None:
    """A certificate that nobody trusts, and a port that speaks no TLS, are `tls` after one attempt."""
    with ImageServer() as host:
        for base in (host.self_signed_url, host.not_tls_url):
            told = fetch(f"{base}/id/1/80/60").outcome
            assert (told.status.value, told.http_status, told.attempts) == ("tls", None, 1)


@pytest.mark.parametrize("number", [701, 702], ids=["seconds", "date"])
def test_retry_after_is_obeyed(server: ImageServer, number: int) -> None:
    """A refused row comes back, and not before the time that the host named, in seconds or as a date."""
    told = fetch(f"{server.base_url}/id/{number}/80/60").outcome
    assert (told.status.value, told.attempts) == ("ok", 2)
    # A date names a whole second: up to one of them was over already.
    assert told.elapsed_ms >= (1_000 if number == 701 else 1)


def test_a_retry_after_beyond_the_bound_gives_up_at_once(server: ImageServer) -> None:
    """A Retry-After longer than max_retry_wait_s is `rate_limited` after one attempt."""
    told = fetch(f"{server.base_url}/id/703/80/60").outcome
    assert (told.status.value, told.http_status, told.attempts) == ("rate_limited", 429, 1)


def test_a_silence_beyond_the_bound_keeps_nobody_waiting() -> None:
    """Once a host asks for a silence that nobody waits for, its other rows are `rate_limited` unasked; other hosts' are not."""
    with ImageServer(faults=[Fault(kind="status", status=429, retry_after="seconds", retry_after_s=100_000)]) as host:
        with ImageServer() as other:
            urls = [f"{base}/seed/{number}/60/40" for number in range(60) for base in (host.base_url, other.base_url)]
            rows = fetch_all(urls, max_in_flight_per_host_per_task=4)
        assert host.stats()["requests"] <= 4
    assert {row.status.value for row in rows[::2]} == {"rate_limited"}
    assert {row.outcome.attempts for row in rows[::2]} == {0, 1}
    assert {row.status.value for row in rows[1::2]} == {"ok"}


@pytest.mark.parametrize("status", PASSING)
def test_retry_after_is_obeyed_with_every_status_that_can_change(status: int) -> None:
    """A row comes back no sooner than the host said, whatever it said it with."""
    fault = Fault(kind="status", status=status, times=1, retry_after="seconds", retry_after_s=1)
    with ImageServer(faults=[fault]) as host:
        told = fetch(f"{host.base_url}/id/1/80/60").outcome
    assert (told.status.value, told.attempts) == ("ok", 2)
    assert told.elapsed_ms >= 1_000


def test_one_broken_url_silences_no_host(server: ImageServer) -> None:
    """A 500 that names a long time is given up after one attempt, and the host's other rows are asked for."""
    broken, fine = fetch_all([f"{server.base_url}/id/705/80/60", f"{server.base_url}/id/500/200/150"], max_in_flight_per_task=1)
    assert (broken.outcome.status.value, broken.outcome.attempts) == ("http_error", 1)
    assert fine.status is DownloadStatus.OK


def test_the_rest_of_a_long_silence_is_kept() -> None:
    """Once what is left of a silence is short enough to be waited for, rows wait for its end and ask nothing before it."""
    fault = Fault(kind="status", status=429, times=1, retry_after="seconds", retry_after_s=3)
    with ImageServer(faults=[fault]) as host:
        began_s = time.monotonic()
        refused = fetch(f"{host.base_url}/id/1/80/60", max_retry_wait_s=2)
        time.sleep(1.2)
        rows = fetch_all([f"{host.base_url}/id/1/{width}/60" for width in (80, 80, 80)], max_retry_wait_s=2)
        ended_s = time.monotonic()
    assert refused.status is DownloadStatus.RATE_LIMITED
    assert {(row.status.value, row.outcome.attempts) for row in rows} == {("ok", 1)}
    assert ended_s - began_s >= 3


def test_a_mix_of_all_faults_loses_no_row() -> None:
    """With every kind of fault at once on a fifth of 1,500 rows each row has one outcome, and what has no fault is ok."""
    with ImageServer(faults=every_fault(0.2)) as host:
        urls = [f"{host.base_url}/seed/{number}/60/40" for number in range(1_500)]
        rows = fetch_all(urls, **FAST, max_in_flight_per_task=128)
        faulty = sum(host.stats()["faults"].values())
    counts = Counter(row.status.value for row in rows)
    assert len(rows) == 1_500
    assert set(counts) <= {status for _, status, *_ in EXPECTED.values()}
    assert counts["ok"] >= 1_500 - faulty
    assert counts["ok"] < 1_500
