"""How well the planner predicts: constants are fitted at one setting, and three other settings are predicted, then measured.

`python -m benchmarks.plan_check fit`, then `... slow-model`, `... limited-model`, `... slow-host`, then `... page`. The figures
of `docs/sizing-predictions.md` and of the library's own constants come from there.
"""
