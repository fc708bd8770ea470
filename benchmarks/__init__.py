"""The suite against baselines, for whoever works on the library: `python -m benchmarks.d1 --output d1.json`, one case at a time.

Figures count as ratios of things measured in one run on one machine, alternating, after a warm-up, as median with minimum and
maximum.
"""
