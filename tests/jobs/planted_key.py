"""A job whose endpoint repeats the key that it is sent, in every way that it can; prints all that a user may see of it.

python planted_key.py FOLDER BASE_URL env|file PLACE
"""

from __future__ import annotations

import io
import logging
import sys
import traceback
import warnings
from pathlib import Path

import mlflow
from PIL import Image
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

import picsum_vision as pv

# Under pyspark the console takes what is less than a warning from loggers with a level of their own only.
LOGGING = """
logger.spark.name = org.apache.spark
logger.spark.level = info
logger.iceberg.name = org.apache.iceberg
logger.iceberg.level = info
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c{1}: %m%n%ex%n
"""


def png(number: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (number, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def logged_session(folder: Path):
    (folder / "log4j2.properties").write_text(LOGGING)
    (folder / "events").mkdir()
    conf = {
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": (folder / "events").as_uri(),
        "spark.eventLog.compress": "false",
        "spark.sql.shuffle.partitions": "1",
    }
    return pv.local_session(folder / "tables", master="local[2]", driver_memory="1g", extra_conf=conf)


def show_failures(df) -> None:
    """Print the exceptions of a plan that fails with the descriptions in it."""
    try:
        df.select(F.assert_true(F.col("describe_outcome.status") == "nothing", F.col("describe_outcome.message"))).collect()
    except PySparkException as error:
        print("".join(traceback.format_exception(error)))
        logging.getLogger("job").exception("a failed action")


if __name__ == "__main__":
    folder, base_url, kind, place = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
    logging.basicConfig(level=logging.DEBUG)
    warnings.simplefilter("ignore")
    backend = pv.ChatCompletions(base_url, "echo", api_key=getattr(pv.Secret, kind)(place))
    options = pv.DescribeOptions(max_attempts=2, max_retry_wait_s=0.1, request_timeout_s=5)
    spark = logged_session(folder)
    images = spark.createDataFrame([(number, png(number)) for number in range(60)], "number INT, image_binary BINARY")
    described = pv.describe(images, backend, options=options)
    typed = pv.describe(images, backend, task=pv.Sentiment(), options=options)
    described.explain(True)
    print(repr(backend), described)
    spark.sql("CREATE NAMESPACE IF NOT EXISTS platform_catalog.marketplace")
    described.drop("image_binary").writeTo("platform_catalog.marketplace.described").create()
    typed.drop("image_binary").writeTo("platform_catalog.marketplace.typed").create()
    for name in ("described", "typed"):
        for row in spark.table(f"platform_catalog.marketplace.{name}").collect():
            print(row)
    show_failures(described)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    with mlflow.start_run():
        pv.log_describer(backend, options=options)
        mlflow.log_dict(
            spark.table("platform_catalog.marketplace.described").limit(5).toPandas().astype(str).to_dict(), "rows.json"
        )
    spark.stop()
