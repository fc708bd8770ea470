"""One host of the image server: counts, limits, delays and, where told to, spoils what it properly answers."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import TYPE_CHECKING, Final

from aiohttp import web

from picsum_vision.testing.image_server import fault_answers
from picsum_vision.testing.image_server.faults import FaultKind
from picsum_vision.testing.image_server.raw_answers import Reply, Sent, Wire, html_error, retry_after
from picsum_vision.testing.image_server.replies import Replies, json_reply, method_not_allowed
from picsum_vision.testing.image_server.routes import split_target

if TYPE_CHECKING:
    import random

    from aiohttp.web_protocol import RequestHandler

    from picsum_vision.testing.image_server.faults import Fault, FaultPlan
    from picsum_vision.testing.image_server.host_limit import RateLimit, TokenBucket
    from picsum_vision.testing.image_server.statistics import Statistics
    from picsum_vision.testing.latency import Latency

CONTROL_PREFIX: Final = "/-/"
_OK: Final = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conditions:
    """What both hosts share: the figures, the faults, the delays, the limit."""

    statistics: Statistics
    plan: FaultPlan
    latency: Latency
    lot: random.Random
    rate_limit: RateLimit | None
    buckets: dict[str, TokenBucket]

    def clear(self) -> None:
        """Begin anew: nothing seen, no fault given, no limit used up."""
        self.statistics.clear()
        self.plan.clear()
        for bucket in self.buckets.values():
            bucket.refill()


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
        if self._name == "api" and target.startswith(CONTROL_PREFIX):
            return await wire.answer(self._control(target))
        return await self._counted(wire, request, target)

    async def _counted(self, wire: Wire, request: web.BaseRequest, target: str) -> Sent:
        figures, name = self._conditions.statistics, self._name
        path, _ = split_target(target)
        new_connection = request.protocol in self._uncounted
        self._uncounted.discard(request.protocol)
        figures.begin(name, new_connection=new_connection)
        try:
            return await self._answer(wire, request, target, path)
        except ConnectionError:
            # The client left before it had everything: its affair, and no error of ours.
            return Sent(keep_alive=False)
        finally:
            figures.end(name, wire.status, wire.body_bytes)

    async def _answer(self, wire: Wire, request: web.BaseRequest, target: str, path: str) -> Sent:
        refusal = self._over_limit()
        if refusal is not None:
            return await wire.answer(refusal)
        delay_s = self._conditions.latency.sample_s(self._conditions.lot)
        if delay_s > 0:
            await wire.pause(delay_s)
        if request.method != "GET":
            return await wire.answer(method_not_allowed(target))
        fault = self._conditions.plan.choose(self._name, path)
        if fault is not None:
            return await self._spoilt(wire, target, fault)
        return await wire.answer(await self._replies.reply(target))

    async def _spoilt(self, wire: Wire, target: str, fault: Fault) -> Sent:
        about_pictures = fault.kind in fault_answers.ABOUT_PICTURES
        picture = await self._replies.picture(target) if about_pictures else None
        proper = picture if picture is not None else await self._replies.reply(target)
        case = fault_answers.Case(wire=wire, fault=fault, target=target, proper=proper, is_picture=picture is not None)
        self._conditions.statistics.fault(self._name, FaultKind(fault.kind).value)
        return await fault_answers.give(case)

    def _over_limit(self) -> Reply | None:
        limit, bucket = self._conditions.rate_limit, self._conditions.buckets.get(self._name)
        if limit is None or bucket is None:
            return None
        wait_s = bucket.take(time.monotonic())
        if wait_s == 0:
            return None
        self._conditions.statistics.refused(self._name)
        return html_error(limit.status, retry_after(limit.retry_after, wait_s))

    def _control(self, target: str) -> Reply:
        path, _ = split_target(target)
        if path == "/-/stats":
            return json_reply(_OK, self._conditions.statistics.as_json())
        if path == "/-/reset":
            self._conditions.clear()
            return json_reply(_OK, {"reset": True})
        return json_reply(404, {"error": f"no control {path}; there are /-/stats and /-/reset"})
