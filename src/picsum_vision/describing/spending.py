"""What the answers of one task have cost, and whether another question fits the budget."""

from __future__ import annotations

from picsum_vision.options import DescribeOptions

_PER_MILLION = 1_000_000


def cost(options: DescribeOptions, input_tokens: int | None, output_tokens: int | None) -> float | None:
    """Return the price of so many tokens in the currency of the options' prices, None where no price is set."""
    if options.input_price_per_million_tokens is None or options.output_price_per_million_tokens is None:
        return None
    tokens_in, tokens_out = input_tokens or 0, output_tokens or 0
    return (tokens_in * options.input_price_per_million_tokens + tokens_out * options.output_price_per_million_tokens) / _PER_MILLION


class Spending:
    """One task's share of `max_cost_total`.

    Invariant: no question starts unless what is spent, and the dearest answer so far for each question in the air, leave room.
    """

    def __init__(self, options: DescribeOptions, share: float) -> None:
        """Allow `share` (0 to 1) of the job's budget."""
        self._options = options
        self._left = None if options.max_cost_total is None else options.max_cost_total * share
        self._dearest = cost(options, 0, options.max_output_tokens) or 0.0
        self._in_the_air = 0

    def may_ask(self) -> bool:
        """Return whether another question fits; if so it is counted as asked."""
        if self._left is None:
            return True
        if (self._in_the_air + 1) * self._dearest > self._left:
            return False
        self._in_the_air += 1
        return True

    def count(self, input_tokens: int | None, output_tokens: int | None) -> None:
        """Take in what an answer used."""
        if self._left is None:
            return
        spent = cost(self._options, input_tokens, output_tokens) or 0.0
        self._in_the_air -= 1
        self._left -= spent
        self._dearest = max(self._dearest, spent)
