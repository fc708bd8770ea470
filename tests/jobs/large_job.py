"""The whole job over many small images, with the local session's own memory; prints what stands in the tables.

python large_job.py FOLDER ROWS IMAGE_HOST
"""

from __future__ import annotations

import json
import sys
import time

import picsum_vision as pv
from picsum_vision.spark.tables import TableStore

if __name__ == "__main__":
    folder, rows, host = sys.argv[1:]
    spark = pv.local_session(folder)
    job = pv.PipelineConfig(
        images=int(rows),
        by="seed",
        width=40,
        height=30,
        base_url=host,
        download=pv.DownloadOptions(allow_private_addresses=True, total_timeout_s=60),
    )
    began_s = time.monotonic()
    report = pv.run_pipeline(spark, job, progress=lambda line: print(line, file=sys.stderr, flush=True))
    found = {"seconds": round(time.monotonic() - began_s, 1), "report": report.as_dict(), "rows": {}}
    for role in ("image_urls", "image_codes", "image_desc"):
        counts = TableStore(spark, job.tables).read(role).selectExpr("count(1)", "count(DISTINCT image_url)")
        found["rows"][role] = list(counts.collect()[0])
    print(json.dumps(found))
    spark.stop()
