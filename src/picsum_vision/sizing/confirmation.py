"""What is asked before somebody else's host or model is loaded: how many requests, how many tokens, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from picsum_vision.describing.backends import AiQuery, ChatCompletions
from picsum_vision.describing.image_tokens import image_token_rule, text_tokens
from picsum_vision.describing.spending import cost
from picsum_vision.errors import SettingError
from picsum_vision.images.shrinking import shrunk_size
from picsum_vision.sizing.load import questions
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.spark.estimate import usual_output_tokens

Confirm = bool | Callable[[str], bool]


def confirm_load(config: SizingConfig, fetched: int, notebook_images: int, tasks: int, confirm: Confirm) -> None:
    """Go on if the servers are our own or the load is confirmed; else raise SettingError with the estimate."""
    parts = []
    if not config.own_images:
        parts.append(f"{fetched:,} images from {urlsplit(config.base_url or '').hostname}")
    asked = questions(config, tasks, notebook_images)
    if not config.own_model and asked:
        parts.append(_questions(config, asked))
    if not parts:
        return
    estimate = f"this suite asks for {' and '.join(parts)}"
    if confirm is True or (callable(confirm) and confirm(estimate)):
        return
    raise SettingError(f"confirm: {estimate}; not confirmed: --yes on the command line, confirm=True in Python")


def _questions(config: SizingConfig, number: int) -> str:
    backend, options = config.backend, config.describe_options
    if not isinstance(backend, (AiQuery, ChatCompletions)):
        return f"{number:,} answers of {type(backend).__name__} in the workers"
    side_px = options.max_image_side_px
    width, height = (
        (config.width, config.height) if isinstance(backend, AiQuery) else shrunk_size(config.width, config.height, side_px)
    )
    tokens_in = number * (image_token_rule(backend.model_name).tokens(width, height) + text_tokens(config.task.full_prompt))
    tokens_out = number * min(usual_output_tokens(config.task.name, options), options.max_output_tokens)
    price = cost(options, tokens_in, tokens_out)
    costs = "at a price that was not given" if price is None else f"for about {price:,.2f}"
    return f"{number:,} answers of {backend.model_name}, about {tokens_in:,} + {tokens_out:,} tokens, {costs}"
