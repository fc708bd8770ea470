"""The settings of the embedded model server, checked when made."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from picsum_vision.testing.common import as_word, require
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server.batches.faults import BatchFault
from picsum_vision.testing.model_server.faults import ModelFault
from picsum_vision.testing.model_server.limits import RetryAfter
from picsum_vision.testing.server_process import ADDRESS_ALLOWED, DEFAULT_HOST, is_own_address

if TYPE_CHECKING:
    from collections.abc import Sequence


class Quirk(str, enum.Enum):
    """A habit of a whole endpoint."""

    REFUSES_TEMPERATURE = "refuses_temperature"  # 400 when a temperature is given
    REFUSES_RESPONSE_FORMAT = "refuses_response_format"  # 400 when a response_format is given
    CONTENT_PARTS = "content_parts"  # content is always a list of parts
    NO_USAGE = "no_usage"  # usage is always missing
    NO_V1_PATH = "no_v1_path"  # /chat/completions only
    WRONG_KEY_IS_400 = "wrong_key_is_400"  # instead of 401
    UNKNOWN_MODEL_IS_500 = "unknown_model_is_500"  # instead of 404


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelServerSettings:
    """How the embedded model server behaves.

    `host` is an address of this machine: another one than loopback lets other machines in. `port` 0 takes any free one.
    `requests_per_minute` and `tokens_per_minute` (None: no limit) are token buckets that hold `limit_burst_s` seconds' worth:
    with 60 the whole minute's limit may be taken at once, with 1 requests must come evenly; `retry_after` is how their 429
    says when to come again. `api_key` None lets everyone in. `models` are the names that are served. `quirks` are
    :class:`Quirk` members or their words. A batch takes `batch_s` seconds, and may have so many requests and its file so many
    bytes; `batch_faults` are what goes wrong with batches and files.
    """

    host: str = DEFAULT_HOST
    port: int = 0
    latency: Latency = dataclasses.field(default_factory=Latency)
    faults: Sequence[ModelFault] = ()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    limit_burst_s: float = 60.0
    retry_after: RetryAfter | str = RetryAfter.SECONDS
    api_key: str | None = dataclasses.field(default=None, repr=False)
    models: Sequence[str] = ("test-vision",)
    max_body_bytes: int = 20_000_000
    quirks: Sequence[Quirk | str] = ()
    seed: int = 0
    batch_s: float = 0.0
    max_batch_requests: int = 50_000
    max_batch_file_bytes: int = 200_000_000
    batch_faults: Sequence[BatchFault] = ()

    def __post_init__(self) -> None:
        """Check every setting; :class:`SettingError` names the wrong one."""
        object.__setattr__(self, "quirks", tuple(as_word(Quirk, quirk, "quirks") for quirk in self.quirks))
        object.__setattr__(self, "retry_after", as_word(RetryAfter, self.retry_after, "retry_after"))
        require(is_own_address(self.host), "host", self.host, ADDRESS_ALLOWED)
        for name, low, high in (
            ("port", 0, 65_535),
            ("requests_per_minute", 1, None),
            ("tokens_per_minute", 1, None),
            ("limit_burst_s", 0.001, 60),
            ("max_body_bytes", 1, None),
            ("batch_s", 0, None),
            ("max_batch_requests", 1, None),
            ("max_batch_file_bytes", 1, None),
        ):
            value = getattr(self, name)
            allowed = f"at least {low}" if high is None else f"from {low} to {high}"
            require(value is None or (value >= low and (high is None or value <= high)), name, value, allowed)
        are_names = not isinstance(self.models, str) and bool(self.models) and all(self.models)
        require(are_names, "models", self.models, "a list of at least one name, and no empty one")
        require(self.api_key != "", "api_key", self.api_key, "None, which asks for no key, or a key that is not empty")

    def has(self, quirk: Quirk) -> bool:
        """Say whether the endpoint has this habit."""
        return quirk in self.quirks
