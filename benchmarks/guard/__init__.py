"""The guard against slowness: operations are counted, not timed, so that it says the same on every machine.

`python -m benchmarks.guard` counts and compares with `bounds.json`; `--renew` writes that file anew.
"""
