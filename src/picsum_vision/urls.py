"""Image URLs: the form of Lorem Picsum's, and what may be said of anybody's."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal
from urllib.parse import urlsplit

from picsum_vision.errors import SettingError
from picsum_vision.redaction import redact_url
from picsum_vision.validation import check_choice, check_flag, check_integer, check_text

LOREM_PICSUM: Final = "https://picsum.photos"
MAX_SIDE_PX: Final = 5000
MAX_BLUR: Final = 10
SUFFIXES: Final = ("", ".jpg", ".webp")

By = Literal["id", "seed", "list"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PicsumUrls:
    """Which pictures of a Lorem Picsum host to ask for, and in what form.

    `count` URLs from number `start` on; `width` and `height` in pixels, 0 for the picture's own; `by` "id" (the host's
    numbers, some of which are missing), "seed" (any number gives a picture) or "list" (the numbers that the host lists).
    """

    count: int = 1000
    start: int = 1
    width: int = 800
    height: int = 600
    by: By = "id"
    base_url: str = LOREM_PICSUM
    grayscale: bool = False
    blur: int | None = None
    suffix: str = ""

    def __post_init__(self) -> None:
        """Check every setting, and drop a slash at the end of the base URL."""
        check_integer("count", self.count, minimum=1)
        check_integer("start", self.start, minimum=0)
        check_integer("width", self.width, minimum=0, maximum=MAX_SIDE_PX)
        check_integer("height", self.height, minimum=0, maximum=MAX_SIDE_PX)
        check_choice("by", self.by, ("id", "seed", "list"))
        check_flag("grayscale", self.grayscale)
        check_integer("blur", self.blur, minimum=1, maximum=MAX_BLUR, optional=True)
        check_choice("suffix", self.suffix, SUFFIXES)
        object.__setattr__(self, "base_url", check_base_url("base_url", self.base_url))

    @property
    def before_number(self) -> str:
        """The URL up to the picture's number."""
        return f"{self.base_url}/{'seed' if self.by == 'seed' else 'id'}/"

    @property
    def after_number(self) -> str:
        """The URL from behind the picture's number."""
        query = "&".join([*(["grayscale"] if self.grayscale else []), *([f"blur={self.blur}"] if self.blur else [])])
        return f"/{self.width}/{self.height}{self.suffix}{'?' if query else ''}{query}"


def check_base_url(setting: str, value: str) -> str:
    """Return the http(s) address without a slash at its end; refuse anything else."""
    check_text(setting, value)
    try:
        parts = urlsplit(value.strip())
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_fine = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine or parts.query or parts.fragment:
        raise SettingError(f"{setting}: {redact_url(value)!r} is not allowed; it must be an address like {LOREM_PICSUM}")
    return value.strip().rstrip("/")
