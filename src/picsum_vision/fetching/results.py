"""What became of one URL."""

from __future__ import annotations

import dataclasses

from picsum_vision.outcomes import DownloadOutcome, DownloadStatus


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FetchedImage:
    """One URL's image and outcome.

    Parameters
    ----------
    index
        The URL's place among those that were given, from 0.
    url
        The URL as it was given; None for what is no text.
    data
        The image's bytes as the host sent them; None unless the status is ok.
    outcome
        Status, HTTP status, attempts, milliseconds, bytes, type by content, width and height in pixels, digest, and the reason.

    """

    index: int
    url: str | None
    data: bytes | None
    outcome: DownloadOutcome

    @property
    def status(self) -> DownloadStatus:
        """The outcome's status: `ok`, or what went wrong."""
        return self.outcome.status

    @property
    def ok(self) -> bool:
        """Whether there is an image."""
        return self.outcome.status is DownloadStatus.OK
