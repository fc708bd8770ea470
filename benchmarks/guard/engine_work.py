"""A fixed small piece of work for the engine and its bridge, without Spark: `python -m benchmarks.guard.engine_work KIND`.

It runs in a process of its own, so that nothing else is counted, and prints one JSON object: operations for each row.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
from PIL import Image

from benchmarks.guard.call_counter import CallCounter
from picsum_vision.describing.backends import ChatCompletions
from picsum_vision.describing.tasks import Describe
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.describe_stage import DescribeStage
from picsum_vision.spark.download_stage import DownloadStage
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelServer

ROWS: Final = 300
WARM_UP_ROWS: Final = 60
# A whole number of windows; few enough that the servers are never behind.
_IN_FLIGHT: Final = 20


def download(counter: CallCounter) -> dict[str, float]:
    """Fetch small pictures from the embedded server."""
    options = DownloadOptions(allow_private_addresses=True, max_in_flight_per_task=_IN_FLIGHT)
    with ImageServer(warm_sizes=[(64, 48)], distinct_pictures=8) as server:

        def work(first: int, rows: int) -> int:
            urls = [f"{server.base_url}/seed/{number}/64/48" for number in range(first, first + rows)]
            return _through(DownloadStage(options=options).open(), "image_url", pa.array(urls), "download_outcome")

        counted = _counted(counter, work, server)
        return {**counted, "connections": float(server.stats()["connections_opened"])}


def describe(counter: CallCounter) -> dict[str, float]:
    """Ask the embedded model about small pictures, each another one."""
    with ModelServer() as server:
        stage = DescribeStage(
            backend=ChatCompletions(server.base_url, "test-vision"),
            task=Describe(),
            options=DescribeOptions(max_in_flight_per_task=_IN_FLIGHT),
            output_col="descrizione",
        )

        def work(first: int, rows: int) -> int:
            pictures = [_picture(number) for number in range(first, first + rows)]
            return _through(stage.open(), "image_binary", pa.array(pictures, pa.binary()), "describe_outcome")

        return _counted(counter, work, server)


def _counted(counter: CallCounter, work: Callable[[int, int], int], server: Any) -> dict[str, float]:
    """Warm up, then count: imports and first connections are no rows."""
    work(0, WARM_UP_ROWS)
    server.reset_stats()
    counter.begin()
    ok = work(WARM_UP_ROWS, ROWS)
    counted = counter.end()
    if ok != ROWS:
        raise SystemExit(f"{ROWS - ok} of {ROWS} rows are not ok")
    return {
        **{f"{name}_per_row": round(number / ROWS, 2) for name, number in counted.items()},
        "requests_per_row": round(server.stats()["requests"] / ROWS, 3),
    }


def _through(stage: Any, column: str, values: pa.Array, outcome: str) -> int:
    """Return how many rows came out ok."""
    batch = pa.RecordBatch.from_arrays([values], names=[column])
    out = list(ArrowBridge[Any](stage, column).process(iter([batch])))
    return sum(status == "ok" for each in out for status in each.column(outcome).field("status").to_pylist())


def _picture(number: int) -> bytes:
    """Return a small picture that no other number has."""
    data = io.BytesIO()
    Image.new("RGB", (32, 24), (number % 256, number // 256, 90)).save(data, "PNG")
    return data.getvalue()


def main(words: list[str]) -> None:
    """Count what the first word names; the second, if any, names a function that makes the library worse first."""
    counter = CallCounter()
    if len(words) > 1:
        module, _, function = words[1].partition(":")
        getattr(importlib.import_module(module), function)()
    kinds = {"download": download, "describe": describe}
    print(json.dumps(kinds[words[0]](counter)))


if __name__ == "__main__":
    main(sys.argv[1:])
