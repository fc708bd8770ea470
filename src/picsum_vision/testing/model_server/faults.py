"""Which requests the embedded model server answers wrongly, and how."""

from __future__ import annotations

import collections
import dataclasses
import enum
import hashlib
from typing import TYPE_CHECKING, Final

from picsum_vision.testing.common import as_word, is_drawn, require
from picsum_vision.testing.model_server.limits import RetryAfter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FaultKind(str, enum.Enum):
    """What goes wrong. The first group is an HTTP error, the second a wrong answer, the third a broken delivery."""

    RATE_LIMITED = "rate_limited"  # 429, with `retry_after` and `retry_after_s`
    SERVER_ERROR = "server_error"  # 500
    UNAVAILABLE = "unavailable"  # 503
    UNAUTHORIZED = "unauthorized"  # 401
    CONTENT_FILTER_ERROR = "content_filter_error"  # 400, code content_filter
    HTML_ERROR = "html_error"  # 502 and a page
    DETAIL_ERROR = "detail_error"  # 500 and {"detail": ...}
    PLAIN_TEXT_ERROR = "plain_text_error"  # 503 and a sentence

    CONTENT_FILTER = "content_filter"  # 200, finish_reason content_filter
    EMPTY_TEXT = "empty_text"  # content ""
    NULL_TEXT = "null_text"  # content null
    LENGTH = "length"  # half of the answer, finish_reason length
    NO_USAGE = "no_usage"  # no usage
    SCHEMA_IGNORED = "schema_ignored"  # words although JSON was asked for
    CONTENT_PARTS = "content_parts"  # content as a list of parts

    HANG = "hang"  # no answer for `duration_s`, then the connection closes
    RESET = "reset"  # the connection is reset instead of an answer
    BROKEN_JSON = "broken_json"  # a complete body that is half of the JSON
    TRUNCATED = "truncated"  # half of the announced body, then the connection closes
    TRICKLE = "trickle"  # the right answer, in pieces over `duration_s`


ERROR_STATUS: Final[Mapping[FaultKind, int]] = {
    FaultKind.RATE_LIMITED: 429,
    FaultKind.SERVER_ERROR: 500,
    FaultKind.UNAVAILABLE: 503,
    FaultKind.UNAUTHORIZED: 401,
    FaultKind.CONTENT_FILTER_ERROR: 400,
    FaultKind.HTML_ERROR: 502,
    FaultKind.DETAIL_ERROR: 500,
    FaultKind.PLAIN_TEXT_ERROR: 503,
}
_DEFAULT_DURATION_S: Final = {FaultKind.HANG: 600.0, FaultKind.TRICKLE: 5.0}


@dataclasses.dataclass(frozen=True)
class ModelFault:
    """One way to go wrong, and for which requests.

    `kind` is a :class:`FaultKind` or its word. Of the requests that match and that no earlier fault took, `share` (0 to 1) is
    hit: drawn from the seed and the request's number, so that a retry is drawn anew. `times=N` hits a body N times at most; its
    share is drawn from the body. `prompt_contains` (any case) narrows the match. `retry_after` and `retry_after_s` say when to
    come again (by default only 429 does); `duration_s` is for "hang" and "trickle".
    """

    kind: FaultKind | str
    _: dataclasses.KW_ONLY
    share: float = 1.0
    times: int | None = None
    prompt_contains: str | None = None
    retry_after: RetryAfter | str | None = None
    retry_after_s: float = 1.0
    duration_s: float | None = None

    def __post_init__(self) -> None:
        """Check every field; :class:`SettingError` names the wrong one."""
        kind = as_word(FaultKind, self.kind, "kind")
        form = self.retry_after or (RetryAfter.SECONDS if kind is FaultKind.RATE_LIMITED else RetryAfter.SILENT)
        duration_s = _DEFAULT_DURATION_S.get(kind, 0.0) if self.duration_s is None else self.duration_s
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "retry_after", as_word(RetryAfter, form, "retry_after"))
        object.__setattr__(self, "duration_s", duration_s)
        require(0 <= self.share <= 1, "share", self.share, "from 0 to 1")
        require(self.times is None or self.times >= 1, "times", self.times, "at least 1")
        require(self.retry_after_s >= 0, "retry_after_s", self.retry_after_s, "at least 0")
        require(duration_s >= 0, "duration_s", duration_s, "at least 0")

    def matches(self, prompt: str) -> bool:
        """Say whether a request with this prompt can be hit."""
        return self.prompt_contains is None or self.prompt_contains.casefold() in prompt.casefold()


class FaultPlan:
    """Draws the fault of each request; the same seed and requests give the same faults."""

    def __init__(self, faults: Sequence[ModelFault], seed: int) -> None:
        """Start with request number 0; the first fault that hits wins."""
        self._faults = tuple(faults)
        self._seed = seed
        self._number = 0
        self._hits: collections.Counter[tuple[int, str]] = collections.Counter()

    def draw(self, prompt: str, body: bytes) -> ModelFault | None:
        """Return the fault of the next request, or None."""
        number = self._number
        self._number += 1
        if not self._faults:
            return None
        body_sha256 = hashlib.sha256(body).hexdigest()
        for index, fault in enumerate(self._faults):
            identity = str(number) if fault.times is None else body_sha256
            if fault.matches(prompt) and is_drawn(fault.share, f"{self._seed}/{index}/{identity}"):
                if fault.times is None:
                    return fault
                self._hits[index, body_sha256] += 1
                if self._hits[index, body_sha256] <= fault.times:
                    return fault
        return None
