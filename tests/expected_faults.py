"""What becomes of a row for each fault of the image server."""

from __future__ import annotations

from typing import Any

from picsum_vision.testing.image_server import Fault, FaultKind

# Quick to give up: the faults show in hundredths of a second what hosts do in seconds.
FAST: dict[str, Any] = {"total_timeout_s": 0.7, "connect_timeout_s": 0.5, "max_attempts": 2, "max_bytes": 2_000_000}

# Each kind: its settings, the status, the HTTP status, the attempts.
EXPECTED: dict[FaultKind, tuple[dict[str, Any], str, int | None, int]] = {
    FaultKind.STATUS: ({"status": 503}, "rate_limited", 503, 2),
    FaultKind.HANG_BEFORE_HEADERS: ({}, "timeout", None, 2),
    FaultKind.HANG_AFTER_HEADERS: ({}, "timeout", 200, 2),
    FaultKind.STRAGGLER: ({"delay_s": 0.2}, "ok", 200, 1),
    FaultKind.TRICKLE: ({"bytes_per_second": 50}, "timeout", 200, 2),
    FaultKind.ENDLESS: ({}, "too_large", 200, 1),
    FaultKind.CUT_OFF: ({}, "truncated", 200, 2),
    FaultKind.CONTENT_LENGTH_TOO_LONG: ({}, "truncated", 200, 2),
    FaultKind.CONTENT_LENGTH_TOO_SHORT: ({}, "truncated", 200, 1),
    FaultKind.TEXT_AS_IMAGE: ({}, "not_an_image", 200, 1),
    FaultKind.HTML: ({}, "not_an_image", 200, 1),
    FaultKind.EMPTY: ({}, "empty", 200, 1),
    FaultKind.BOMB: ({}, "too_many_pixels", 200, 1),
    FaultKind.REDIRECT_LOOP: ({}, "redirect_loop", 302, 1),
    FaultKind.REDIRECT_PRIVATE: ({"location": "http://127.0.0.1:1/"}, "connect", None, 2),
    FaultKind.REDIRECT_METADATA: ({"location": "http://127.0.0.1:1/latest/"}, "connect", None, 2),
    FaultKind.REDIRECT_SCHEME: ({}, "invalid_url", 302, 1),
    FaultKind.RESET: ({}, "connect", None, 2),
    FaultKind.ROBOTS: ({}, "opted_out", 200, 1),
    FaultKind.OVERSIZE: ({"size_bytes": 3_000_000}, "too_large", 200, 1),
    FaultKind.TRUNCATED_JPEG: ({}, "truncated", 200, 1),
    FaultKind.ANIMATED_GIF: ({}, "ok", 200, 1),
    FaultKind.CMYK_JPEG: ({}, "ok", 200, 1),
    FaultKind.ROTATED_JPEG: ({}, "ok", 200, 1),
    FaultKind.PNG_16_BIT: ({}, "ok", 200, 1),
    FaultKind.WEBP: ({}, "ok", 200, 1),
}


def every_fault(share: float) -> list[Fault]:
    """Give every kind of fault to an equal part of `share` of the paths, those of both hosts."""
    return [
        Fault(kind=kind, share=share / len(EXPECTED), **{"side_px": 20_000, **settings})
        for kind, (settings, *_) in EXPECTED.items()
    ]
