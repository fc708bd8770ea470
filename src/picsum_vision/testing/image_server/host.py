"""One host of the image server: counts, limits, delays and, where told to, spoils what it properly answers."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import math
import time
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from picsum_vision.testing.common import TokenBucket, is_number, is_whole, require
from picsum_vision.testing.image_server import fault_answers
from picsum_vision.testing.image_server.faults import FaultKind
from picsum_vision.testing.image_server.raw_answers import Reply, Sent, Wire, html_error, retry_after
from picsum_vision.testing.image_server.replies import METHOD_NOT_ALLOWED, Replies, json_reply
from picsum_vision.testing.image_server.routes import split_target

if TYPE_CHECKING:
    import random

    from aiohttp.web_protocol import RequestHandler

    from picsum_vision.testing.image_server.faults import Fault, FaultPlan
    from picsum_vision.testing.latency import Latency

_CONTROL_PREFIX: Final = "/-/"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateLimit:
    """At most `requests_per_second` on each host, `burst` of them at once (None: one second's worth).

    What is above is answered 429 with Retry-After, as a front server like nginx does.
    """

    requests_per_second: float
    burst: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, naming the setting, its value and what is allowed."""
        rate, burst = self.requests_per_second, self.burst
        require(is_number(rate, 0, 10**9) and rate > 0, "RateLimit: requests_per_second", rate, "a number above 0")
        require(burst is None or is_whole(burst, 1), "RateLimit: burst", burst, "None or a whole number from 1")

    def bucket(self) -> TokenBucket:
        """Return the full bucket of one host."""
        at_once = max(1, math.ceil(self.requests_per_second)) if self.burst is None else self.burst
        return TokenBucket(self.requests_per_second, at_once)


@dataclasses.dataclass
class Tally:
    """The figures of one host, or of both together; `bytes_sent` are bytes of bodies."""

    in_flight: int = 0
    peak_in_flight: int = 0
    requests: int = 0
    refused: int = 0
    bytes_sent: int = 0
    connections_opened: int = 0
    by_status: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)
    faults: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def anew(self) -> Tally:
        """Return one with nothing seen but the requests under way."""
        return Tally(in_flight=self.in_flight, peak_in_flight=self.in_flight)


class Conditions:
    """What both hosts share: the figures, the faults, the delays, the limit."""

    def __init__(self, plan: FaultPlan, latency: Latency, lot: random.Random, rate_limit: RateLimit | None) -> None:
        """Begin with nothing seen."""
        self.plan = plan
        self.latency = latency
        self.lot = lot
        self._rate_limit = rate_limit
        self.tallies = {"total": Tally(), "api": Tally(), "image": Tally()}
        self.clear()

    def clear(self) -> None:
        """Begin anew: nothing seen, no fault given, no limit used up."""
        self.tallies = {name: tally.anew() for name, tally in self.tallies.items()}
        self.plan.clear()
        limit = self._rate_limit
        self.buckets = {} if limit is None else {host: limit.bucket() for host in ("api", "image")}

    def of(self, host: str) -> tuple[Tally, Tally]:
        """Return the figures that an event on `host` is counted in."""
        return self.tallies["total"], self.tallies[host]

    def as_json(self) -> dict[str, Any]:
        """Tell all figures: of both hosts together, then `by_host`."""
        by_host = {host: vars(self.tallies[host]) for host in ("api", "image")}
        return {**vars(self.tallies["total"]), "by_host": by_host}


class ImageHost(web.Server):
    """Serves `replies` as the host `name` (`api` or `image`) under `conditions`."""

    def __init__(self, name: str, replies: Replies, conditions: Conditions, *, keep_alive_timeout_s: float) -> None:
        """Idle connections are closed after `keep_alive_timeout_s`."""
        super().__init__(self._handle, access_log=None, keepalive_timeout=keep_alive_timeout_s)
        self._name = name
        self._replies = replies
        self._conditions = conditions
        self._gone: dict[object, asyncio.Future[None]] = {}
        self._uncounted: set[object] = set()

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Note a new connection; it counts once a request comes on it."""
        super().connection_made(handler, transport)
        self._gone[handler] = asyncio.get_running_loop().create_future()
        self._uncounted.add(handler)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Tell whoever waits that the client has left."""
        super().connection_lost(handler, exc)
        self._uncounted.discard(handler)
        gone = self._gone.pop(handler, None)
        if gone is not None and not gone.done():
            gone.set_result(None)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        gone = self._gone.get(request.protocol)
        target = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
        if gone is None:
            return Sent(keep_alive=False)
        wire = Wire(request, gone)
        if self._name == "api" and target.startswith(_CONTROL_PREFIX):
            return await wire.answer(self._control(target))
        return await self._counted(wire, request, target)

    async def _counted(self, wire: Wire, request: web.BaseRequest, target: str) -> Sent:
        new_connection = request.protocol in self._uncounted
        self._uncounted.discard(request.protocol)
        for tally in self._conditions.of(self._name):
            tally.requests += 1
            tally.connections_opened += new_connection
            tally.in_flight += 1
            tally.peak_in_flight = max(tally.peak_in_flight, tally.in_flight)
        try:
            return await self._answer(wire, request, target)
        except ConnectionError:
            # The client left before it had everything: its affair, and no error of ours.
            return Sent(keep_alive=False)
        finally:
            for tally in self._conditions.of(self._name):
                tally.in_flight -= 1
                tally.bytes_sent += wire.body_bytes
                if wire.status is not None:
                    tally.by_status[wire.status] += 1

    async def _answer(self, wire: Wire, request: web.BaseRequest, target: str) -> Sent:
        bucket = self._conditions.buckets.get(self._name)
        wait_s = 0.0 if bucket is None else bucket.take(time.monotonic())
        if wait_s > 0:
            for tally in self._conditions.of(self._name):
                tally.refused += 1
            return await wire.answer(html_error(429, retry_after("seconds", wait_s)))
        delay_s = self._conditions.latency.sample_s(self._conditions.lot)
        if delay_s > 0:
            await wire.pause(delay_s)
        if request.method != "GET":
            return await wire.answer(METHOD_NOT_ALLOWED)
        fault = self._conditions.plan.choose(self._name, split_target(target)[0])
        if fault is not None:
            return await self._spoilt(wire, target, fault)
        return await wire.answer(await self._replies.reply(target))

    async def _spoilt(self, wire: Wire, target: str, fault: Fault) -> Sent:
        about_pictures = fault.kind in fault_answers.ABOUT_PICTURES
        picture = await self._replies.picture(target) if about_pictures else None
        proper = picture if picture is not None else await self._replies.reply(target)
        case = fault_answers.Case(wire=wire, fault=fault, target=target, proper=proper, is_picture=picture is not None)
        for tally in self._conditions.of(self._name):
            tally.faults[FaultKind(fault.kind).value] += 1
        return await fault_answers.give(case)

    def _control(self, target: str) -> Reply:
        path, _ = split_target(target)
        if path == "/-/stats":
            return json_reply(200, self._conditions.as_json())
        if path == "/-/reset":
            self._conditions.clear()
            return json_reply(200, {"reset": True})
        return json_reply(404, {"error": f"no control {path}; there are /-/stats and /-/reset"})
