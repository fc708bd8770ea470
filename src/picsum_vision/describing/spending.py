"""What the answers of a job have cost, and whether another request fits `max_cost_total`.

A price is known only when the answer is there, so the bound is kept by what may be under way. A job with a bound has one task.

States of a request: waiting -> in flight (reserved) -> settled, with what it may have cost.

- Reserved for each request in flight is the worst price: the dearest so far, and at least the estimate of the dearest request.
- Alone (nothing in flight) a request starts if spent + worst price fits the bound. Beside others it starts only if twice the
  worst price fits for each of them and itself, and no more are in flight than answers have told a price: the first goes alone.
- A price that was told is spent as told; an answer without usage at the worst price; what may have been billed although no
  answer came (a timeout) at twice the worst price; what was refused costs nothing.

So the bound is passed by one request at most, and by no more than what that one costs, as long as no request costs more than
twice the worst price known when it was sent; one at a time (`max_in_flight_per_task=1`) whatever any of them costs. See
docs/decisions/0019-the-bound-on-cost.md.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Final

from picsum_vision.describing.backends import Backend, BatchChat
from picsum_vision.describing.job_terms import JobTerms
from picsum_vision.options import DescribeOptions

_PER_MILLION: Final = 1_000_000
# Sums of many prices differ in their last digits by the order in which they are added.
_ROUNDING: Final = 1e-9
# How much dearer than any before it one of several requests in flight may be.
_MARGIN: Final = 2
# About what vision models write, where nothing bounds them: a paragraph, or a small JSON object.
_USUAL_OUTPUT_TOKENS: Final = {"describe": 250, "extract": 120, "objects": 60, "text": 80, "sentiment": 15, "classify": 15}


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
    """The money of one job's only task; without `max_cost_total` everything fits."""

    def __init__(self, options: DescribeOptions, terms: JobTerms, *, in_flight_per_answer: int = 1) -> None:
        """Go on from what the job's earlier chunks have learnt; `in_flight_per_answer` may start for each price that was told."""
        self._options = options
        self._left = options.max_cost_total
        self.worst = terms.dearest
        self._told = terms.told
        self._in_flight_per_answer = in_flight_per_answer
        self._input_ratio = 1.0
        self._output_tokens = options.max_output_tokens
        self._in_flight = 0
        self._changed: asyncio.Event | None = None

    async def reserve(self, input_tokens: int) -> bool:
        """Wait until a request with this estimate of its input may start; False if the bound has no room for it."""
        while not self.reserve_now(input_tokens):
            assert self._left is not None  # noqa: S101 - or there is always room
            if not self._in_flight or self._price(input_tokens) > self._left * (1 + _ROUNDING):
                return False
            self._changed = self._changed or asyncio.Event()
            await self._changed.wait()
        return True

    def reserve_now(self, input_tokens: int, *, is_sent: bool = False) -> bool:
        """Return whether such a request may start now, and if so count it as in flight; `is_sent`: it is in flight already."""
        if self._left is None:
            return True
        price = self._price(input_tokens)
        if not is_sent and not self._fits(price, self._left * (1 + _ROUNDING)):
            return False
        self.worst = price
        self._in_flight += 1
        return True

    def _price(self, input_tokens: int) -> float:
        """Return the worst price, at least that of a request with this estimate at the worst ratio and length seen."""
        return max(self.worst, cost(self._options, round(input_tokens * self._input_ratio), self._output_tokens) or 0.0)

    def _fits(self, price: float, left: float) -> bool:
        if not self._in_flight:
            return price <= left
        together = self._in_flight + 1
        return together <= self._told * self._in_flight_per_answer and _MARGIN * together * price <= left

    def settle_told(self, input_tokens: int, used: tuple[int, int]) -> float:
        """Take in the input and output tokens that an answer has `used`; return its price."""
        price = cost(self._options, *used) or 0.0
        self.worst = max(self.worst, price)
        self._input_ratio = max(self._input_ratio, used[0] / max(1, input_tokens))
        self._output_tokens = max(self._output_tokens, used[1])
        self._told += 1
        return self._settle(price)

    def settle_untold(self) -> float:
        """Take in an answer that does not say what it used; return what it counts as."""
        self._told += 1
        return self._settle(self.worst)

    def settle_failed(self, *, may_be_billed: bool) -> float:
        """Take in that there is no answer; return what the request counts as."""
        return self._settle(_MARGIN * self.worst if may_be_billed else 0.0)

    def _settle(self, spent: float) -> float:
        if self._left is None:
            return 0.0
        self._in_flight -= 1
        self._left -= spent
        if self._changed is not None:
            self._changed.set()
            self._changed = None
        return spent


def usual_output_tokens(task_name: str, options: DescribeOptions) -> int:
    """Return about how many tokens an answer to the task has, where nobody has counted yet."""
    return _USUAL_OUTPUT_TOKENS.get(task_name, options.max_output_tokens)
