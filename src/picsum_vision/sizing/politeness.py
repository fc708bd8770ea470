"""What a public service that asks not to be load-tested is spared: many images, and many requests at once."""

from __future__ import annotations

import dataclasses
from typing import Final
from urllib.parse import urlsplit

from picsum_vision.errors import SettingError
from picsum_vision.sizing.settings import LIVE_IN_FLIGHT_AT_MOST, SizingConfig, is_live

LIVE_IMAGES_AT_MOST: Final = 100


def check_politeness(config: SizingConfig, images_fetched: int) -> None:
    """Refuse to measure such a service beyond a small bound."""
    if config.base_url is None or not is_live(config.base_url):
        return
    host = urlsplit(config.base_url).hostname
    if images_fetched > LIVE_IMAGES_AT_MOST:
        raise SettingError(
            f"sizes: {images_fetched:,} images in all is not allowed from {host}, which asks not to be load-tested; at most "
            f"{LIVE_IMAGES_AT_MOST}, as with --sizes 20 --repeats 1 --notebook-images 0, or leave --base-url out for a server of "
            "this machine"
        )
    in_flight = config.download_options.max_in_flight_per_task
    if in_flight > LIVE_IN_FLIGHT_AT_MOST:
        raise SettingError(
            f"max_in_flight_per_task: {in_flight} is not allowed with {host}, which asks not to be load-tested; "
            f"at most {LIVE_IN_FLIGHT_AT_MOST}, which the tasks share"
        )


def polite(config: SizingConfig, tasks: int) -> SizingConfig:
    """Return the suite with its downloads narrowed so that such a service sees no more at once than is allowed, of all tasks.

    `tasks` is how many the session runs at the same time.
    """
    if config.base_url is None or not is_live(config.base_url):
        return config
    at_once = config.tasks_of(tasks)
    partitions = LIVE_IN_FLIGHT_AT_MOST if at_once > LIVE_IN_FLIGHT_AT_MOST else config.partitions
    options = config.download_options
    each = min(options.max_in_flight_per_task, max(1, LIVE_IN_FLIGHT_AT_MOST // at_once))
    return dataclasses.replace(config, partitions=partitions, download=dataclasses.replace(options, max_in_flight_per_task=each))
