"""The images of one question as they are sent: made fit, encoded, within the limits that platforms have."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from picsum_vision.describing.backends import ChatBackend
from picsum_vision.describing.chat_request import image_url
from picsum_vision.describing.image_tokens import UNSEEN_SIDE_PX, ImageTokenRule
from picsum_vision.describing.job import TEXT_ONLY
from picsum_vision.images.facts import BadImage
from picsum_vision.images.fitting import FitImage, PayloadTooLarge, fit_image, image_as_it_is
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeStatus, DownloadStatus

# A base64 letter carries six bits of eight.
_BASE64_GROWTH: Final = 4 / 3
# To look at one that is no larger, and to encode it, takes less time than to hand it to a thread and back.
_SMALL_BYTES: Final = 200_000


class TooManyImages(Exception):  # noqa: N818 - becomes the outcome `too_large`
    """One question has more images than its model takes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What is sent of one row: each image as a URL, the bytes of all images, their estimated tokens."""

    urls: Sequence[bytes]
    image_bytes: int
    image_tokens: int


@dataclasses.dataclass(frozen=True, slots=True)
class Unfit:
    """Why nothing can be sent of a row."""

    status: DescribeStatus
    message: str


def images_of(value: Any) -> list[Any]:
    """Return the images of a row's value: one, or those of an array that are neither NULL nor empty."""
    return [image for image in value if image] if isinstance(value, (list, tuple)) else [value]


def fit_payload(value: Any, backend: ChatBackend, options: DescribeOptions, rule: ImageTokenRule) -> Payload | Unfit:
    """Make a row's images fit for one request, or say why they are not."""
    try:
        return make_payload(value, backend, options, rule)
    except BadImage as bad:
        too_large = bad.status is DownloadStatus.TOO_MANY_PIXELS
        return Unfit(DescribeStatus.TOO_LARGE if too_large else DescribeStatus.NOT_AN_IMAGE, bad.message)
    except TooManyImages as many:
        return Unfit(DescribeStatus.TOO_LARGE, str(many))
    except PayloadTooLarge:
        return Unfit(DescribeStatus.TOO_LARGE, f"does not fit into {options.max_payload_bytes} bytes (max_payload_bytes)")


def payload_as_it_is(value: Any, options: DescribeOptions, rule: ImageTokenRule) -> Payload | None:
    """Return what is sent of a row with one small image that needs no change, None where finding out takes longer."""
    if value is TEXT_ONLY:
        return _payload([], rule)
    if not isinstance(value, bytes) or not value or len(value) > _SMALL_BYTES:
        return None
    try:
        image = image_as_it_is(
            value, max_side_px=options.max_image_side_px, max_bytes=int(options.max_payload_bytes / _BASE64_GROWTH)
        )
    except BadImage:
        return None
    return None if image is None else _payload([image], rule)


def make_payload(value: Any, backend: ChatBackend, options: DescribeOptions, rule: ImageTokenRule) -> Payload:
    """Make a row's images fit for one request; raises BadImage, PayloadTooLarge or TooManyImages."""
    images = images_of(value)
    if len(images) > backend.max_images_per_request:
        raise TooManyImages(f"{len(images)} images in one question; max_images_per_request is {backend.max_images_per_request}")
    left = int(options.max_payload_bytes / _BASE64_GROWTH)
    fit: list[FitImage | str] = []
    for number, image in enumerate(images):
        # Each image may take an even part of what the ones before it have left.
        made = image if isinstance(image, str) else _fit(image, left // (len(images) - number), options)
        left -= 0 if isinstance(made, str) else len(made.data)
        fit.append(made)
    return _payload(fit, rule)


def _payload(fit: Sequence[FitImage | str], rule: ImageTokenRule) -> Payload:
    return Payload(
        urls=[image_url(image) for image in fit],
        image_bytes=sum(0 if isinstance(image, str) else len(image.data) for image in fit),
        image_tokens=sum(_tokens(image, rule) for image in fit),
    )


def _fit(image: bytes, max_bytes: int, options: DescribeOptions) -> FitImage:
    if max_bytes < 1:
        raise PayloadTooLarge
    return fit_image(image, max_side_px=options.max_image_side_px, jpeg_quality=options.jpeg_quality, max_bytes=max_bytes)


def _tokens(image: FitImage | str, rule: ImageTokenRule) -> int:
    if isinstance(image, str):
        return rule.tokens(UNSEEN_SIDE_PX, UNSEEN_SIDE_PX)
    return rule.tokens(image.width, image.height)
