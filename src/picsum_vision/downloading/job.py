"""One URL's way from hop to hop and from attempt to attempt until it has an outcome."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from typing import TYPE_CHECKING, Final

from picsum_vision.concurrency.byte_budget import NoRoom
from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.downloading.body import BodyTooSlow, ImageSink, OptedOut
from picsum_vision.downloading.inspection import CHECK_LANE, Findings, examine, is_costly
from picsum_vision.downloading.target import UnfitUrl, parse_target
from picsum_vision.images.signatures import recognise
from picsum_vision.outcomes import HTTP_CAN_CHANGE, DownloadOutcome, DownloadStatus
from picsum_vision.redaction import redact_traceback, redact_url
from picsum_vision.transport.address_guard import BlockedAddress
from picsum_vision.transport.failures import MESSAGES, BadAnswer, BrokenOff, CurlError, TransportFailure, translate
from picsum_vision.transport.head import Head
from picsum_vision.transport.inflate import unknown_coding
from picsum_vision.transport.retry_after import retry_after_s

if TYPE_CHECKING:
    from picsum_vision.downloading.downloader import Downloader

DOWNLOAD_POOL: Final = "download"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OVERLOADED: Final = frozenset({429, 503})
_MAY_CHANGE: Final = frozenset(HTTP_CAN_CHANGE)
_MAY_CHANGE_FAILURES: Final = frozenset(
    {TransportFailure.CONNECT, TransportFailure.TIMEOUT, TransportFailure.BROKEN_OFF, TransportFailure.DNS_FOR_NOW}
)
_LOAD_FAILURES: Final = frozenset({TransportFailure.CONNECT, TransportFailure.TIMEOUT, TransportFailure.BROKEN_OFF})
_ENDS_OF_A_BODY: Final = (CurlError, BrokenOff, BadAnswer, DeadlinePassed)
_NO_ROOM_DELAY_S: Final = 0.1
_log = logging.getLogger(__name__)


class DownloadJob:
    """One row's download. Each step is one request to one host; `data` and `outcome` are there once `turn` is None."""

    __slots__ = (
        "_attempt_is_new", "_attempts", "_downloader", "_first", "_hops", "_http_status", "_left_s", "_started_s",
        "_target", "_waited_s", "data", "held_bytes", "number", "outcome", "turn",
    )  # fmt: skip

    def __init__(self, downloader: Downloader, number: int, url: str | bytes | None) -> None:
        """Take the URL of row `number`; one that cannot be requested, as bytes that are no text, has its outcome at once."""
        self._downloader = downloader
        self.number = number
        self.data: bytes | None = None
        self.held_bytes = 0
        self.outcome: DownloadOutcome | None = None
        self._attempts = self._hops = 0
        self._waited_s = 0.0
        self._left_s = 0.0
        self._attempt_is_new = False
        self._started_s: float | None = None
        self._http_status: int | None = None
        self.turn: Turn | None = None
        if isinstance(url, bytes):
            self._settle(DownloadStatus.INVALID_URL, message="the URL is not UTF-8")
            return
        try:
            self._first = self._target = parse_target(url)
        except UnfitUrl as unfit:
            self._settle(DownloadStatus.INVALID_URL, message=str(unfit))
            return
        self._begin_attempt(delay_s=0.0)

    async def step(self) -> Feedback:
        """Send one request, or check what it brought, and settle what follows."""
        if self._started_s is None:
            self._started_s = time.monotonic()
        if self.data is not None:
            self._note(await asyncio.get_running_loop().run_in_executor(self._downloader.cpu, self._examine))
            return NOTHING_LEARNT
        silence_s = self._downloader.silences.left_s(self._target.host.name)
        if silence_s > 0:
            self._keep_silent(silence_s)
            return NOTHING_LEARNT
        self._attempts += self._attempt_is_new
        self._attempt_is_new = False
        self._http_status = None
        try:
            return await self._request()
        except BlockedAddress:
            self._settle(DownloadStatus.BLOCKED_ADDRESS, message="the host's address is not public (allow_private_addresses)")
        except OptedOut:
            self._settle(DownloadStatus.OPTED_OUT, message="the host's X-Robots-Tag forbids it")
        except BodyTooSlow:
            slowest = self._downloader.options.min_bytes_per_second
            self._settle(DownloadStatus.TOO_SLOW, message=f"fewer than {slowest} bytes/s (min_bytes_per_second)")
        except NoRoom:
            self._come_back()
        except Exception as error:  # noqa: BLE001 - the row's outcome says it; a bad row must never fail the task
            return self._fail(error)
        return NOTHING_LEARNT

    async def _request(self) -> Feedback:
        downloader, target = self._downloader, self._target
        if target.host.names_private_address and not downloader.options.allow_private_addresses:
            raise BlockedAddress
        sink = ImageSink(self, downloader.budget, downloader.options)
        sent_s = time.monotonic()
        try:
            headers = downloader.headers if target.host == self._first.host else downloader.headers_elsewhere
            exchange = await downloader.client.get(target.request, headers, sink, self._left_s)
            latency_s, self._left_s = exchange.latency_s, exchange.left_s(downloader.client.time_s())
        except _ENDS_OF_A_BODY:
            if not sink.is_answered:
                raise
            latency_s, self._left_s = None, self._left_s - (time.monotonic() - sent_s)
        finally:
            # The head's status is of interest also where what follows it fails.
            self._http_status = None if sink.came is None else sink.came.status
        answer = sink.came
        assert answer is not None  # noqa: S101 - there is no exchange without it that ends well
        if self.data is not None:
            self._check(unknown_coding(answer))
        elif answer.status in _REDIRECTS and (location := answer.first(b"location")) is not None:
            self._follow(location)
        else:
            return self._refused(answer, latency_s)
        return Feedback(latency_s=latency_s)

    def _check(self, coding: str | None) -> None:
        # Storage and proxies write all kinds of words there (aws-chunked, utf-8, none) over bytes that are plain.
        if coding is not None and self.data and recognise(self.data) is None:
            self._note(
                Findings(DownloadStatus.NOT_AN_IMAGE, f"it comes in the coding {coding[:40]!r}, which was not asked for", None)
            )
        elif is_costly(self.data or b"", self._downloader.options.verify):
            self.turn = Turn(CHECK_LANE)
        else:
            self._note(self._examine())

    def _follow(self, location: str) -> None:
        self._hops += 1
        if self._hops > self._downloader.options.max_redirects:
            self._settle(DownloadStatus.REDIRECT_LOOP, message=f"more than {self._hops - 1} redirects")
            return
        try:
            self._target = parse_target(location, base=self._target.text)
        except UnfitUrl as unfit:
            self._settle(DownloadStatus.INVALID_URL, message=f"redirected to what cannot be fetched: {unfit}")
            return
        self.turn = Turn(Lane(DOWNLOAD_POOL, self._target.host.name))

    def _refused(self, answer: Head, latency_s: float | None) -> Feedback:
        limited = answer.status in _OVERLOADED
        asked_s = _asked_s(answer, limited=limited)
        # Any other answer speaks of this row alone.
        silence_s = (asked_s or 0.0) if limited else 0.0
        pause_s = self._downloader.silences.waited_for_s(
            self._target.host.name, silence_s, self._downloader.options.max_retry_wait_s
        )
        if answer.status in _MAY_CHANGE and self._try_again(asked_s):
            pass
        elif limited:
            self._settle(DownloadStatus.RATE_LIMITED, message=f"the host kept refusing for load ({answer.status})")
        else:
            self._settle(DownloadStatus.HTTP_ERROR, message=f"the host answered {answer.status}")
        return Feedback(overloaded=limited, refused=limited, latency_s=latency_s, pause_s=pause_s)

    def _examine(self) -> Findings:
        options = self._downloader.options
        return examine(self.data or b"", verify=options.verify, max_pixels=options.max_pixels)

    def _note(self, found: Findings) -> None:
        size = len(self.data or b"")
        self._settle(found.status, message=found.message)
        assert self.outcome is not None  # noqa: S101 - settled on the line before
        self.outcome.bytes, self.outcome.sha256, self.outcome.content_type = size, found.sha256, found.content_type
        self.outcome.width, self.outcome.height = found.width, found.height

    def _fail(self, error: Exception) -> Feedback:
        failure = translate(error)
        if failure is None:
            _log.warning("unexpected error for %s: %s", redact_url(self._target.text), redact_traceback(error))
            self._settle(DownloadStatus.INTERNAL, message=f"unexpected {type(error).__name__}")
            return NOTHING_LEARNT
        if failure is TransportFailure.TOO_LARGE:
            self._settle(DownloadStatus.TOO_LARGE, message=f"more than {self._downloader.options.max_bytes} bytes (max_bytes)")
            return NOTHING_LEARNT
        if failure not in _MAY_CHANGE_FAILURES or not self._try_again(None):
            self._settle(_STATUS_OF_FAILURE[failure], message=MESSAGES[failure])
        return Feedback(overloaded=failure in _LOAD_FAILURES)

    def _keep_silent(self, silence_s: float) -> None:
        """Wait for the end of a silence that the host has asked for, if that is near enough."""
        if self._waited_s + silence_s > self._downloader.options.max_retry_wait_s:
            self._settle(DownloadStatus.RATE_LIMITED, message="the host has asked for a silence longer than max_retry_wait_s")
            return
        self._waited_s += silence_s
        self.turn = Turn(Lane(DOWNLOAD_POOL, self._target.host.name), silence_s, opens=self._attempt_is_new)

    def _come_back(self) -> None:
        """Send the same request again, in the same attempt, when there may be room for its bytes."""
        self.drop_bytes()
        self.turn = Turn(Lane(DOWNLOAD_POOL, self._target.host.name), _NO_ROOM_DELAY_S)

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
        self._attempt_is_new = True
        self.turn = Turn(Lane(DOWNLOAD_POOL, self._target.host.name), delay_s, opens=True)

    def _settle(self, status: DownloadStatus, *, message: str | None = None) -> None:
        self.turn = None
        if status is not DownloadStatus.OK:
            self.drop_bytes()
        self.outcome = DownloadOutcome(
            status=status,
            http_status=self._http_status,
            attempts=self._attempts,
            elapsed_ms=0 if self._started_s is None else round(1000 * (time.monotonic() - self._started_s)),
            final_url=redact_url(self._target.text) if self._attempts else None,
            message=message,
            finished_at=dt.datetime.now(dt.timezone.utc),
        )

    def let_go(self) -> int:
        """Let go of the image, and return how many bytes of the budget it held."""
        self.data = None
        held, self.held_bytes = self.held_bytes, 0
        return held

    def drop_bytes(self) -> None:
        """Let go of the image, as of one that nobody needs any more, and give its bytes back."""
        held = self.let_go()
        if held:
            self._downloader.budget.give_back(self.number, held)


def _asked_s(answer: Head, *, limited: bool) -> float | None:
    """Return the seconds after which the host wants to be asked again; what it tells of its limits counts where they are met."""
    told = answer.mapping() if limited else {"retry-after": ", ".join(answer.every(b"retry-after"))}
    return retry_after_s(told, dt.datetime.now(dt.timezone.utc))


_STATUS_OF_FAILURE: Final = {
    TransportFailure.DNS: DownloadStatus.DNS,
    TransportFailure.DNS_FOR_NOW: DownloadStatus.DNS,
    TransportFailure.CONNECT: DownloadStatus.CONNECT,
    TransportFailure.TLS: DownloadStatus.TLS,
    TransportFailure.TIMEOUT: DownloadStatus.TIMEOUT,
    TransportFailure.BROKEN_OFF: DownloadStatus.TRUNCATED,
    TransportFailure.BAD_ANSWER: DownloadStatus.CONNECT,
    TransportFailure.INVALID_URL: DownloadStatus.INVALID_URL,
}
