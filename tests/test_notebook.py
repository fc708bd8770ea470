"""The notebook that people have today, cell by cell as they wrote it, on open Spark 4."""

from __future__ import annotations

import pytest

import picsum_vision as pv

pytestmark = pytest.mark.spark

# As published, but for the host, the number of images and the time that a test has.
GENERATE = """
base_url = HOST
image_ids = list(range(1, 9))
urls = [f"{base_url}/id/{image_id}/800/600" for image_id in image_ids]
df_urls = spark.createDataFrame([(url,) for url in urls], ["image_url"])
df_urls.write.mode("overwrite").saveAsTable("platform_catalog.marketplace.image_urls")
"""
DOWNLOAD = """
import requests
from pyspark.sql.functions import udf, col
from pyspark.sql.types import BinaryType

def download_image(url):
    try:
        response = requests.get(url, timeout=10)
        if response.status_code == 200:
            return response.content
        return None
    except Exception:
        return None

download_udf = udf(download_image, BinaryType())
df_urls = spark.table("platform_catalog.marketplace.image_urls")
df_images = df_urls.withColumn("image_binary", download_udf(col("image_url")))
df_images.write.mode("overwrite").saveAsTable("platform_catalog.marketplace.image_codes")
"""
DESCRIBE = """
df_desc = spark.sql('''
SELECT image_url,
       ai_query('databricks-llama-4-maverick',
                'Descrivi dettagliatamente il contenuto di questa immagine.',
                files => image_binary) AS descrizione
FROM platform_catalog.marketplace.image_codes
''')
df_desc.write.mode("overwrite").saveAsTable("platform_catalog.marketplace.image_desc")
"""
LOOK = """
found = spark.sql("SELECT image_url, descrizione FROM platform_catalog.marketplace.image_desc LIMIT 10").collect()
"""


def test_the_cells_run_as_they_are_and_the_library_goes_on_from_there(spark, image_server):
    """The notebook's cells run verbatim, and run_pipeline then completes the very tables that they made."""
    spark.sql("CREATE SCHEMA IF NOT EXISTS platform_catalog.marketplace")
    pv.register_ai_query(spark, pv.PixelDescriber())
    names = {"spark": spark, "HOST": image_server.base_url}
    for cell in (GENERATE, DOWNLOAD, DESCRIBE, LOOK):
        exec(compile(cell, "notebook", "exec"), names)  # noqa: S102 - the notebook's own cells
    found = names["found"]
    assert len(found) == 8
    assert all(row.descrizione.startswith("Immagine orizzontale di 800 × 600 pixel") for row in found)

    job = pv.PipelineConfig(images=10, base_url=image_server.base_url, download=pv.DownloadOptions(allow_private_addresses=True))
    report = pv.run_pipeline(spark, job)
    assert (report.rows, report.download.skipped, report.describe.skipped) == (10, 8, 8)
    assert spark.table("platform_catalog.marketplace.image_desc").count() == 10
    assert spark.table("platform_catalog.marketplace.image_desc").columns == ["image_url", "descrizione", "describe_outcome"]
