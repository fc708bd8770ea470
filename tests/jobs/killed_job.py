"""A job over two servers, to be killed at any moment, or to be left to its end; then it prints what stands in the tables.

python killed_job.py FOLDER iceberg|delta IMAGES IMAGE_HOST MODEL_BASE_URL [MASTER]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import picsum_vision as pv
from picsum_vision.spark.tables import TableStore

if __name__ == "__main__":
    folder, table_format, images, host, model, *master = sys.argv[1:]
    spark = pv.local_session(folder, master=(master or ["local[2]"])[0], table_format=table_format, driver_memory="1g")
    tables = pv.Tables(path=str(Path(folder) / "delta") if table_format == "delta" else None)
    job = pv.PipelineConfig(
        images=int(images),
        by="seed",
        width=32,
        height=24,
        base_url=host,
        tables=tables,
        backend=pv.ChatCompletions(model, "test-vision"),
        download=pv.DownloadOptions(allow_private_addresses=True),
        describe=pv.DescribeOptions(max_in_flight_per_task=8, deduplicate=False),
        partitions=2,
        checkpoint_interval_s=1,
    )
    report = pv.run_pipeline(spark, job, progress=lambda line: print(line, file=sys.stderr, flush=True))
    found = {"report": report.as_dict()}
    for role in ("image_urls", "image_codes", "image_desc"):
        rows = TableStore(spark, tables).read(role).select("image_url").collect()
        found[role] = [len(rows), len({row["image_url"] for row in rows})]
    print(json.dumps(found))
    spark.stop()
