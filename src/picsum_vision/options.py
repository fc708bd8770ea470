"""The settings of a download and of a description: frozen, keyword-only, checked when made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

from picsum_vision._version import __version__
from picsum_vision.errors import SettingError
from picsum_vision.header_fields import check_header, check_headers
from picsum_vision.secrets import Secret
from picsum_vision.validation import check_choice, check_flag, check_integer, check_number, check_text

DEFAULT_USER_AGENT = f"picsum-vision/{__version__} (+https://pypi.org/project/picsum-vision/)"
_ONE_GIB = 1 << 30
_MOST_PIXELS = 2**31 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class DownloadOptions:
    """How images are fetched.

    Parameters
    ----------
    total_timeout_s
        Seconds for one attempt: every hop, connecting, headers and body. Waiting for one's turn and retries do not count.
    connect_timeout_s
        Seconds for one connection.
    min_bytes_per_second
        A body that comes more slowly than this, over its first seconds or later, is given up as `too_slow`. 0: never.
    max_attempts
        Attempts in all, the first included. Only what can change is tried again (connect errors, timeouts, 408, 425, 429,
        500, 502, 503, 504).
    max_retry_wait_s
        Seconds that one row may spend waiting between its attempts, all waits added up; a longer Retry-After gives up at
        once, for the rows behind it too.
    max_redirects
        Redirects followed in one attempt.
    max_in_flight_per_task
        Requests at the same time in one Spark task.
    max_in_flight_per_host_per_task
        The same for one host. None: found by trying, up to max_in_flight_per_task.
    requests_per_second_per_host_total
        Requests a second to one host by the whole job; the partitions that run together share it.
    max_bytes
        Bytes of one image, counted while they come. A larger one is `too_large`.
    max_pixels
        Width x height of one image, at most 2147483647. A larger one is `too_many_pixels`, and is never inflated.
    verify
        "header": dimensions and truncation without decoding; "decode": the whole picture is decoded; "none": any bytes are kept.
    window_bytes_per_task
        Bytes of images held by one task at a time.
    allow_private_addresses
        Whether loopback, private and link-local addresses may be reached.
    respect_opt_out
        Whether `X-Robots-Tag: noai` and `noimageai` are honoured (`opted_out`).
    user_agent, headers
        Sent with every request. A header's value may be a :class:`Secret`; one of ours (User-Agent, Accept, Accept-Encoding) is
        replaced by one of the same name. Host, Connection, Content-Length and Transfer-Encoding cannot be given.

    Raises
    ------
    SettingError
        If a value is not allowed.

    """

    total_timeout_s: float = 10
    connect_timeout_s: float = 5
    min_bytes_per_second: int = 1_000
    max_attempts: int = 3
    max_retry_wait_s: float = 120
    max_redirects: int = 5
    max_in_flight_per_task: int = 64
    max_in_flight_per_host_per_task: int | None = None
    requests_per_second_per_host_total: float | None = None
    max_bytes: int = 25_000_000
    max_pixels: int = 100_000_000
    verify: Literal["header", "decode", "none"] = "header"
    window_bytes_per_task: int = 128_000_000
    allow_private_addresses: bool = False
    respect_opt_out: bool = True
    user_agent: str = DEFAULT_USER_AGENT
    headers: Mapping[str, str | Secret] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every setting."""
        check_number("total_timeout_s", self.total_timeout_s, above=0)
        check_number("connect_timeout_s", self.connect_timeout_s, above=0)
        check_integer("min_bytes_per_second", self.min_bytes_per_second, minimum=0)
        check_integer("max_attempts", self.max_attempts, minimum=1)
        check_number("max_retry_wait_s", self.max_retry_wait_s, minimum=0)
        check_integer("max_redirects", self.max_redirects, minimum=0)
        check_integer("max_in_flight_per_task", self.max_in_flight_per_task, minimum=1)
        check_integer("max_in_flight_per_host_per_task", self.max_in_flight_per_host_per_task, minimum=1, optional=True)
        check_number("requests_per_second_per_host_total", self.requests_per_second_per_host_total, above=0, optional=True)
        check_integer("max_bytes", self.max_bytes, minimum=1, maximum=_ONE_GIB)
        check_integer("max_pixels", self.max_pixels, minimum=1, maximum=_MOST_PIXELS)
        check_choice("verify", self.verify, ("header", "decode", "none"))
        check_integer("window_bytes_per_task", self.window_bytes_per_task, minimum=1)
        check_flag("allow_private_addresses", self.allow_private_addresses)
        check_flag("respect_opt_out", self.respect_opt_out)
        check_text("user_agent", self.user_agent)
        check_header("user_agent", "User-Agent", self.user_agent)
        check_headers("headers", self.headers)

    @property
    def sent_user_agent(self) -> str:
        """The User-Agent that requests go out with, as far as it is no secret: one among the headers replaces the setting."""
        of_headers = [value for name, value in self.headers.items() if name.lower() == "user-agent" and isinstance(value, str)]
        return of_headers[0] if of_headers else self.user_agent


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescribeOptions:
    """How a model is asked.

    Parameters
    ----------
    request_timeout_s
        Seconds for one attempt, waiting for one's turn not counted; of :class:`PyFunc` for one prediction of a batch.
    max_attempts, max_retry_wait_s
        Attempts in all, and seconds that one row may wait between them.
    max_in_flight_per_task
        Requests at the same time in one Spark task.
    requests_per_minute_total, tokens_per_minute_total
        Bounds of the whole job; the partitions that run together share them.
    max_cost_total, input_price_per_million_tokens, output_price_per_million_tokens
        A bound on the whole job's cost, in the currency of the two prices.
    max_image_side_px, jpeg_quality
        Larger images are made smaller before they are sent, as JPEG of this quality.
    max_payload_bytes
        Bytes of all images of one request, as sent.
    max_output_tokens, temperature
        Passed to the model; None leaves the temperature to it.
    deduplicate
        Whether the same picture twice in a partition is asked for once.

    Raises
    ------
    SettingError
        If a value is not allowed.

    """

    request_timeout_s: float = 120
    max_attempts: int = 5
    max_retry_wait_s: float = 300
    max_in_flight_per_task: int = 32
    requests_per_minute_total: int | None = None
    tokens_per_minute_total: int | None = None
    max_cost_total: float | None = None
    input_price_per_million_tokens: float | None = None
    output_price_per_million_tokens: float | None = None
    max_image_side_px: int = 1024
    jpeg_quality: int = 85
    max_payload_bytes: int = 10_000_000
    max_output_tokens: int = 512
    temperature: float | None = None
    deduplicate: bool = True

    def __post_init__(self) -> None:
        """Check every setting."""
        check_number("request_timeout_s", self.request_timeout_s, above=0)
        check_integer("max_attempts", self.max_attempts, minimum=1)
        check_number("max_retry_wait_s", self.max_retry_wait_s, minimum=0)
        check_integer("max_in_flight_per_task", self.max_in_flight_per_task, minimum=1)
        check_integer("requests_per_minute_total", self.requests_per_minute_total, minimum=1, optional=True)
        check_integer("tokens_per_minute_total", self.tokens_per_minute_total, minimum=1, optional=True)
        check_number("max_cost_total", self.max_cost_total, above=0, optional=True)
        for name in ("input_price_per_million_tokens", "output_price_per_million_tokens"):
            check_number(name, getattr(self, name), minimum=0, optional=True)
            if self.max_cost_total is not None and getattr(self, name) is None:
                raise SettingError(f"{name}: needed with max_cost_total={self.max_cost_total!r}; give the model's price")
        check_integer("max_image_side_px", self.max_image_side_px, minimum=16)
        check_integer("jpeg_quality", self.jpeg_quality, minimum=1, maximum=95)
        check_integer("max_payload_bytes", self.max_payload_bytes, minimum=1_000)
        check_integer("max_output_tokens", self.max_output_tokens, minimum=1)
        check_number("temperature", self.temperature, minimum=0, maximum=2, optional=True)
        check_flag("deduplicate", self.deduplicate)


def totals_set(options: DescribeOptions) -> list[str]:
    """Return the names of the bounds of a whole job that are set."""
    names = ("requests_per_minute_total", "tokens_per_minute_total", "max_cost_total")
    return [name for name in names if getattr(options, name) is not None]


def check_no_totals(options: DescribeOptions, *, where: str) -> None:
    """Refuse bounds of a whole job where nobody knows how many tasks it has: each would have the whole of them."""
    for name in totals_set(options):
        raise SettingError(
            f"{name}: {getattr(options, name)!r} is not allowed {where}, which cannot be held to it; use describe(df, ...)"
        )
