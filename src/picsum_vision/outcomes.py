"""The closed list of what can become of a row, and the two structs that record it.

Source: the field order is the order of the columns in the tables; both are a contract with notebooks.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Mapping
from typing import Final


class DownloadStatus(str, enum.Enum):
    """What became of one URL."""

    OK = "ok"
    INVALID_URL = "invalid_url"
    BLOCKED_ADDRESS = "blocked_address"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    TOO_MANY_PIXELS = "too_many_pixels"
    HTTP_ERROR = "http_error"
    RATE_LIMITED = "rate_limited"
    REDIRECT_LOOP = "redirect_loop"
    OPTED_OUT = "opted_out"
    INTERNAL = "internal"


class DescribeStatus(str, enum.Enum):
    """What became of one image that was to be described."""

    OK = "ok"
    NO_IMAGE = "no_image"
    NOT_AN_IMAGE = "not_an_image"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    CONNECT = "connect"
    AUTH = "auth"
    HTTP_ERROR = "http_error"
    REFUSED = "refused"
    EMPTY_ANSWER = "empty_answer"
    CUT_OFF = "cut_off"
    BAD_SCHEMA = "bad_schema"
    BUDGET = "budget"
    MODEL_ERROR = "model_error"
    INTERNAL = "internal"


@dataclasses.dataclass(kw_only=True, slots=True)
class DownloadOutcome:
    """What became of one URL. Times in milliseconds, sizes in bytes, width and height in pixels.

    `elapsed_ms` runs from the first request to the outcome, retries and the waits between them included.
    """

    status: DownloadStatus
    http_status: int | None = None
    attempts: int = 0
    elapsed_ms: int = 0
    bytes: int | None = None
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    final_url: str | None = None
    message: str | None = None
    finished_at: dt.datetime | None = None


@dataclasses.dataclass(kw_only=True, slots=True)
class DescribeOutcome:
    """What became of one image's question. Times in milliseconds, sizes in bytes, tokens as the model counted them.

    `elapsed_ms` is the making fit of the picture, and from the first question to the outcome, retries and the waits between them
    included; the wait for the first turn, in the window or for a stated rate, is not in it. Of a batch it is the time since the
    task began.
    """

    status: DescribeStatus
    model: str | None = None
    task: str | None = None
    prompt_sha256: str | None = None
    http_status: int | None = None
    attempts: int = 0
    elapsed_ms: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    image_bytes_sent: int | None = None
    finish_reason: str | None = None
    message: str | None = None
    finished_at: dt.datetime | None = None


# Name and SQL type of each field, in order: the dataclasses above as the tables have them.
DOWNLOAD_OUTCOME_FIELDS: Final[Mapping[str, str]] = {
    "status": "STRING",
    "http_status": "INT",
    "attempts": "INT",
    "elapsed_ms": "BIGINT",
    "bytes": "BIGINT",
    "content_type": "STRING",
    "width": "INT",
    "height": "INT",
    "sha256": "STRING",
    "final_url": "STRING",
    "message": "STRING",
    "finished_at": "TIMESTAMP_LTZ",
}
DESCRIBE_OUTCOME_FIELDS: Final[Mapping[str, str]] = {
    "status": "STRING",
    "model": "STRING",
    "task": "STRING",
    "prompt_sha256": "STRING",
    "http_status": "INT",
    "attempts": "INT",
    "elapsed_ms": "BIGINT",
    "input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "image_bytes_sent": "BIGINT",
    "finish_reason": "STRING",
    "message": "STRING",
    "finished_at": "TIMESTAMP_LTZ",
}


def _struct_ddl(fields: Mapping[str, str]) -> str:
    return f"STRUCT<{', '.join(f'{name}: {kind}' for name, kind in fields.items())}>"


DOWNLOAD_OUTCOME_DDL: Final = _struct_ddl(DOWNLOAD_OUTCOME_FIELDS)
DESCRIBE_OUTCOME_DDL: Final = _struct_ddl(DESCRIBE_OUTCOME_FIELDS)

# What another run may well turn into `ok`. A picture that does not exist or is none stays so, and asking costs.
DOWNLOAD_CAN_CHANGE: Final = (
    DownloadStatus.DNS,
    DownloadStatus.CONNECT,
    DownloadStatus.TLS,
    DownloadStatus.TIMEOUT,
    DownloadStatus.TOO_SLOW,
    DownloadStatus.TRUNCATED,
    DownloadStatus.RATE_LIMITED,
    DownloadStatus.INTERNAL,
)
HTTP_SUCCESS: Final = range(200, 300)
HTTP_CAN_CHANGE: Final = (408, 425, 429, 500, 502, 503, 504)
# Of models, beside them, Cloudflare's words for the server behind it, and Anthropic's for its load.
MODEL_CAN_CHANGE: Final = (*HTTP_CAN_CHANGE, 520, 521, 522, 523, 524, 529)
MODEL_OVERLOADED: Final = frozenset({429, 503, 529})
DESCRIBE_CAN_CHANGE: Final = (
    DescribeStatus.RATE_LIMITED,
    DescribeStatus.TIMEOUT,
    DescribeStatus.CONNECT,
    DescribeStatus.AUTH,
    DescribeStatus.HTTP_ERROR,
    DescribeStatus.EMPTY_ANSWER,
    DescribeStatus.BAD_SCHEMA,
    DescribeStatus.BUDGET,
    DescribeStatus.MODEL_ERROR,
    DescribeStatus.INTERNAL,
)
