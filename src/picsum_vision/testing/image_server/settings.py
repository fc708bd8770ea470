"""All settings of the image server, checked when made, and as the one JSON line that travels to its process."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from picsum_vision.errors import SettingError
from picsum_vision.testing.image_server.faults import Fault
from picsum_vision.testing.image_server.host_limit import RateLimit
from picsum_vision.testing.image_server.pictures.catalogue import LAST_ID, MISSING_IDS
from picsum_vision.testing.image_server.routes import MAX_SIDE_PX
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.server_process import ADDRESS_ALLOWED, DEFAULT_HOST, is_own_address

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_MAX_PORT: Final = 65_535


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageServerSettings:
    """How the image server behaves.

    `host` is an address of this machine: another one than loopback lets other machines in. `port` and `image_port`: 0 is any
    free one. `latency` is waited on each hop. `rate_limit` holds for each host apart. `missing_ids` are 404. `seed` decides
    shares, waits and signatures. `distinct_pictures` bounds the encodings for each size; `warm_sizes` (width, height) are encoded
    before it listens.
    """

    host: str = DEFAULT_HOST
    port: int = 0
    image_port: int = 0
    latency: Latency = dataclasses.field(default_factory=Latency)
    faults: Sequence[Fault] = ()
    rate_limit: RateLimit | None = None
    missing_ids: Collection[int] = MISSING_IDS
    seed: int = 0
    keep_alive_timeout_s: float = 5.0
    distinct_pictures: int = 128
    warm_sizes: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, naming the setting, its value and what is allowed."""
        self._check("host", is_own_address(self.host), ADDRESS_ALLOWED)
        for name in ("port", "image_port"):
            self._check(name, 0 <= getattr(self, name) <= _MAX_PORT, f"a port from 0 (any free one) to {_MAX_PORT}")
        self._check("image_port", self.image_port == 0 or self.image_port != self.port, "another port than `port`")
        self._check("missing_ids", not set(range(1, LAST_ID + 1)) <= set(self.missing_ids), f"not all of 1..{LAST_ID}")
        self._check("keep_alive_timeout_s", self.keep_alive_timeout_s > 0, "a number of seconds above 0")
        self._check("distinct_pictures", self.distinct_pictures >= 1, "a whole number from 1")
        self._check("latency", self.latency.mean_s >= 0 and self.latency.sigma >= 0, "a mean and a sigma from 0")
        sides = [side for size in self.warm_sizes for side in size]
        self._check("warm_sizes", all(1 <= side <= MAX_SIDE_PX for side in sides), f"sides from 1 to {MAX_SIDE_PX} pixels")

    def _check(self, name: str, fits: bool, allowed: str) -> None:  # noqa: FBT001 - a private check, read aloud: check that it fits
        if not fits:
            raise SettingError(f"image server: {name} is {getattr(self, name)!r}; allowed is {allowed}")
