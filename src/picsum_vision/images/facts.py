"""What is known of a picture, and what is said of bytes that are none."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from picsum_vision.outcomes import DownloadStatus


@dataclasses.dataclass(frozen=True, slots=True)
class ImageFacts:
    """A picture's type by content and its size in pixels, as stored (EXIF rotation not applied).

    All are set for a picture that was checked. Only with `verify="none"` can they be None: the type where no picture
    was recognised, the size where the header could not be read.
    """

    content_type: str | None
    width: int | None
    height: int | None


class BadImage(Exception):  # noqa: N818 - the bytes, not the code, are at fault
    """The bytes are no picture that can be used.

    `status` is `empty`, `not_an_image`, `too_many_pixels` or `truncated`; `message` is one line for the outcome.
    """

    def __init__(self, status: DownloadStatus, message: str) -> None:
        """Say what is wrong as a word of the closed list, and as a sentence."""
        super().__init__(status, message)
        self.status = status
        self.message = message

    def __str__(self) -> str:
        """Give the message alone."""
        return self.message


class Header(NamedTuple):
    """What a format's header says: width and height in pixels, and the offset at which the search for the end starts."""

    width: int
    height: int
    body: int


class HeaderEndsEarlyError(Exception):
    """The bytes end before the header does."""


def broken(message: str) -> BadImage:
    """Make the exception for bytes that begin like a picture and go on like none."""
    return BadImage(DownloadStatus.NOT_AN_IMAGE, message)
