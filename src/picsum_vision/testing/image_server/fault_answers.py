"""How each fault is given: as another answer, as another picture, or as another way to send the proper answer."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import Awaitable, Callable
from typing import Final

from PIL import Image

from picsum_vision.testing.image_server.faults import Fault, FaultKind
from picsum_vision.testing.image_server.pictures import odd_pictures
from picsum_vision.testing.image_server.pictures.odd_pictures import JPEG_START
from picsum_vision.testing.image_server.raw_answers import Reply, Sent, Wire, html_error, retry_after

_STRAGGLER_S: Final = 8.0
_ENDLESS_CHUNK: Final = b"10000\r\n" + b"\xff" * 0x10000 + b"\r\n"
# A trickle is sent so often a second, where its rate allows.
_TRICKLES_PER_SECOND: Final = 10
_SURPLUS_BYTES: Final = 1_000
_TEXT: Final = b"This is not a picture, whatever the header says.\n"
_PAGE: Final = b"<!DOCTYPE html><html><head><title>Please sign in</title></head><body><h1>Please sign in</h1></body></html>\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A request that gets a fault: where to write, what was asked, and what the proper answer is.

    For faults of `ABOUT_PICTURES` it is the answer without any redirect in between. `is_picture` tells whether it is one.
    """

    wire: Wire
    fault: Fault
    target: str
    proper: Reply
    is_picture: bool


async def give(case: Case) -> Sent:
    """Give the fault of this case. Where a fault alters a picture and there is none, the answer is the proper one."""
    kind = FaultKind(case.fault.kind)
    if kind in _ANSWERS:
        return await case.wire.answer(_ANSWERS[kind](case))
    if kind in _ODD_PICTURES:
        return await _odd_picture(case, kind)
    return await _DELIVERIES[kind](case)


def _ok(content_type: str, body: bytes) -> Reply:
    return Reply(status=200, headers=[("Content-Type", content_type)], body=body)


def _redirect(location: str) -> Reply:
    return Reply(status=302, headers=[("Location", location), ("Cache-Control", "no-store")])


def _robots(case: Case) -> Reply:
    return dataclasses.replace(case.proper, headers=[*case.proper.headers, ("X-Robots-Tag", case.fault.robots)])


async def _hang_before_headers(case: Case) -> Sent:
    await case.wire.pause(case.fault.delay_s)
    return case.wire.close()


async def _hang_after_headers(case: Case) -> Sent:
    await case.wire.start(case.proper, len(case.proper.body))
    return await _hang_before_headers(case)


async def _straggler(case: Case) -> Sent:
    await case.wire.pause(_STRAGGLER_S if case.fault.delay_s is None else case.fault.delay_s)
    return await case.wire.answer(case.proper)


async def _trickle(case: Case) -> Sent:
    body, rate = case.proper.body, case.fault.bytes_per_second
    await case.wire.start(case.proper, len(body))
    step = max(1, rate // _TRICKLES_PER_SECOND)
    for first in range(0, len(body), step):
        await case.wire.body(body[first : first + step])
        await case.wire.pause(step / rate)
    return case.wire.keep()


async def _endless(case: Case) -> Sent:
    await case.wire.start(Reply(status=200, headers=[("Content-Type", "image/jpeg"), ("Transfer-Encoding", "chunked")]))
    while not case.wire.is_gone:
        await case.wire.body(_ENDLESS_CHUNK)
        # Writing need not wait, and other requests want their turn.
        await asyncio.sleep(0)
    return case.wire.close()


async def _cut_off(case: Case) -> Sent:
    body = case.proper.body
    await case.wire.start(case.proper, len(body))
    await case.wire.body(body[: len(body) // 2])
    return case.wire.close()


async def _content_length_too_long(case: Case) -> Sent:
    await case.wire.start(case.proper, len(case.proper.body) + _SURPLUS_BYTES)
    await case.wire.body(case.proper.body)
    return case.wire.close()


async def _content_length_too_short(case: Case) -> Sent:
    body = case.proper.body
    await case.wire.start(case.proper, max(len(body) // 2, len(body) - _SURPLUS_BYTES))
    await case.wire.body(body)
    return case.wire.keep()


async def _reset(case: Case) -> Sent:
    return case.wire.reset()


async def _odd_picture(case: Case, kind: FaultKind) -> Sent:
    if not case.is_picture:
        return await case.wire.answer(case.proper)
    content_type, make = _ODD_PICTURES[kind]
    body = await asyncio.get_running_loop().run_in_executor(None, make, case)
    headers = [(name, content_type if name == "Content-Type" else value) for name, value in case.proper.headers]
    return await case.wire.answer(dataclasses.replace(case.proper, headers=headers, body=body))


def _as_jpeg(case: Case) -> bytes:
    body = case.proper.body
    return body if body.startswith(JPEG_START) else odd_pictures.saved(_opened(case), "JPEG")


def _half(case: Case) -> bytes:
    jpeg = _as_jpeg(case)
    return jpeg[: len(jpeg) // 2]


def _opened(case: Case) -> Image.Image:
    with Image.open(io.BytesIO(case.proper.body)) as image:
        return image.convert("RGB")


_ODD_PICTURES: Final[dict[FaultKind, tuple[str, Callable[[Case], bytes]]]] = {
    FaultKind.OVERSIZE: ("image/jpeg", lambda case: odd_pictures.padded_jpeg(_as_jpeg(case), case.fault.size_bytes)),
    FaultKind.TRUNCATED_JPEG: ("image/jpeg", _half),
    FaultKind.ANIMATED_GIF: ("image/gif", lambda case: odd_pictures.animated_gif(_opened(case))),
    FaultKind.CMYK_JPEG: ("image/jpeg", lambda case: odd_pictures.saved(_opened(case).convert("CMYK"), "JPEG")),
    FaultKind.ROTATED_JPEG: ("image/jpeg", lambda case: odd_pictures.rotated_jpeg(_opened(case))),
    FaultKind.PNG_16_BIT: ("image/png", lambda case: odd_pictures.png_16_bit(_opened(case))),
    FaultKind.WEBP: ("image/webp", lambda case: odd_pictures.saved(_opened(case), "WEBP", method=0)),
}
#: Faults that alter a picture: the API host gives them in place of its redirect.
ABOUT_PICTURES: Final = frozenset(_ODD_PICTURES) | {
    FaultKind.HANG_AFTER_HEADERS,
    FaultKind.TRICKLE,
    FaultKind.CUT_OFF,
    FaultKind.CONTENT_LENGTH_TOO_LONG,
    FaultKind.CONTENT_LENGTH_TOO_SHORT,
    FaultKind.ROBOTS,
}
_ANSWERS: Final[dict[FaultKind, Callable[[Case], Reply]]] = {
    FaultKind.STATUS: lambda case: html_error(case.fault.status, retry_after(case.fault.retry_after, case.fault.retry_after_s)),
    FaultKind.TEXT_AS_IMAGE: lambda _case: _ok("image/jpeg", _TEXT),
    FaultKind.HTML: lambda _case: _ok("text/html; charset=utf-8", _PAGE),
    FaultKind.EMPTY: lambda _case: _ok("image/jpeg", b""),
    FaultKind.BOMB: lambda case: _ok("image/png", odd_pictures.bomb(case.fault.side_px)),
    FaultKind.REDIRECT_LOOP: lambda case: _redirect(case.target),
    FaultKind.REDIRECT_PRIVATE: lambda case: _redirect(case.fault.location or "http://10.0.0.1/picture.jpg"),
    FaultKind.REDIRECT_METADATA: lambda case: _redirect(case.fault.location or "http://169.254.169.254/latest/meta-data/"),
    FaultKind.REDIRECT_SCHEME: lambda case: _redirect(case.fault.location or "file:///etc/passwd"),
    FaultKind.ROBOTS: _robots,
}
_DELIVERIES: Final[dict[FaultKind, Callable[[Case], Awaitable[Sent]]]] = {
    FaultKind.HANG_BEFORE_HEADERS: _hang_before_headers,
    FaultKind.HANG_AFTER_HEADERS: _hang_after_headers,
    FaultKind.STRAGGLER: _straggler,
    FaultKind.TRICKLE: _trickle,
    FaultKind.ENDLESS: _endless,
    FaultKind.CUT_OFF: _cut_off,
    FaultKind.CONTENT_LENGTH_TOO_LONG: _content_length_too_long,
    FaultKind.CONTENT_LENGTH_TOO_SHORT: _content_length_too_short,
    FaultKind.RESET: _reset,
}
