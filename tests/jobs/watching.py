"""Who watches a job: what it tells of itself, kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import picsum_vision as pv


class Watching:
    """Keeps every event, and looks often."""

    look_every_s = 0.1

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.events: list[pv.ProgressEvent] = []

    def __call__(self, event: pv.ProgressEvent) -> None:
        """Keep an event."""
        self.events.append(event)
