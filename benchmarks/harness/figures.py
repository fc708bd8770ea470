"""The figures of one run, out of what the contestant, its processes and the server told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.harness.case import Group
from benchmarks.harness.statistics import is_near


def figures(group: Group, rows_ok: int, seconds: float, used: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that are compared.

    `client_cpu_seconds` are those of Spark's Python workers where there are any, else those of all the contestant's processes;
    `cpu_seconds` are always all of them, the server's apart. `rows_per_second_once_started` is from the first request that
    the server saw to its last answer. `wasted` are the requests beyond those that the right rows needed.
    """
    server = seen["server"]
    cpu = used["cpu_seconds"]
    total = sum(cpu.values())
    client = cpu.get("python_worker", total)
    wasted = server["requests"] - group.requests_per_row * rows_ok
    memory = used["peak_rss_mb"]
    found = {
        "rows_ok": rows_ok,
        "seconds": seconds,
        "rows_per_second": rows_ok / seconds,
        "rows_per_second_once_started": rows_ok / server["seconds"] if server.get("seconds") else None,
        "seconds_per_row": seconds / rows_ok if rows_ok else None,
        "cpu_seconds": total,
        "client_cpu_seconds": client,
        "rows_per_client_cpu_second": rows_ok / client if client else None,
        "cpu_seconds_per_1000_rows": 1000 * total / rows_ok if rows_ok else None,
        "peak_in_flight": server["peak_in_flight"],
        "requests": server["requests"],
        "requests_per_row": server["requests"] / rows_ok if rows_ok else None,
        "refused": server["refused"],
        "wasted": wasted,
        "wasted_share": wasted / server["requests"] if server["requests"] else None,
        "megabytes_sent_per_row": server["bytes_received"] / 1e6 / rows_ok if rows_ok and "bytes_received" in server else None,
        "model_peak_in_flight": seen["model"]["peak_in_flight"] if "model" in seen else None,
        "questions": seen["model"]["requests"] if "model" in seen else None,
        "share_of_ideal": rows_ok / seconds / ideal if (ideal := _ideal(group, server["peak_in_flight"])) else None,
        "main_peak_rss_mb": memory.get("main"),
        "jvm_peak_rss_mb": memory.get("jvm"),
        "python_worker_peak_rss_mb": max(memory["python_workers"], default=None),
    }
    return {name: value for name, value in found.items() if value is not None}


def _ideal(group: Group, peak_in_flight: int) -> float | None:
    """Return the ideal rate, None for those who had another number in flight than it is the ideal of."""
    if group.ideal_in_flight is None:
        return group.ideal_rows_per_second
    wanted = min(group.ideal_in_flight, group.rows)
    return group.ideal_rows_per_second if is_near(peak_in_flight, wanted) else None
