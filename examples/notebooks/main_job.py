# Databricks notebook source
# MAGIC %md
# MAGIC # A thousand pictures, described
# MAGIC
# MAGIC The four cells of the well-known notebook (generate, download, describe, look), and after them the one call that does the same and does
# MAGIC nothing twice. It runs unchanged on Databricks and on a laptop.
# MAGIC
# MAGIC - **Databricks:** put the wheel on the cluster or into the environment, or run `%pip install /Volumes/.../picsum_vision-....whl` in a cell
# MAGIC   of its own first. What `picsum-vision setup-sql` prints makes catalog, schema and grants.
# MAGIC - **Laptop:** `pip install 'picsum-vision[demo]' jupyterlab`, with Java 17 or newer. The tables lie in the folder `picsum-vision-data`.
# MAGIC
# MAGIC Settings are widgets on Databricks, where a job's parameters arrive, and environment variables (`PICSUM_VISION_IMAGES=100`) elsewhere.

# COMMAND ----------

import os

import picsum_vision as pv


def setting(name, default):
    """Return a widget's value on Databricks, an environment variable's elsewhere."""
    if "dbutils" in globals():
        dbutils.widgets.text(name, default)
        return dbutils.widgets.get(name)
    return os.environ.get(f"PICSUM_VISION_{name.upper()}", default)


if "spark" not in globals():  # on Databricks it is there
    spark = pv.local_session("picsum-vision-data")

IMAGES = int(setting("images", "1000"))
BASE_URL = setting("base_url", "https://picsum.photos")
TABLES = pv.Tables(catalog=setting("catalog", "platform_catalog"), schema=setting("schema", "marketplace"))
OPTIONS = pv.DownloadOptions(allow_private_addresses=setting("allow_private_addresses", "false") == "true")

on_databricks = "DATABRICKS_RUNTIME_VERSION" in os.environ
if setting("backend", "ai-query" if on_databricks else "pixels") == "ai-query":
    BACKEND = pv.AiQuery(setting("model", "databricks-llama-4-maverick"))
else:
    BACKEND = pv.PixelDescriber()  # no model: it says what it measures in the pixels

spark.sql(f"CREATE SCHEMA IF NOT EXISTS {TABLES.catalog}.`{TABLES.schema}`")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 1. Generate

# COMMAND ----------

urls = pv.generate_urls(spark, count=IMAGES, base_url=BASE_URL)
urls.write.mode("overwrite").saveAsTable(TABLES.readable("image_urls"))
spark.table(TABLES.readable("image_urls")).show(3, truncate=False)

# COMMAND ----------

# MAGIC %md
# MAGIC ## 2. Download
# MAGIC
# MAGIC A picture that cannot be had is a row with its reason. Of the first 1,000 ids about 87 do not exist and are 404.

# COMMAND ----------

images = pv.download(spark.table(TABLES.readable("image_urls")), options=OPTIONS)
images.write.mode("overwrite").saveAsTable(TABLES.readable("image_codes"))
spark.table(TABLES.readable("image_codes")).groupBy("download_outcome.status", "download_outcome.http_status").count().show()

# COMMAND ----------

# MAGIC %md
# MAGIC ## 3. Describe
# MAGIC
# MAGIC A write evaluates once. A `show()` of what is in no table would ask, and pay, again.

# COMMAND ----------

described = pv.describe(spark.table(TABLES.readable("image_codes")).select("image_url", "image_binary"), BACKEND)
described.drop("image_binary").write.mode("overwrite").saveAsTable(TABLES.readable("image_desc"))
spark.table(TABLES.readable("image_desc")).groupBy("describe_outcome.status").count().show()

# COMMAND ----------

# MAGIC %md
# MAGIC ## 4. Look

# COMMAND ----------

pictures = spark.table(TABLES.readable("image_codes")).join(spark.table(TABLES.readable("image_desc")), "image_url")
pv.display_gallery(pictures, max_rows=50)

# COMMAND ----------

# MAGIC %md
# MAGIC ## All of it in one call, and nothing twice
# MAGIC
# MAGIC The cells above overwrite. `run_pipeline` fills the same tables and does only what is missing: after them there is nothing left to do. This is the
# MAGIC cell for a daily job. A run that was ended goes on where it was; more images cost only the new ones.

# COMMAND ----------

job = pv.PipelineConfig(images=IMAGES, base_url=BASE_URL, tables=TABLES, backend=BACKEND, download=OPTIONS)
report = pv.run_pipeline(spark, job)
report
