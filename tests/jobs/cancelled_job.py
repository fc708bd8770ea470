"""A run that is interrupted on Spark Connect by a tag, another one with all of its session, and one that does the rest.

python cancelled_job.py FOLDER
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable

import picsum_vision as pv
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelFault, ModelServer

TAG = "a-cell"
NEVER_S = 200


def wait(condition: Callable[[], bool], within_s: float = 60) -> None:
    give_up_at_s = time.monotonic() + within_s
    while not condition() and time.monotonic() < give_up_at_s:
        time.sleep(0.1)


if __name__ == "__main__":
    spark = pv.local_session(sys.argv[1], remote="local[2]")

    def settings(model: ModelServer) -> pv.PipelineConfig:
        return pv.PipelineConfig(
            images=24,
            width=64,
            height=48,
            base_url=images.base_url,
            partitions=2,
            backend=pv.ChatCompletions(model.base_url, "test-vision"),
            describe=pv.DescribeOptions(request_timeout_s=NEVER_S),
            download=pv.DownloadOptions(allow_private_addresses=True),
            when_busy="refuse",
        )

    def interrupted(interrupt: Callable[[], object]) -> dict[str, object]:
        errors: list[Exception] = []

        def run() -> None:
            spark.addTag(TAG)
            try:
                pv.run_pipeline(spark, settings(model))
            except Exception as error:  # noqa: BLE001 - what the test looks at
                errors.append(error)

        with ModelServer(faults=[ModelFault("hang", share=0.5, duration_s=NEVER_S)]) as model:
            cell = threading.Thread(target=run)
            cell.start()
            wait(lambda: model.stats()["in_flight"] >= 6)
            interrupt()
            wait(lambda: model.stats()["in_flight"] == 0, within_s=30)
            stats = model.stats()
            time.sleep(1)
            cell.join(60)
            after = model.stats()["requests"] - stats["requests"]
        return {"in_flight": stats["in_flight"], "requests": stats["requests"], "requests_after": after, "error": str(errors[:1])}

    with ImageServer() as images:
        found = {
            "session": type(spark).__module__,
            "interruptTag": interrupted(lambda: spark.interruptTag(TAG)),
            "interruptAll": interrupted(spark.interruptAll),
        }
        with ModelServer() as model:
            found["ok"] = pv.run_pipeline(spark, settings(model)).describe.ok
    rows = spark.sql("SELECT count(*), count(DISTINCT image_url) FROM platform_catalog.marketplace.image_desc")
    print(json.dumps(found | {"rows": list(rows.collect()[0])}))
    spark.stop()
