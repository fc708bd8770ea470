"""What the downloaded bytes are: digest, type, size in pixels, or why they are no picture."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from picsum_vision.concurrency.job import Lane
from picsum_vision.images.facts import BadImage
from picsum_vision.images.inspection import Verify, inspect_image
from picsum_vision.outcomes import DownloadStatus

CHECK_POOL: Final = "check"
CHECK_LANE: Final = Lane(CHECK_POOL, "cpu")
_COSTLY_FROM_BYTES: Final = 1_000_000


class Findings(NamedTuple):
    """What was found in a body; `status` is ok or the reason why not."""

    status: DownloadStatus
    message: str | None
    sha256: str | None
    content_type: str | None = None
    width: int | None = None
    height: int | None = None


def is_costly(data: bytes, verify: Verify) -> bool:
    """Return whether looking at it takes milliseconds, so that it must not be done on the event loop."""
    return len(data) >= _COSTLY_FROM_BYTES or (verify == "decode" and bool(data))


def examine(data: bytes, *, verify: Verify, max_pixels: int) -> Findings:
    """Look at the bytes; the digest is theirs also if they are no picture."""
    digest = hashlib.sha256(data).hexdigest() if data else None
    try:
        facts = inspect_image(data, verify=verify, max_pixels=max_pixels)
    except BadImage as bad:
        return Findings(bad.status, bad.message, digest)
    return Findings(DownloadStatus.OK, None, digest, facts.content_type, facts.width, facts.height)
