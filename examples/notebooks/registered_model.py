# Databricks notebook source
# MAGIC %md
# MAGIC # A describer in the model registry
# MAGIC
# MAGIC Log a describer as an MLflow model, register it, give it an alias, and describe pictures with whatever the alias means today. The model is loaded once
# MAGIC in each worker process; one picture that it cannot digest is an outcome of its own row.
# MAGIC
# MAGIC - **Databricks:** put the wheel on the cluster first. The model goes to Unity Catalog as `catalog.schema.describer`.
# MAGIC - **Laptop:** `pip install 'picsum-vision[demo,mlflow]' jupyterlab`, with Java 17 or newer. The registry is the file `mlflow.db`.

# COMMAND ----------

import os

import mlflow

import picsum_vision as pv


def setting(name, default):
    """Return a widget's value on Databricks, an environment variable's elsewhere."""
    if "dbutils" in globals():
        dbutils.widgets.text(name, default)
        return dbutils.widgets.get(name)
    return os.environ.get(f"PICSUM_VISION_{name.upper()}", default)


if "spark" not in globals():  # on Databricks it is there
    spark = pv.local_session("picsum-vision-data")

if "DATABRICKS_RUNTIME_VERSION" in os.environ:
    mlflow.set_registry_uri("databricks-uc")
    MODEL = f"{setting('catalog', 'platform_catalog')}.{setting('schema', 'marketplace')}.describer"
else:
    if "MLFLOW_TRACKING_URI" not in os.environ:
        mlflow.set_tracking_uri(f"sqlite:///{os.path.abspath('mlflow.db')}")
    MODEL = "describer"

# COMMAND ----------

# MAGIC %md
# MAGIC ## Log and register
# MAGIC
# MAGIC Here it is the describer without a model. In its place `pv.ChatCompletions("https://...", "a-model", api_key=pv.Secret...)` makes an
# MAGIC endpoint available under a name; its key does not go with it, only where it is read from.

# COMMAND ----------

info = pv.log_describer(pv.PixelDescriber(), task=pv.Describe(language="en"), registered_model_name=MODEL)
mlflow.MlflowClient().set_registered_model_alias(MODEL, "champion", info.registered_model_version)
print(f"{MODEL}, version {info.registered_model_version}, is the champion")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Describe with it

# COMMAND ----------

urls = pv.generate_urls(spark, count=int(setting("images", "20")), base_url=setting("base_url", "https://picsum.photos"))
options = pv.DownloadOptions(allow_private_addresses=setting("allow_private_addresses", "false") == "true")
images = pv.download(urls, options=options)
described = pv.describe(images, pv.PyFunc(f"models:/{MODEL}@champion", max_batch_images=16))

gallery = pv.display_gallery(described)  # evaluates once
gallery

# COMMAND ----------

# MAGIC %md
# MAGIC ## A model of your own
# MAGIC
# MAGIC It takes a DataFrame with one BINARY column, gives one text a row. A signature that does not fit is refused before any work.

# COMMAND ----------

from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema


class Sizes(mlflow.pyfunc.PythonModel):
    """Say how many bytes an image has."""

    def predict(self, context, model_input, params=None):
        """Answer each row of a DataFrame with the column `image`."""
        return [f"{len(image):,} bytes" for image in model_input["image"]]


signature = ModelSignature(inputs=Schema([ColSpec("binary", "image")]), outputs=Schema([ColSpec("string")]))
with mlflow.start_run():
    own = mlflow.pyfunc.log_model("sizes", python_model=Sizes(), signature=signature, pip_requirements=["pandas"])
sized = pv.describe(images, pv.PyFunc(own.model_uri), output_col="size")
sized.select("image_url", "size", "describe_outcome.status").show(5, truncate=False)
