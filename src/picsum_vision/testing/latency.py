"""How long an embedded server waits before it answers."""

from __future__ import annotations

import dataclasses
import math
import random


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latency:
    """Lognormal waiting time with the given mean; the usual shape of a remote service's answers.

    `mean_s` in seconds (0: no wait); `sigma` is the spread of the underlying normal: 0 makes every wait the mean.
    """

    mean_s: float = 0.0
    sigma: float = 0.5

    def sample_s(self, rng: random.Random) -> float:
        """Draw one wait in seconds."""
        if self.mean_s <= 0:
            return 0.0
        mu = math.log(self.mean_s) - self.sigma**2 / 2
        return rng.lognormvariate(mu, self.sigma)
