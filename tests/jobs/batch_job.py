"""200 pictures described by a batch endpoint, as a plain Python file on whatever Spark the words name.

python batch_job.py FOLDER master|remote ADDRESS BASE_URL
"""

from __future__ import annotations

import io
import json
import sys
from collections import Counter

from PIL import Image

import picsum_vision as pv


def picture(number: int) -> bytes:
    """Draw a picture of one colour, another for each number."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 24), (number % 256, number // 2, 100)).save(stream, "PNG")
    return stream.getvalue()


if __name__ == "__main__":
    folder, kind, address, base_url = sys.argv[1:]
    spark = pv.local_session(folder, **{kind: address})
    images = spark.createDataFrame([(number, picture(number)) for number in range(200)], "number INT, image_binary BINARY")
    backend = pv.BatchChat(base_url, "test-vision", poll_interval_s=0.1, max_requests_per_file=60)
    rows = pv.describe(images, backend, partitions=2).select("number", "descrizione", "describe_outcome").collect()
    found = {
        "session": type(spark).__module__,
        "rows": sorted(row["number"] for row in rows),
        "status": Counter(row["describe_outcome"]["status"] for row in rows),
        "answers": len({row["descrizione"] for row in rows}),
        "input_tokens": sum(row["describe_outcome"]["input_tokens"] or 0 for row in rows),
    }
    print(json.dumps(found))
    spark.stop()
