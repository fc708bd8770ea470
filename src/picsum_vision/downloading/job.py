"""One URL's way from hop to hop and from attempt to attempt until it has an outcome."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import logging
import random
from typing import TYPE_CHECKING, Final

from picsum_vision.concurrency.deadline import Deadline
from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.downloading.body import BodyTooLarge, BodyTooSlow, read_body
from picsum_vision.downloading.opt_out import opted_out
from picsum_vision.downloading.target import Target, UnfitUrl, parse_target
from picsum_vision.images.facts import BadImage
from picsum_vision.images.inspection import inspect_image
from picsum_vision.outcomes import HTTP_CAN_CHANGE, DownloadOutcome, DownloadStatus
from picsum_vision.transport.address_guard import BlockedAddress
from picsum_vision.transport.failures import MESSAGES, TransportFailure, translate
from picsum_vision.transport.retry_after import retry_after_s
from picsum_vision.urls import without_secrets

if TYPE_CHECKING:
    import aiohttp

    from picsum_vision.downloading.downloader import Downloader

DOWNLOAD_POOL: Final = "download"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OVERLOADED: Final = frozenset({429, 503})
_MAY_CHANGE: Final = frozenset(HTTP_CAN_CHANGE)
_MAY_CHANGE_FAILURES: Final = frozenset(
    {TransportFailure.CONNECT, TransportFailure.TIMEOUT, TransportFailure.BROKEN_OFF}
)
_OFF_LOOP_FROM_BYTES: Final = 1_000_000
_SKIPPED_BODY_BYTES: Final = 65_536
_log = logging.getLogger(__name__)


class DownloadJob:
    """One row's download. Each step is one request to one host; `data` and `outcome` are there once `turn` is None."""

    __slots__ = (
        "_attempts", "_downloader", "_first", "_hops", "_left_s", "_loop_seen", "_started_s", "_target", "_waited_s",
        "data", "held_bytes", "number", "outcome", "turn",
    )  # fmt: skip

    def __init__(self, downloader: Downloader, number: int, url: str | None) -> None:
        """Take the URL of row `number`; one that cannot be requested has its outcome at once."""
        self._downloader = downloader
        self.number = number
        self.data: bytes | None = None
        self.held_bytes = 0
        self.outcome: DownloadOutcome | None = None
        self._attempts = self._hops = 0
        self._waited_s = 0.0
        self._started_s: float | None = None
        self.turn: Turn | None = None
        try:
            self._first = self._target = parse_target(url)
        except UnfitUrl as unfit:
            self._settle(DownloadStatus.INVALID_URL, message=str(unfit))
            return
        self._begin_attempt(delay_s=0.0)

    async def step(self) -> Feedback:
        """Send one request, and settle what follows from its answer."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        if self._started_s is None:
            self._started_s = began_s
        if self._hops == 0:
            self._attempts += 1
        deadline = Deadline(self._left_s)
        try:
            if self._target.names_private_address and not self._downloader.options.allow_private_addresses:
                raise BlockedAddress  # noqa: TRY301 - the same end as for a name with such an address
            async with deadline:
                return await self._request(deadline)
        except BlockedAddress:
            self._settle(DownloadStatus.BLOCKED_ADDRESS, message="the host's address is not public (allow_private_addresses)")
        except Exception as error:  # noqa: BLE001 - the row's outcome says it; a bad row must never fail the task
            return self._fail(error)
        finally:
            self._left_s -= loop.time() - began_s
        return NOTHING_LEARNT

    async def _request(self, deadline: Deadline) -> Feedback:
        sent_s = asyncio.get_running_loop().time()
        async with self._downloader.session.get(self._target.url, allow_redirects=False) as answer:
            latency_s = asyncio.get_running_loop().time() - sent_s
            if answer.status in _REDIRECTS and "Location" in answer.headers:
                await _skip_body(answer)
                self._follow(answer.headers["Location"])
            elif 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own range
                await self._read(answer, deadline)
            else:
                await _skip_body(answer)
                return self._refused(answer, latency_s)
        return Feedback(latency_s=latency_s)

    def _follow(self, location: str) -> None:
        self._hops += 1
        if self._hops > self._downloader.options.max_redirects:
            self._settle(DownloadStatus.REDIRECT_LOOP, message=f"more than {self._hops - 1} redirects")
            return
        try:
            self._target = parse_target(location, base=self._target.url)
        except UnfitUrl as unfit:
            self._settle(DownloadStatus.INVALID_URL, message=f"redirected: {unfit}")
            return
        self.turn = Turn(Lane(DOWNLOAD_POOL, self._target.host))

    def _refused(self, answer: aiohttp.ClientResponse, latency_s: float) -> Feedback:
        overloaded = answer.status in _OVERLOADED
        asked_s = retry_after_s(answer.headers, dt.datetime.now(dt.timezone.utc)) if overloaded else None
        if answer.status in _MAY_CHANGE and self._try_again(asked_s):
            pass
        elif overloaded:
            self._settle(DownloadStatus.RATE_LIMITED, http_status=answer.status, message="the host kept refusing for load")
        else:
            self._settle(DownloadStatus.HTTP_ERROR, http_status=answer.status, message=f"the host answered {answer.status}")
        return Feedback(overloaded=overloaded, latency_s=latency_s, pause_s=asked_s or 0.0)

    async def _read(self, answer: aiohttp.ClientResponse, deadline: Deadline) -> None:
        options = self._downloader.options
        if options.respect_opt_out and opted_out(answer.headers.getall("X-Robots-Tag", ())):
            self._settle(DownloadStatus.OPTED_OUT, http_status=answer.status, message="the host's X-Robots-Tag forbids it")
            answer.close()
            return
        try:
            await read_body(answer, self, self._downloader.budget, options, deadline)
        except BodyTooLarge:
            self._settle(DownloadStatus.TOO_LARGE, http_status=answer.status, message=f"more than {options.max_bytes} bytes")
        except BodyTooSlow:
            self._settle(
                DownloadStatus.TOO_SLOW, http_status=answer.status, message=f"fewer than {options.min_bytes_per_second} bytes/s"
            )
        else:
            await self._inspect(answer.status)

    async def _inspect(self, http_status: int) -> None:
        data, options = self.data or b"", self._downloader.options

        def look() -> tuple[str, DownloadStatus | None, str, int | None, int | None, str | None]:
            digest = hashlib.sha256(data).hexdigest()
            try:
                facts = inspect_image(data, verify=options.verify, max_pixels=options.max_pixels)
            except BadImage as bad:
                return digest, bad.status, bad.message, None, None, None
            return digest, None, "", facts.width, facts.height, facts.content_type

        off_loop = options.verify == "decode" or len(data) >= _OFF_LOOP_FROM_BYTES
        found = await asyncio.get_running_loop().run_in_executor(self._downloader.cpu, look) if off_loop else look()
        digest, bad_status, message, width, height, content_type = found
        size = len(data)
        if bad_status is not None:
            self._settle(bad_status, http_status=http_status, message=message)
        else:
            self._settle(DownloadStatus.OK, http_status=http_status)
        assert self.outcome is not None  # noqa: S101 - settled on the line before
        self.outcome.bytes, self.outcome.sha256 = size, digest if size else None
        self.outcome.width, self.outcome.height, self.outcome.content_type = width, height, content_type

    def _fail(self, error: Exception) -> Feedback:
        failure = translate(error)
        if failure is None:
            _log.warning("unexpected %s for %s", type(error).__name__, without_secrets(str(self._target.url)), exc_info=error)
            self._settle(DownloadStatus.INTERNAL, message=f"unexpected {type(error).__name__}")
            return NOTHING_LEARNT
        if failure not in _MAY_CHANGE_FAILURES or not self._try_again(None):
            self._settle(_STATUS_OF_FAILURE[failure], message=MESSAGES[failure])
        return Feedback(overloaded=failure is TransportFailure.CONNECT)

    def _try_again(self, asked_s: float | None) -> bool:
        delay_s = self._downloader.retry.delay_s(
            attempts=self._attempts, waited_s=self._waited_s, asked_s=asked_s, rng=self._downloader.rng
        )
        if delay_s is None:
            return False
        self._waited_s += delay_s
        self.drop_bytes()
        self._begin_attempt(delay_s)
        return True

    def _begin_attempt(self, delay_s: float) -> None:
        self._target, self._hops = self._first, 0
        self._left_s = self._downloader.options.total_timeout_s
        self.turn = Turn(Lane(DOWNLOAD_POOL, self._target.host), delay_s)

    def _settle(self, status: DownloadStatus, *, http_status: int | None = None, message: str | None = None) -> None:
        now_s = asyncio.get_running_loop().time() if self._started_s is not None else 0.0
        self.turn = None
        if status is not DownloadStatus.OK:
            self.drop_bytes()
        self.outcome = DownloadOutcome(
            status=status,
            http_status=http_status,
            attempts=self._attempts,
            elapsed_ms=round(1000 * (now_s - (self._started_s or now_s))),
            final_url=without_secrets(str(self._target.url)) if self._attempts else None,
            message=message,
            finished_at=dt.datetime.now(dt.timezone.utc),
        )

    def drop_bytes(self) -> None:
        """Let go of the image, as of one that nobody needs any more."""
        self.data = None
        if self.held_bytes:
            self._downloader.budget.give_back(self.number, self.held_bytes)
            self.held_bytes = 0


_STATUS_OF_FAILURE: Final = {
    TransportFailure.DNS: DownloadStatus.DNS,
    TransportFailure.CONNECT: DownloadStatus.CONNECT,
    TransportFailure.TLS: DownloadStatus.TLS,
    TransportFailure.TIMEOUT: DownloadStatus.TIMEOUT,
    TransportFailure.BROKEN_OFF: DownloadStatus.TRUNCATED,
    TransportFailure.BAD_ANSWER: DownloadStatus.CONNECT,
    TransportFailure.INVALID_URL: DownloadStatus.INVALID_URL,
}


async def _skip_body(answer: aiohttp.ClientResponse) -> None:
    """Read a short body that nobody wants, so that its connection can serve again; a long one costs the connection."""
    if (answer.content_length or 0) <= _SKIPPED_BODY_BYTES and "chunked" not in answer.headers.get("Transfer-Encoding", ""):
        await answer.read()
    else:
        answer.close()
