"""The main job as a plain Python file, as a user would write it: twice, on whatever Spark the words name.

python main_job.py FOLDER master|remote ADDRESS
"""

from __future__ import annotations

import json
import sys

from watching import Watching

import picsum_vision as pv
from picsum_vision.testing.image_server import ImageServer, Latency

if __name__ == "__main__":
    folder, kind, address = sys.argv[1:]
    spark = pv.local_session(folder, **{kind: address})
    with ImageServer(latency=Latency(mean_s=0.3)) as server:
        job = pv.PipelineConfig(
            images=30,
            start=80,
            width=64,
            height=48,
            base_url=server.base_url,
            download=pv.DownloadOptions(allow_private_addresses=True, max_in_flight_per_task=4),
        )
        diagnosis = pv.doctor(spark, config=job)
        server.reset_stats()
        watching = Watching()
        first = pv.run_pipeline(spark, job, progress=watching)
        requests = server.stats()["requests"]
        second = pv.run_pipeline(spark, job)
        asked_again = server.stats()["requests"] - requests
    rows = spark.sql(
        "SELECT count(*), count(DISTINCT image_url), count(descrizione) FROM platform_catalog.marketplace.image_desc"
    )
    found = {
        "session": type(spark).__module__,
        "first": first.as_dict(),
        "second": second.as_dict(),
        "requests": requests,
        "seen_done": [event.rows_done for event in watching.events if event.step == "download_and_describe"],
        "diagnosis": {each.name: [each.verdict.value, each.message] for each in diagnosis.findings},
        "asked_again": asked_again,
        "rows": list(rows.collect()[0]),
    }
    print(json.dumps(found))
    spark.stop()
