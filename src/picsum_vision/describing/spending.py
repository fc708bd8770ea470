"""What the answers of one task have cost, and whether another question fits the budget."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Final

from picsum_vision.describing.backends import Backend, BatchChat
from picsum_vision.options import DescribeOptions

_PER_MILLION: Final = 1_000_000
# Sums of many prices differ in their last digits by the order in which they are added.
_ROUNDING: Final = 1e-9


def cost(options: DescribeOptions, input_tokens: int | None, output_tokens: int | None) -> float | None:
    """Return the price of so many tokens in the currency of the options' prices, None where no price is set."""
    if options.input_price_per_million_tokens is None or options.output_price_per_million_tokens is None:
        return None
    tokens_in, tokens_out = input_tokens or 0, output_tokens or 0
    return (
        tokens_in * options.input_price_per_million_tokens + tokens_out * options.output_price_per_million_tokens
    ) / _PER_MILLION


def at_price_of(options: DescribeOptions, price_factor: float) -> DescribeOptions:
    """Return the options with the prices of an endpoint that takes `price_factor` times the usual ones."""
    prices = (options.input_price_per_million_tokens, options.output_price_per_million_tokens)
    given, made = (None if price is None else price * price_factor for price in prices)
    return dataclasses.replace(options, input_price_per_million_tokens=given, output_price_per_million_tokens=made)


def price_factor(backend: Backend) -> float:
    """Return what the backend's prices are multiplied by."""
    return backend.price_factor if isinstance(backend, BatchChat) else 1.0


class Spending:
    """One task's share of `max_cost_total`.

    Invariant: what is spent and what is set aside for the questions in the air never exceed the share, as long as no answer costs
    more than was set aside for it. A question that would only not fit because of others in the air waits for their real price.
    """

    def __init__(self, options: DescribeOptions, share: float) -> None:
        """Allow `share` (0 to 1) of the job's budget."""
        self._options = options
        self._left = None if options.max_cost_total is None else options.max_cost_total * share
        self._set_aside = 0.0
        self._in_the_air = 0
        self._settled: asyncio.Event | None = None

    async def set_aside(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return what is set aside for a question of at most so many tokens, None if the budget has no room for it."""
        if self._left is None:
            return 0.0
        wanted = cost(self._options, input_tokens, output_tokens) or 0.0
        while self._set_aside + wanted > self._left * (1 + _ROUNDING):
            if not self._in_the_air or wanted > self._left * (1 + _ROUNDING):
                return None
            self._settled = self._settled or asyncio.Event()
            await self._settled.wait()
        self._set_aside += wanted
        self._in_the_air += 1
        return wanted

    def set_aside_at_once(self, input_tokens: int, output_tokens: int, *, whatever: bool = False) -> float | None:
        """As `set_aside`, but None also where there would be room later; `whatever`: the question is in the air already."""
        wanted = cost(self._options, input_tokens, output_tokens) or 0.0
        if self._left is None:
            return 0.0
        if not whatever and self._set_aside + wanted > self._left * (1 + _ROUNDING):
            return None
        self._set_aside += wanted
        self._in_the_air += 1
        return wanted

    def settle(self, set_aside: float, spent: float) -> None:
        """Give back what was set aside for a question, and take what it cost."""
        if self._left is None:
            return
        self._in_the_air -= 1
        # Nothing in the air is exactly nothing, whatever rounding has left.
        self._set_aside = max(0.0, self._set_aside - set_aside) if self._in_the_air else 0.0
        self._left -= spent
        if self._settled is not None:
            self._settled.set()
            self._settled = None
