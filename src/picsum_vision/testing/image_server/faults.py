"""The faults that the image server can be told to have: what goes wrong, for which requests, how often."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from picsum_vision.errors import SettingError
from picsum_vision.testing.common import as_word, is_drawn, is_number, is_whole, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FaultHost = Literal["api", "image"]
RetryAfter = Literal["seconds", "date"]


class FaultKind(str, enum.Enum):
    """What goes wrong. In brackets the settings of :class:`Fault` that it reads."""

    STATUS = "status"  # an HTTP error with an HTML page, as nginx in front answers [status, retry_after, retry_after_s]
    HANG_BEFORE_HEADERS = "hang_before_headers"  # silence [delay_s, None: for ever]
    HANG_AFTER_HEADERS = "hang_after_headers"  # headers, then silence [delay_s, None: for ever]
    STRAGGLER = "straggler"  # the right answer, late [delay_s, None: 8]
    TRICKLE = "trickle"  # the right picture, slowly [bytes_per_second]
    ENDLESS = "endless"  # a chunked body that never ends
    CUT_OFF = "cut_off"  # the connection is closed half way through the body
    CONTENT_LENGTH_TOO_LONG = "content_length_too_long"  # more is announced than comes; then the connection is closed
    CONTENT_LENGTH_TOO_SHORT = "content_length_too_short"  # more comes than is announced; the connection stays open
    TEXT_AS_IMAGE = "text_as_image"  # text under Content-Type image/jpeg
    HTML = "html"  # a web page with status 200
    EMPTY = "empty"  # status 200, image/jpeg and no byte
    BOMB = "bomb"  # a PNG of some 100 kB that really holds side_px x side_px pixels [side_px]
    REDIRECT_LOOP = "redirect_loop"  # a redirect to itself
    REDIRECT_PRIVATE = "redirect_private"  # to an address in a private network [location]
    REDIRECT_METADATA = "redirect_metadata"  # to a cloud's metadata service [location]
    REDIRECT_SCHEME = "redirect_scheme"  # to what is no web address [location]
    RESET = "reset"  # a TCP reset instead of an answer
    ROBOTS = "robots"  # the right picture with an X-Robots-Tag header [robots]
    OVERSIZE = "oversize"  # a right JPEG padded to size_bytes [size_bytes]
    TRUNCATED_JPEG = "truncated_jpeg"  # half a JPEG with a Content-Length to match
    ANIMATED_GIF = "animated_gif"
    CMYK_JPEG = "cmyk_jpeg"
    ROTATED_JPEG = "rotated_jpeg"  # EXIF says: turn it by 90 degrees
    PNG_16_BIT = "png_16_bit"
    WEBP = "webp"  # whatever suffix was asked for


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault and the requests that get it: those on `host` whose path fits `path`, of these a `share`.

    `path` is a regular expression that is matched from the start of the (decoded) path, so a plain beginning like `/id/7/` will
    do; None: every path. `share` (0..1) picks *paths*, always the same ones for the same seed of the server. With `times`, only
    the first so many requests for each path get the fault: a retry then succeeds. Of several faults the first that fits wins.

    `host` is where it happens. `api` (the default) is the first hop, whose paths are those of the URLs asked for; a fault that
    is about pictures is then answered there, without the redirect. `image` is the second hop, with paths like
    `/id/7/800/600.jpg`.
    """

    kind: FaultKind | str
    path: str | None = None
    share: float = 1.0
    times: int | None = None
    host: FaultHost = "api"
    status: int = 503
    retry_after: RetryAfter | None = None
    retry_after_s: int = 1
    delay_s: float | None = None
    bytes_per_second: int = 100
    size_bytes: int = 30_000_000
    side_px: int = 30_000
    location: str | None = None
    robots: str = "noai"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, naming the setting, its value and what is allowed."""
        object.__setattr__(self, "kind", as_word(FaultKind, self.kind, "Fault: kind"))
        for name, (fits, allowed) in _ALLOWED.items():
            require(fits(getattr(self, name)), f"Fault: {name}", getattr(self, name), allowed)
        try:
            re.compile(self.path or "")
        except (re.error, TypeError) as error:
            raise SettingError(f"Fault: path is {self.path!r}; allowed is a regular expression ({error})") from None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `KIND[,SETTING=VALUE...]`, as in `status,status=429,share=0.05,times=1,retry_after=seconds`.

        A path with a comma in it cannot be written so.
        """
        kind, *settings = text.split(",")
        values: dict[str, Any] = {}
        names = sorted(field.name for field in dataclasses.fields(cls) if field.name != "kind")
        for setting in settings:
            name, mark, value = (part.strip() for part in setting.partition("="))
            if not mark or name not in names:
                raise SettingError(f"fault {text!r}: {setting!r} is not SETTING=VALUE with one of {', '.join(names)}")
            values[name] = _read(value)
        return cls(kind=kind.strip(), **values)


def _read(written: str) -> Any:
    """Return the number that is written, else the text as it stands."""
    try:
        return json.loads(written)
    except ValueError:
        return written


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


_ALLOWED: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "share": (lambda v: is_number(v, 0, 1), "a number from 0 to 1"),
    "times": (lambda v: v is None or is_whole(v, 1, 10**9), "None or a whole number from 1"),
    "host": (lambda v: v in get_args(FaultHost), "api or image"),
    "status": (lambda v: is_whole(v, 200, 599), "an HTTP status from 200 to 599"),
    "retry_after": (lambda v: v is None or v in get_args(RetryAfter), "None, seconds or date"),
    "retry_after_s": (lambda v: is_whole(v, 0, 10**9), "a whole number of seconds from 0"),
    "delay_s": (lambda v: v is None or is_number(v, 0, 10**9), "None or a number of seconds from 0"),
    "bytes_per_second": (lambda v: is_whole(v, 1, 10**9), "a whole number from 1"),
    "size_bytes": (lambda v: is_whole(v, 1, 2 * 10**9), "a whole number of bytes from 1 to 2000000000"),
    "side_px": (lambda v: is_whole(v, 1, 10**6), "a whole number of pixels from 1 to 1000000"),
    "location": (lambda v: v is None or _is_header_value(v), "an address in ASCII"),
    "robots": (_is_header_value, "a header value in ASCII"),
}


class FaultPlan:
    """The faults of a server, in the order in which they are tried."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        """Draw the shares with `seed`."""
        self._seed = seed
        self._entries = [(number, fault, re.compile(fault.path or "")) for number, fault in enumerate(faults)]
        self._given: collections.Counter[tuple[int, str, str]] = collections.Counter()

    def choose(self, host: str, path: str) -> Fault | None:
        """Tell the fault of this request, None for a proper answer; counts it as given."""
        for number, fault, pattern in self._entries:
            is_asked = fault.host == host and pattern.match(path) is not None
            if not is_asked or not is_drawn(fault.share, f"{self._seed} {number} {host} {path}"):
                continue
            if fault.times is not None:
                key = (number, host, path)
                if self._given[key] >= fault.times:
                    continue
                self._given[key] += 1
            return fault
        return None

    def clear(self) -> None:
        """Forget what was given, so that `times` counts anew."""
        self._given.clear()
