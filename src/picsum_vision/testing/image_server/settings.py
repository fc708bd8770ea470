"""All settings of the image server, checked when made, and as the one JSON line that travels to its process."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Final

from picsum_vision.errors import SettingError
from picsum_vision.testing.image_server.faults import Fault
from picsum_vision.testing.image_server.host_limit import RateLimit
from picsum_vision.testing.image_server.pictures.catalogue import LAST_ID, MISSING_IDS
from picsum_vision.testing.image_server.routes import MAX_SIDE_PX
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.listening import ADDRESS_ALLOWED, DEFAULT_HOST, is_own_address

_MAX_PORT: Final = 65_535


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageServerSettings:
    """Settings of :class:`picsum_vision.testing.image_server.server.ImageServer`, which says what they mean."""

    host: str = DEFAULT_HOST
    port: int = 0
    image_port: int = 0
    latency: Latency = dataclasses.field(default_factory=Latency)
    faults: tuple[Fault, ...] = ()
    rate_limit: RateLimit | None = None
    missing_ids: frozenset[int] = MISSING_IDS
    lost_ids: frozenset[int] = frozenset()
    seed: int = 0
    keep_alive_timeout_s: float = 5.0
    distinct_pictures: int = 128
    cache_bytes: int = 256_000_000
    warm_sizes: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, naming the setting, its value and what is allowed."""
        self._check("host", is_own_address(self.host), ADDRESS_ALLOWED)
        for name in ("port", "image_port"):
            self._check(name, 0 <= getattr(self, name) <= _MAX_PORT, f"a port from 0 (any free one) to {_MAX_PORT}")
        self._check("image_port", self.image_port == 0 or self.image_port != self.port, "another port than `port`")
        self._check("missing_ids", len(self.missing_ids & set(range(1, LAST_ID + 1))) < LAST_ID, f"not all of 1..{LAST_ID}")
        self._check("keep_alive_timeout_s", self.keep_alive_timeout_s > 0, "a number of seconds above 0")
        self._check("distinct_pictures", self.distinct_pictures >= 1, "a whole number from 1")
        self._check("cache_bytes", self.cache_bytes >= 0, "a whole number of bytes from 0")
        self._check("latency", self.latency.mean_s >= 0 and self.latency.sigma >= 0, "a mean and a sigma from 0")
        sides = [side for size in self.warm_sizes for side in size]
        self._check("warm_sizes", all(1 <= side <= MAX_SIDE_PX for side in sides), f"sides from 1 to {MAX_SIDE_PX} pixels")

    def _check(self, name: str, fits: bool, allowed: str) -> None:  # noqa: FBT001 - a private check, read aloud: check that it fits
        if not fits:
            raise SettingError(f"image server: {name} is {getattr(self, name)!r}; allowed is {allowed}")

    def as_json(self) -> dict[str, Any]:
        """Tell the settings as plain values that `from_json` reads back."""
        return {
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
            "latency": dataclasses.asdict(self.latency),
            "faults": [fault.as_json() for fault in self.faults],
            "rate_limit": None if self.rate_limit is None else self.rate_limit.as_json(),
            "missing_ids": sorted(self.missing_ids),
            "lost_ids": sorted(self.lost_ids),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ImageServerSettings:
        """Read what `as_json` wrote."""
        values = json.loads(json.dumps(values))
        limit = values["rate_limit"]
        values["latency"] = Latency(**values["latency"])
        values["faults"] = tuple(Fault(**fault) for fault in values["faults"])
        values["rate_limit"] = None if limit is None else RateLimit(**limit)
        values["missing_ids"] = frozenset(values["missing_ids"])
        values["lost_ids"] = frozenset(values["lost_ids"])
        values["warm_sizes"] = tuple((width, height) for width, height in values["warm_sizes"])
        return cls(**values)
