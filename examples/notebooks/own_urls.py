# Databricks notebook source
# MAGIC %md
# MAGIC # Other people's pictures
# MAGIC
# MAGIC Any list of image addresses: a table, or a `.parquet`, `.csv` or `.txt` file. Each address ends in the tables once, described or with the
# MAGIC reason why not; what failed for a passing reason is tried again.
# MAGIC
# MAGIC - **Databricks:** put the wheel on the cluster or into the environment first.
# MAGIC - **Laptop:** `pip install 'picsum-vision[demo]' jupyterlab`, with Java 17 or newer.
# MAGIC
# MAGIC Say where your list is with the widget `urls_from` (on a laptop the environment variable `PICSUM_VISION_URLS_FROM`) and which column has the
# MAGIC addresses with `url_col`. Without a list, a small one is made as an example.

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

BASE_URL = setting("base_url", "https://picsum.photos")
TABLES = pv.Tables(catalog=setting("catalog", "platform_catalog"), schema=setting("own_schema", "own_pictures"))
URL_COL = setting("url_col", "photo")
spark.sql(f"CREATE SCHEMA IF NOT EXISTS {TABLES.catalog}.`{TABLES.schema}`")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The list
# MAGIC
# MAGIC The example has good addresses, one of a picture that does not exist, and one that is no address at all.

# COMMAND ----------

urls_from = setting("urls_from", "")
if not urls_from:
    urls_from = f"{TABLES.catalog}.`{TABLES.schema}`.example_list"
    photos = [f"{BASE_URL}/id/{number}/640/480" for number in (10, 11, 12, 13, 86)]
    rows = [(f"A-{number}", photo) for number, photo in enumerate([*photos, "not an address"])]
    spark.createDataFrame(rows, f"sku STRING, {URL_COL} STRING").write.mode("overwrite").saveAsTable(urls_from)
urls_from

# COMMAND ----------

# MAGIC %md
# MAGIC ## The job
# MAGIC
# MAGIC Strangers' hosts are asked gently: their limits are found and obeyed, and addresses inside your network are refused unless you allow them.

# COMMAND ----------

options = pv.DownloadOptions(
    total_timeout_s=20,
    max_in_flight_per_host_per_task=8,
    allow_private_addresses=setting("allow_private_addresses", "false") == "true",
)
on_databricks = "DATABRICKS_RUNTIME_VERSION" in os.environ
if setting("backend", "ai-query" if on_databricks else "pixels") == "ai-query":
    backend = pv.AiQuery(setting("model", "databricks-llama-4-maverick"))
else:
    backend = pv.PixelDescriber()
job = pv.PipelineConfig(
    urls_from=urls_from, url_col=URL_COL, tables=TABLES, backend=backend, task=pv.Describe(language="en"), download=options
)
report = pv.run_pipeline(spark, job)
report

# COMMAND ----------

# MAGIC %md
# MAGIC ## What failed, and why

# COMMAND ----------

spark.sql(f"""
    SELECT download_outcome.status, download_outcome.http_status, count(*) AS rows, first(image_url) AS example
    FROM {TABLES.readable("image_codes")}
    WHERE download_outcome.status <> 'ok'
    GROUP BY ALL ORDER BY rows DESC
""").show(truncate=False)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Once more for what can change
# MAGIC
# MAGIC A timeout can, a picture that does not exist cannot. Nothing that is ok is fetched or asked again.

# COMMAND ----------

import dataclasses

again = pv.run_pipeline(spark, dataclasses.replace(job, retry_failed=True))
print(again)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Your own columns beside the answers
# MAGIC
# MAGIC The tables are keyed by address: join them back to the list.

# COMMAND ----------

answers = spark.table(TABLES.readable("image_desc")).withColumnRenamed("image_url", URL_COL)
if "." in urls_from and not urls_from.endswith((".parquet", ".csv", ".tsv", ".txt")):  # a table
    spark.table(urls_from).join(answers, URL_COL, "left").select("*").drop("describe_outcome").show(truncate=40)

# COMMAND ----------

pictures = spark.table(TABLES.readable("image_codes")).join(spark.table(TABLES.readable("image_desc")), "image_url")
pv.display_gallery(pictures)
