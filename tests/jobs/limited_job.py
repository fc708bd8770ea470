"""Bounds for a whole job, on the Spark that the word names; servers that grant just so much count what comes.

python limited_job.py FOLDER MASTER
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd

import picsum_vision as pv
from picsum_vision.testing.image_server import ImageServer, Latency, RateLimit
from picsum_vision.testing.model_server import ModelServer

ROWS = 160
PER_SECOND = 40
PER_MINUTE = 1_200
LATENCY = Latency(mean_s=0.05)


def daemons(spark: Any) -> int:
    """Return how many executors work: each has a daemon of its own, which starts its Python workers."""

    def parent(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            yield pd.DataFrame({"parent": [os.getppid()] * len(frame)})

    return spark.range(0, 100, 1, 2).mapInPandas(parent, "parent long").distinct().count()


def outcomes(rows: Any, column: str, server: Any) -> dict[str, Any]:
    statuses = [row["status"] for row in rows.select(f"{column}.status").collect()]
    counted = server.stats()
    return {"ok": statuses.count("ok"), "requests": counted["requests"], "refused": counted["refused"]}


if __name__ == "__main__":
    folder, master = sys.argv[1:]
    spark = pv.local_session(folder, master=master)
    found: dict[str, Any] = {"executors": daemons(spark)}
    # A quarter of a second's worth may come at once: tasks that each took the whole bound would be refused as often as not.
    limit = RateLimit(requests_per_second=PER_SECOND, burst=PER_SECOND // 4)
    with ImageServer(rate_limit=limit, latency=LATENCY) as images:
        urls = pv.generate_urls(spark, ROWS, by="seed", width=64, height=48, base_url=images.base_url)
        bounded = pv.DownloadOptions(allow_private_addresses=True, requests_per_second_per_host_total=PER_SECOND)
        # Kept, for each action would ask again.
        pictures = pv.download(urls, options=bounded).cache()
        found["download"] = outcomes(pictures, "download_outcome", images)
    with ModelServer(requests_per_minute=PER_MINUTE, limit_burst_s=0.25, latency=LATENCY) as model:
        # Each row asks: drawn pictures are often the same.
        asked = pv.DescribeOptions(requests_per_minute_total=PER_MINUTE, deduplicate=False)
        answers = pv.describe(pictures, pv.ChatCompletions(model.base_url, "test-vision"), options=asked)
        found["describe"] = outcomes(answers, "describe_outcome", model)
    print(json.dumps(found))
    spark.stop()
