"""A scheduled stream, to be killed at any moment, or to be left to its end; then it prints what stands in the tables.

python stream_job.py FOLDER iceberg|delta master|remote ADDRESS IMAGES IMAGE_HOST MODEL_BASE_URL

The first start puts the addresses into image_urls.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import picsum_vision as pv
from picsum_vision.spark.tables import TableStore

if __name__ == "__main__":
    folder, table_format, kind, address, images, host, model = sys.argv[1:]
    spark = pv.local_session(folder, table_format=table_format, driver_memory="1g", **{kind: address})
    tables = pv.Tables(path=str(Path(folder) / "delta") if table_format == "delta" else None)
    store = TableStore(spark, tables)
    store.make_missing()
    if store.read("image_urls").count() < int(images):
        urls = pv.generate_urls(spark, count=int(images), by="seed", width=32, height=24, base_url=host)
        store.append_missing("image_urls", urls)
    job = pv.PipelineConfig(
        tables=tables,
        backend=pv.ChatCompletions(model, "test-vision"),
        download=pv.DownloadOptions(allow_private_addresses=True),
        describe=pv.DescribeOptions(max_in_flight_per_task=8, deduplicate=False),
        partitions=2,
        checkpoint_interval_s=1,
    )
    query = pv.run_stream(spark, job, checkpoint_location=str(Path(folder) / "checkpoint"))
    query.awaitTermination()
    found = {"session": type(spark).__module__}
    for role in ("image_urls", "image_codes", "image_desc"):
        rows = store.read(role).select("image_url").collect()
        found[role] = [len(rows), len({row["image_url"] for row in rows})]
    runs = store.read("image_runs").orderBy("started_at").collect()
    found["runs"] = [[run["state"], run["rows"], run["describe_by_status"]] for run in runs]
    print(json.dumps(found))
    spark.stop()
