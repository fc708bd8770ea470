"""An export as a plain Python file, as a user would write it, on whatever Spark the words name.

python export_job.py FOLDER master|remote ADDRESS
"""

from __future__ import annotations

import json
import sys

import picsum_vision as pv
from picsum_vision.testing.image_server import ImageServer

if __name__ == "__main__":
    folder, kind, address = sys.argv[1:]
    spark = pv.local_session(f"{folder}/tables", **{kind: address})
    with ImageServer() as server:
        urls = pv.generate_urls(spark, count=12, start=80, width=32, height=24, base_url=server.base_url)
        images = pv.download(urls, options=pv.DownloadOptions(allow_private_addresses=True))
        reports = [pv.export(images, layout, f"{folder}/{layout}") for layout in ("webdataset", "huggingface", "files")]
        try:
            pv.export(images, "files", f"{folder}/files")
        except pv.SettingError as error:
            refused = str(error)
        pixels = pv.as_spark_images(images).where("image IS NOT NULL").count()
        files = pv.as_binary_files(images).count()
    found = {
        "session": type(spark).__module__,
        "images": [report.images for report in reports],
        "left_out": [report.left_out for report in reports],
        "refused": refused,
        "rows": [pixels, files],
    }
    print(json.dumps(found))
    spark.stop()
