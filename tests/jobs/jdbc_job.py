"""A small job twice, into Iceberg tables whose catalog is a database (SQLite) reached by JDBC.

python jdbc_job.py FOLDER
"""

from __future__ import annotations

import json
import sys

import picsum_vision as pv
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer

if __name__ == "__main__":
    folder = sys.argv[1]
    prefix = "spark.sql.catalog.in_database"
    spark = pv.local_session(
        folder,
        master="local[2]",
        driver_memory="1g",
        extra_conf={
            "spark.jars.packages": "org.xerial:sqlite-jdbc:3.46.1.3",
            prefix: "org.apache.iceberg.spark.SparkCatalog",
            f"{prefix}.type": "jdbc",
            f"{prefix}.uri": f"jdbc:sqlite:{folder}/catalog.db",
            f"{prefix}.warehouse": f"{folder}/warehouse",
            f"{prefix}.jdbc.schema-version": "V1",
        },
    )
    tables = pv.Tables(catalog="in_database", schema="pictures")
    with ImageServer() as server:
        job = pv.PipelineConfig(
            images=30,
            start=80,
            width=64,
            height=48,
            base_url=server.base_url,
            tables=tables,
            download=pv.DownloadOptions(allow_private_addresses=True),
        )
        first = pv.run_pipeline(spark, job)
        requests = server.stats()["requests"]
        second = pv.run_pipeline(spark, job)
        asked_again = server.stats()["requests"] - requests
    store = TableStore(spark, tables)
    found = {
        "first": first.as_dict(),
        "second": second.as_dict(),
        "asked_again": asked_again,
        "rows": {role: store.read(role).count() for role in ("image_urls", "image_codes", "image_desc", "image_runs")},
    }
    print(json.dumps(found))
    spark.stop()
