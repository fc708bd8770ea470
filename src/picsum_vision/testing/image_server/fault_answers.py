"""How each fault is given: one short function for each kind, all of the same shape."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import Awaitable, Callable
from typing import Final

from PIL import Image

from picsum_vision.testing.image_server.faults import DEFAULT_LOCATIONS, Fault, FaultKind
from picsum_vision.testing.image_server.pictures import odd_pictures
from picsum_vision.testing.image_server.pictures.odd_pictures import JPEG_START
from picsum_vision.testing.image_server.raw_answers import Headers, Reply, Sent, Wire, html_error, retry_after

_STRAGGLER_S: Final = 8.0
_ENDLESS_CHUNK: Final = b"10000\r\n" + b"\xff" * 0x10000 + b"\r\n"
_JPEG_TYPE: Final = ("Content-Type", "image/jpeg")
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


FaultAnswer = Callable[[Case], Awaitable[Sent]]


async def give(case: Case) -> Sent:
    """Give the fault of this case. Where a fault alters a picture and there is none, the answer is the proper one."""
    kind = FaultKind(case.fault.kind)
    if kind in _ODD_PICTURES:
        return await _odd_picture(case, kind)
    return await _ANSWERS[kind](case)


async def _status(case: Case) -> Sent:
    fault = case.fault
    return await case.wire.answer(html_error(fault.status, retry_after(fault.retry_after, fault.retry_after_s)))


async def _hang_before_headers(case: Case) -> Sent:
    await case.wire.pause(case.fault.delay_s)
    return case.wire.close()


async def _hang_after_headers(case: Case) -> Sent:
    await case.wire.start(case.proper.status, case.proper.sized())
    await case.wire.pause(case.fault.delay_s)
    return case.wire.close()


async def _straggler(case: Case) -> Sent:
    await case.wire.pause(_STRAGGLER_S if case.fault.delay_s is None else case.fault.delay_s)
    return await case.wire.answer(case.proper)


async def _trickle(case: Case) -> Sent:
    wire, rate = case.wire, case.fault.bytes_per_second
    await wire.start(case.proper.status, case.proper.sized())
    step = max(1, rate // _TRICKLES_PER_SECOND)
    for first in range(0, len(case.proper.body), step):
        await wire.body(case.proper.body[first : first + step])
        await wire.pause(step / rate)
    return wire.keep()


async def _endless(case: Case) -> Sent:
    await case.wire.start(200, [_JPEG_TYPE, ("Transfer-Encoding", "chunked")])
    while not case.wire.is_gone:
        await case.wire.body(_ENDLESS_CHUNK)
        # Writing need not wait, and other requests want their turn.
        await asyncio.sleep(0)
    return case.wire.close()


async def _cut_off(case: Case) -> Sent:
    await case.wire.start(case.proper.status, case.proper.sized())
    await case.wire.body(case.proper.body[: len(case.proper.body) // 2])
    return case.wire.close()


async def _content_length_too_long(case: Case) -> Sent:
    await case.wire.start(case.proper.status, _announcing(case.proper, len(case.proper.body) + _SURPLUS_BYTES))
    await case.wire.body(case.proper.body)
    return case.wire.close()


async def _content_length_too_short(case: Case) -> Sent:
    body = case.proper.body
    await case.wire.start(case.proper.status, _announcing(case.proper, max(len(body) // 2, len(body) - _SURPLUS_BYTES)))
    await case.wire.body(body)
    return case.wire.keep()


async def _text_as_image(case: Case) -> Sent:
    return await case.wire.answer(Reply(status=200, headers=[_JPEG_TYPE], body=_TEXT))


async def _html(case: Case) -> Sent:
    return await case.wire.answer(Reply(status=200, headers=[("Content-Type", "text/html; charset=utf-8")], body=_PAGE))


async def _empty(case: Case) -> Sent:
    return await case.wire.answer(Reply(status=200, headers=[_JPEG_TYPE]))


async def _bomb(case: Case) -> Sent:
    body = odd_pictures.bomb(case.fault.side_px)
    return await case.wire.answer(Reply(status=200, headers=[("Content-Type", "image/png")], body=body))


async def _redirect_loop(case: Case) -> Sent:
    return await case.wire.answer(Reply(status=302, headers=[("Location", case.target), ("Cache-Control", "no-store")]))


async def _redirect_elsewhere(case: Case) -> Sent:
    location = case.fault.location or DEFAULT_LOCATIONS[FaultKind(case.fault.kind)]
    return await case.wire.answer(Reply(status=302, headers=[("Location", location), ("Cache-Control", "no-store")]))


async def _reset(case: Case) -> Sent:
    return case.wire.reset()


async def _robots(case: Case) -> Sent:
    headers = [*case.proper.headers, ("X-Robots-Tag", case.fault.robots)]
    return await case.wire.answer(dataclasses.replace(case.proper, headers=headers))


async def _odd_picture(case: Case, kind: FaultKind) -> Sent:
    if not case.is_picture:
        return await case.wire.answer(case.proper)
    content_type, make = _ODD_PICTURES[kind]
    body = await asyncio.get_running_loop().run_in_executor(None, make, case)
    return await case.wire.answer(dataclasses.replace(case.proper, headers=_typed(case.proper, content_type), body=body))


def _announcing(reply: Reply, length: int) -> Headers:
    return [*reply.headers, ("Content-Length", str(length))]


def _typed(reply: Reply, content_type: str) -> Headers:
    return [(name, content_type if name == "Content-Type" else value) for name, value in reply.headers]


def _as_jpeg(case: Case) -> bytes:
    body = case.proper.body
    return body if body.startswith(JPEG_START) else odd_pictures.jpeg(_opened(case))


def _half(case: Case) -> bytes:
    jpeg = _as_jpeg(case)
    return jpeg[: len(jpeg) // 2]


def _padded(case: Case) -> bytes:
    return odd_pictures.padded_jpeg(_as_jpeg(case), case.fault.size_bytes)


def _opened(case: Case) -> Image.Image:
    with Image.open(io.BytesIO(case.proper.body)) as image:
        return image.convert("RGB")


def _made(make: Callable[[Image.Image], bytes]) -> Callable[[Case], bytes]:
    return lambda case: make(_opened(case))


_ODD_PICTURES: Final[dict[FaultKind, tuple[str, Callable[[Case], bytes]]]] = {
    FaultKind.OVERSIZE: ("image/jpeg", _padded),
    FaultKind.TRUNCATED_JPEG: ("image/jpeg", _half),
    FaultKind.ANIMATED_GIF: ("image/gif", _made(odd_pictures.animated_gif)),
    FaultKind.CMYK_JPEG: ("image/jpeg", _made(odd_pictures.cmyk_jpeg)),
    FaultKind.ROTATED_JPEG: ("image/jpeg", _made(odd_pictures.rotated_jpeg)),
    FaultKind.PNG_16_BIT: ("image/png", _made(odd_pictures.png_16_bit)),
    FaultKind.WEBP: ("image/webp", _made(odd_pictures.webp)),
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
_ANSWERS: Final[dict[FaultKind, FaultAnswer]] = {
    FaultKind.STATUS: _status,
    FaultKind.HANG_BEFORE_HEADERS: _hang_before_headers,
    FaultKind.HANG_AFTER_HEADERS: _hang_after_headers,
    FaultKind.STRAGGLER: _straggler,
    FaultKind.TRICKLE: _trickle,
    FaultKind.ENDLESS: _endless,
    FaultKind.CUT_OFF: _cut_off,
    FaultKind.CONTENT_LENGTH_TOO_LONG: _content_length_too_long,
    FaultKind.CONTENT_LENGTH_TOO_SHORT: _content_length_too_short,
    FaultKind.TEXT_AS_IMAGE: _text_as_image,
    FaultKind.HTML: _html,
    FaultKind.EMPTY: _empty,
    FaultKind.BOMB: _bomb,
    FaultKind.REDIRECT_LOOP: _redirect_loop,
    FaultKind.REDIRECT_PRIVATE: _redirect_elsewhere,
    FaultKind.REDIRECT_METADATA: _redirect_elsewhere,
    FaultKind.REDIRECT_SCHEME: _redirect_elsewhere,
    FaultKind.RESET: _reset,
    FaultKind.ROBOTS: _robots,
}
