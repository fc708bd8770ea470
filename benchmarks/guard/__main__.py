"""Count, and compare with the bounds: `python -m benchmarks.guard [--renew]`."""

from __future__ import annotations

import argparse
import sys
import tempfile

from benchmarks.guard.bounds import ENGINE_KINDS, count_engine, outside, read_bounds, write_bounds
from benchmarks.guard.job_work import job


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if everything is within its bounds, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--renew", action="store_true", help="store what is counted now as the new bounds")
    asked = parser.parse_args(arguments)
    counted = {kind: count_engine(kind) for kind in ENGINE_KINDS} | {"job": _count_job()}
    for kind, counts in counted.items():
        print(f"{kind}: " + ", ".join(f"{name} {number:g}" for name, number in counts.items()))
    if asked.renew:
        write_bounds(counted)
        return 0
    bounds = read_bounds()
    lines = [line for kind, counts in counted.items() for line in outside(kind, counts, bounds)]
    print("\n".join(lines) or "within the bounds", file=sys.stderr if lines else sys.stdout)
    return 1 if lines else 0


def _count_job() -> dict[str, float]:
    import picsum_vision as pv  # noqa: PLC0415 - Spark only where it is used

    with tempfile.TemporaryDirectory() as warehouse:
        spark = pv.local_session(warehouse, master="local[2]")
        try:
            return job(spark)
        finally:
            spark.stop()


if __name__ == "__main__":
    sys.exit(main())
