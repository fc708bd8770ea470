"""How many requests a whole suite makes, known before it starts. `tasks` are those of the suite that run at once."""

from __future__ import annotations

from typing import Final

from picsum_vision.describing.backends import ChatCompletions
from picsum_vision.sizing.settings import SizingConfig

_WARM_UP_AT_MOST: Final = 4_000
# For the notebook's method; somebody else's hosts are asked for a row a task only.
_ROWS_PER_TASK: Final = 10
_REAL_ROWS_PER_TASK: Final = 1
_ROWS_AT_MOST: Final = 400


def share_of_images(config: SizingConfig, tasks: int) -> int:
    """Return on how many images the notebook's method is measured; 0 leaves it out."""
    if config.notebook_images is not None:
        return config.notebook_images
    per_task = _ROWS_PER_TASK if config.own_images and config.own_model else _REAL_ROWS_PER_TASK
    return min(tasks * per_task, _ROWS_AT_MOST)


def warm_up_images(config: SizingConfig, tasks: int) -> int:
    """Return how many images the first, cold run has: one a task, with servers of our own enough that the window opens fully."""
    if not (config.own_images and config.own_model):
        return min(tasks, max(config.sizes))
    widest = 2 * tasks * max(config.download_options.max_in_flight_per_task, config.describe_options.max_in_flight_per_task)
    return max(1, min(widest, max(config.sizes), _WARM_UP_AT_MOST))


def images_fetched(config: SizingConfig, tasks: int, notebook_images: int) -> int:
    """Return how many images the whole suite asks the host for."""
    passes = ("download" in config.stages) + ("total" in config.stages)
    # Its downloads are measured; the images that it asks about are fetched once more, out of its time.
    by_notebook = config.repeats * notebook_images * (2 if _notebook_asks(config) else 1)
    return passes * (warm_up_images(config, tasks) + config.repeats * sum(config.sizes)) + by_notebook


def questions(config: SizingConfig, tasks: int, notebook_images: int) -> int:
    """Return how many questions the whole suite asks."""
    passes = ("describe" in config.stages) + ("total" in config.stages)
    by_notebook = config.repeats * notebook_images if _notebook_asks(config) else 0
    return passes * (warm_up_images(config, tasks) + config.repeats * sum(config.sizes)) + by_notebook


def _notebook_asks(config: SizingConfig) -> bool:
    """Return whether the notebook's method can ask: it speaks HTTP."""
    return config.own_model or isinstance(config.backend, ChatCompletions)
