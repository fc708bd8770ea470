"""What holds for any list of URLs and faults, on the real engine against a real host."""

# ruff: noqa: D102 - helpers of tests say by their names what they are

from __future__ import annotations

import dataclasses
import gzip
import io
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import fetching
import pytest
from fetching import fetch_all, forgetting_hosts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from raw_host import CLOSE, KEEP, Answer, RawHost, http, raw_host, sends

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.transport.client import HttpClient

MAX_BYTES = 150_000
WINDOW_BYTES = 1_000_000
QUICK: dict[str, Any] = {
    "total_timeout_s": 0.4,
    "max_attempts": 3,
    "max_redirects": 3,
    "max_bytes": MAX_BYTES,
    "max_retry_wait_s": 30,
}


def _picture(side_px: int) -> bytes:
    """Return a picture that cannot be compressed: about three bytes a pixel."""
    out = io.BytesIO()
    pixels = random.Random(side_px).randbytes(3 * side_px * side_px)
    Image.frombytes("RGB", (side_px, side_px), pixels).save(out, "PNG")
    return out.getvalue()


SMALL, LARGE, TOO_LARGE = _picture(8), _picture(200), _picture(240)


@dataclasses.dataclass(frozen=True)
class Row:
    """A URL's fate: what its host does, the word that it ends in, and the requests that it takes at the most."""

    kind: str
    number: int = 0
    asked_s: float = 0.0

    @property
    def status(self) -> str:
        return {
            "null": "invalid_url", "nonsense": "invalid_url", "missing": "http_error", "cut": "truncated", "reset": "connect",
            "hangs": "timeout", "too large": "too_large", "grows too large": "too_large", "bomb": "too_large",
            "loop": "redirect_loop", "text": "not_an_image", "nothing": "empty",
        }.get(self.kind, "ok")  # fmt: skip

    @property
    def attempts(self) -> int:
        if self.kind in ("null", "nonsense"):
            return 0
        if self.kind in ("cut", "reset", "hangs"):
            return 3
        return 1 + self.number if self.kind == "refused" else 1


class Host:
    """Serves each row at a path of its own, and notes what comes before it was asked for."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Give each row its answer."""
        self.too_early: list[str] = []
        self.answers: dict[str, Answer] = {}
        for place, row in enumerate(rows):
            self.answers[f"/{place}"] = self._answer(place, row)
            self.answers[f"/{place}/picture"] = sends(http(f"HTTP/1.1 200 OK\nContent-Length: {len(LARGE)}", LARGE))

    def _answer(self, place: int, row: Row) -> Answer:
        whole = http(f"HTTP/1.1 200 OK\nContent-Length: {len(LARGE)}", LARGE)
        packed = gzip.compress(bytes(3_000_000))
        plain: dict[str, Answer] = {
            "small": sends(http(f"HTTP/1.1 200 OK\nContent-Length: {len(SMALL)}", SMALL)),
            "large": sends(whole),
            "large, not announced": sends(http("HTTP/1.1 200 OK", LARGE), then=CLOSE),
            "moved": sends(http(f"HTTP/1.1 302 Found\nContent-Length: 0\nLocation: /{place}/picture")),
            "missing": sends(http("HTTP/1.1 404 Not Found\nContent-Length: 0")),
            "cut": sends(whole[:-1_000], then=CLOSE),
            "reset": sends(b"", then=CLOSE),
            "hangs": lambda connection: bool(connection.recv(1)),
            "too large": sends(http(f"HTTP/1.1 200 OK\nContent-Length: {len(TOO_LARGE)}", TOO_LARGE)),
            "grows too large": sends(http("HTTP/1.1 200 OK", TOO_LARGE), then=CLOSE),
            "bomb": sends(http(f"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: {len(packed)}", packed)),
            "loop": sends(http(f"HTTP/1.1 302 Found\nContent-Length: 0\nLocation: /{place}")),
            "text": sends(http("HTTP/1.1 200 OK\nContent-Length: 4", b"text")),
            "nothing": sends(http("HTTP/1.1 200 OK\nContent-Length: 0")),
        }
        return plain[row.kind] if row.kind in plain else self._refusing(place, row)

    def _refusing(self, place: int, row: Row) -> Answer:
        """Refuse the first few requests, each for a time."""
        asked_until_s: list[float] = []

        def answer(connection: Any) -> bool:
            if asked_until_s and time.monotonic() < asked_until_s[-1]:
                self.too_early.append(f"/{place}")
            if len(asked_until_s) < row.number:
                asked_until_s.append(time.monotonic() + row.asked_s)
                head = f"HTTP/1.1 503 Service Unavailable\nContent-Length: 0\nRetry-After: {row.asked_s}"
                connection.sendall(http(head))
            else:
                connection.sendall(http(f"HTTP/1.1 200 OK\nContent-Length: {len(SMALL)}", SMALL))
            return KEEP

        return answer

    @staticmethod
    def url(host: RawHost, place: int, row: Row) -> str | None:
        return {"null": None, "nonsense": "http://[::1"}.get(row.kind, f"{host.base_url}/{place}")


class WatchedBudget(ByteBudget):
    """Notes the most that was ever held."""

    most = 0

    def take_now(self, owner: int, number: int) -> bool:
        taken = super().take_now(owner, number)
        WatchedBudget.most = max(WatchedBudget.most, self.held)
        return taken


class Watch:
    """Counts the requests that the engine has open, and those that it sends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand between the engine and its HTTP client."""
        self.open = self.most = 0
        get = HttpClient.get

        async def watched(client: HttpClient, *args: Any) -> Any:
            self.open += 1
            self.most = max(self.most, self.open)
            try:
                return await get(client, *args)
            finally:
                self.open -= 1

        monkeypatch.setattr(HttpClient, "get", watched)


kinds = st.sampled_from([
    "null", "nonsense", "small", "large", "large", "large, not announced", "moved", "missing", "cut", "reset", "too large",
    "grows too large", "bomb", "loop", "text", "nothing",
])  # fmt: skip
refused = st.builds(Row, kind=st.just("refused"), number=st.integers(1, 2), asked_s=st.sampled_from([0.05, 0.2]))
rows_of_any_kind = st.lists(st.builds(Row, kind=kinds) | refused, max_size=30)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Watch the engine, and forget the host afterwards."""
    monkeypatch.setattr(fetching, "ByteBudget", WatchedBudget)
    # The waits between attempts are not what is tried here.
    monkeypatch.setattr("picsum_vision.concurrency.retry._FIRST_DELAY_S", 0.02)
    with forgetting_hosts():
        yield Watch(monkeypatch)


def check(rows: Sequence[Row], watch: Watch, in_flight: int, window_bytes: int) -> None:
    watch.most = WatchedBudget.most = 0
    host = Host(rows)
    with forgetting_hosts(), raw_host(host.answers) as raw:
        urls = [host.url(raw, place, row) for place, row in enumerate(rows)]
        found = fetch_all(urls, **QUICK, max_in_flight_per_task=in_flight, window_bytes_per_task=window_bytes)
    assert [one.status.value for one in found] == [row.status for row in rows]
    assert [one.outcome.attempts for one in found] == [row.attempts for row in rows]
    assert all((one.data is not None) == (row.status == "ok") for one, row in zip(found, rows, strict=True))
    assert host.too_early == []
    assert watch.most <= in_flight
    assert watch.open == 0
    assert WatchedBudget.most <= window_bytes + MAX_BYTES


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows_of_any_kind, in_flight=st.integers(1, 8))
def test_any_rows(watch: Watch, rows: list[Row], in_flight: int) -> None:
    """Each row has its one outcome and attempts; in-flight, bytes held and Retry-After are kept to, whatever the rows."""
    check(rows, watch, in_flight, WINDOW_BYTES)


def test_a_row_for_every_fate(watch: Watch) -> None:
    """The same with every fate at once, those that take time too, three times over and in a window of a few pictures."""
    slow = [Row("hangs"), Row("hangs"), Row("refused", 1, 0.3), Row("refused", 2, 0.3)]
    others = [Row(kind) for kind in (
        "null", "nonsense", "small", "large", "large, not announced", "moved", "missing", "cut", "reset", "too large",
        "grows too large", "bomb", "loop", "text", "nothing",
    )]  # fmt: skip
    check([*others * 3, *[Row("large")] * 40, *slow], watch, 16, WINDOW_BYTES)
