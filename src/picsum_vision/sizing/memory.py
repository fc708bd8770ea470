"""What a Python worker holds while images are under way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picsum_vision.sizing.demand import Demand

# Rows on their way out of a worker.
_EMITTED_MB: Final = 32
_MB: Final = 1_000_000
_AS_BASE64: Final = 4 / 3


def modelled_mb(demand: Demand, stage: str = "total") -> float:
    """Return what the model says of one worker beside what it holds by itself: its images, and rows on their way out."""
    if stage == "describe":
        demand = dataclasses.replace(demand, download_in_flight_per_task=0)
    elif stage == "download":
        demand = dataclasses.replace(demand, describe_in_flight_per_task=0)
    return _EMITTED_MB + held_mb(demand)


def held_mb(demand: Demand) -> float:
    """Return what one task's images come to: its window, as full as it gets, and the bodies of its questions."""
    questions = demand.describe_in_flight_per_task if demand.is_fused else 0
    places = min(demand.download_in_flight_per_task + questions, demand.window_images_per_task)
    # Who asks holds the image's place in the window as well.
    asked = min(questions, demand.window_images_per_task)
    return (places * demand.image_bytes + asked * body_bytes(demand)) / _MB


def body_bytes(demand: Demand) -> float:
    """Return the bytes of one question: its image as it is sent, in base64, which an endpoint's limit counts."""
    sent = demand.image_bytes if demand.sent_bytes is None else demand.sent_bytes
    return min(sent * _AS_BASE64, demand.max_payload_bytes)
