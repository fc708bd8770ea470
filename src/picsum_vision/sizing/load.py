"""How much a whole suite asks for, known before it starts, and what is refused or asked because of it.

`tasks` are those of the suite that run at once. A public service that asks not to be load-tested is spared many images and many
requests at once; somebody else's host or model is loaded only after a yes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from picsum_vision.describing.backends import AiQuery, ChatCompletions
from picsum_vision.describing.image_tokens import image_token_rule, text_tokens
from picsum_vision.describing.spending import cost, usual_output_tokens
from picsum_vision.describing.tasks import Task
from picsum_vision.errors import SettingError
from picsum_vision.images.shrinking import shrunk_size
from picsum_vision.options import DescribeOptions
from picsum_vision.picsum_list import listed_ids
from picsum_vision.sizing.result import StageName
from picsum_vision.sizing.settings import LIVE_IN_FLIGHT_AT_MOST, SizingConfig, is_live

LIVE_IMAGES_AT_MOST: Final = 100
_WARM_UP_AT_MOST: Final = 4_000
# For the notebook's method; somebody else's hosts are asked for a row a task only.
_ROWS_PER_TASK: Final = 10
_REAL_ROWS_PER_TASK: Final = 1
_ROWS_AT_MOST: Final = 400

Confirm = bool | Callable[[str], bool]


def share_of_images(config: SizingConfig, tasks: int) -> int:
    """Return on how many images the notebook's method is measured; 0 leaves it out."""
    if config.notebook_images is not None:
        return config.notebook_images
    per_task = _ROWS_PER_TASK if config.base_url is None and config.backend is None else _REAL_ROWS_PER_TASK
    return min(tasks * per_task, _ROWS_AT_MOST)


def warm_up_images(config: SizingConfig, tasks: int) -> int:
    """Return how many images the first, cold run has: one a task, with servers of our own enough that the window opens fully."""
    if config.base_url is not None or config.backend is not None:
        return min(tasks, max(config.sizes))
    widest = 2 * tasks * max(config.download_options.max_in_flight_per_task, config.describe_options.max_in_flight_per_task)
    return max(1, min(widest, max(config.sizes), _WARM_UP_AT_MOST))


def rows_asked_for(config: SizingConfig, tasks: int, stage: StageName) -> int:
    """Return how many images the whole suite fetches ("download"), or how many questions it asks ("describe")."""
    passes = (stage in config.stages) + ("total" in config.stages)
    # The notebook's method speaks HTTP alone. Its downloads are measured; images that it asks about are fetched once more.
    it_asks = config.backend is None or isinstance(config.backend, ChatCompletions)
    by_notebook = (it_asks + (stage == "download")) * config.repeats * share_of_images(config, tasks)
    return passes * (warm_up_images(config, tasks) + config.repeats * sum(config.sizes)) + by_notebook


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


def check_list(config: SizingConfig, base_url: str, notebook_images: int) -> None:
    """Raise SettingError where `by` is "list" and the list is too short; the host is asked for it once."""
    if config.by != "list":
        return
    wanted = {"sizes": max(config.sizes), "notebook_images": notebook_images}
    listed = len(listed_ids(base_url, skip=0, count=max(wanted.values())))
    for name, images in wanted.items():
        if images > listed:
            raise SettingError(
                f"{name}: {images:,} is not allowed with by='list': the host's list has {listed:,} pictures; "
                f"give at most that many, or by='seed'"
            )


def checked_load(config: SizingConfig, tasks: int, confirm: Confirm) -> SizingConfig:
    """Return the suite as narrow as a public service asks; refuse what is not polite, and ask before what loads or costs.

    `tasks` is how many the session runs at the same time.
    """
    narrowed = polite(config, tasks)
    at_once = narrowed.tasks_of(tasks)
    fetched = rows_asked_for(narrowed, at_once, "download")
    check_politeness(config, fetched)
    asked = rows_asked_for(narrowed, at_once, "describe")
    parts = []
    if config.base_url is not None:
        parts.append(f"{fetched:,} images from {urlsplit(config.base_url).hostname}")
    if config.backend is not None and asked:
        parts.append(_questions(config, asked))
    estimate = f"this suite asks for {' and '.join(parts)}"
    if parts and confirm is not True and not (callable(confirm) and confirm(estimate)):
        raise SettingError(f"confirm: {estimate}; not confirmed: --yes on the command line, confirm=True in Python")
    return narrowed


def question(
    backend: type[Any], size: tuple[int, int], *, model: str, task: Task, options: DescribeOptions, tokens_out: int | None = None
) -> tuple[tuple[int, int], int, int]:
    """Return how large a picture is sent, how many tokens a question about it has, and how many its answer."""
    # `ai_query` is given a picture as it is.
    sent_size = size if issubclass(backend, AiQuery) else shrunk_size(*size, options.max_image_side_px)
    tokens_in = image_token_rule(model).tokens(*sent_size) + text_tokens(task.full_prompt)
    return sent_size, tokens_in, min(tokens_out or usual_output_tokens(task.name, options), options.max_output_tokens)


def _questions(config: SizingConfig, number: int) -> str:
    backend, options = config.backend, config.describe_options
    if not isinstance(backend, (AiQuery, ChatCompletions)):
        return f"{number:,} answers of {type(backend).__name__} in the workers"
    size = (config.width, config.height)
    _, each_in, each_out = question(type(backend), size, model=backend.model_name, task=config.task, options=options)
    tokens_in, tokens_out = number * each_in, number * each_out
    price = cost(options, tokens_in, tokens_out)
    costs = "at a price that was not given" if price is None else f"for about {price:,.2f}"
    return f"{number:,} answers of {backend.model_name}, about {tokens_in:,} + {tokens_out:,} tokens, {costs}"
