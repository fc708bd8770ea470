# Databricks notebook source
# MAGIC %md
# MAGIC # What the tables hold
# MAGIC
# MAGIC Nothing is fetched or asked here: rows by status, ten descriptions, and a gallery, which is kept as a page too. Settings are widgets,
# MAGIC where a job's parameters arrive, and environment variables (`PICSUM_VISION_SCHEMA=pictures`) off Databricks.

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

TABLES = pv.Tables(catalog=setting("catalog", "platform_catalog"), schema=setting("schema", "marketplace"))
FOLDER = setting("folder", ".")

# COMMAND ----------

images = spark.table(TABLES.readable("image_codes"))
answers = spark.table(TABLES.readable("image_desc"))
images.groupBy("download_outcome.status", "download_outcome.http_status").count().orderBy("count", ascending=False).show()
answers.groupBy("describe_outcome.status").count().orderBy("count", ascending=False).show()

# COMMAND ----------

answers.select("image_url", "descrizione").where("descrizione IS NOT NULL").show(10, truncate=100)

# COMMAND ----------

gallery = pv.display_gallery(images.join(answers, "image_url"), max_rows=200)
print(gallery.save(f"{FOLDER}/gallery.html"))
gallery
