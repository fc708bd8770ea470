"""Many requests at once, within limits: the rolling window, lanes, adaptive limits, byte budgets and retries.

Knows neither HTTP nor Spark nor Arrow; `download` and `describe` use it, and it can be used and tested alone.
"""
