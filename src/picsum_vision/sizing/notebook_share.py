"""The notebook's method, measured in the same run on a share of the images, with as many tasks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from picsum_vision.describing.backends import ChatCompletions
from picsum_vision.redaction import redact_text
from picsum_vision.sizing.load import share_of_images
from picsum_vision.sizing.notebook_method import client_of_workers, described, downloaded
from picsum_vision.sizing.result import NotebookFigures, SizingResult
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.sizing.target import Target
from picsum_vision.spark.generate import generate_urls
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.transforms import download

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def measure_notebook(
    spark: SparkSession, config: SizingConfig, target: Target, result: SizingResult, say: Callable[[str], None]
) -> None:
    """Measure download and question as often as the sizes are, and put them into the result."""
    tasks = config.tasks_of(tasks_at_once(spark))
    images = share_of_images(config, tasks)
    if not images:
        return
    figures = NotebookFigures(images=images, client=client_of_workers(spark), tasks=tasks)
    result.notebook = figures
    for number in range(config.repeats):
        say(f"the notebook's method on {images} images, one request at a time in {tasks} tasks, repeat {number + 1}")
        urls = _spread(_urls(spark, config, target, images), tasks)
        _time(figures, "download", downloaded(urls), "image_binary", images)
        if not isinstance(target.backend, ChatCompletions):
            figures.left_out["describe"] = f"{type(target.backend).__name__} is no HTTP endpoint"
            continue
        # Its questions are about images that are there already: they stand in the query's own plan.
        pictures = download(urls, options=config.download_options).where("image_binary IS NOT NULL").select("image_binary")
        came = [(bytes(row[0]),) for row in pictures.collect()]
        held = spark.createDataFrame(came, "image_binary BINARY")
        asked = described(
            _spread(held, tasks), target.backend, config.task.full_prompt, config.describe_options.max_output_tokens
        )
        _time(figures, "describe", asked, "descrizione", len(came))


def _urls(spark: SparkSession, config: SizingConfig, target: Target, images: int) -> DataFrame:
    return generate_urls(spark, images, by=config.by, width=config.width, height=config.height, base_url=target.base_url)


def _spread(rows: DataFrame, tasks: int) -> DataFrame:
    """Deal the rows out evenly: the notebook is measured at its best."""
    return rows.repartition(tasks)


def _time(figures: NotebookFigures, stage: str, rows: DataFrame, column: str, number: int) -> None:
    """Measure one of its stages; where its way of dealing with errors makes the job fail, that is what is told of it."""
    began_s = time.monotonic()
    try:
        ok = rows.agg(F.count(F.when(F.length(column) > 0, 1)).alias("ok")).collect()[0]["ok"]
    except PySparkException as error:
        figures.left_out[stage] = f"its job failed ({redact_text(' '.join(str(error).split()))[-200:]})"
        for kept in (figures.seconds, figures.rows, figures.rows_ok):
            kept.pop(stage, None)
        return
    if stage not in figures.left_out:
        figures.seconds.setdefault(stage, []).append(round(time.monotonic() - began_s, 4))
        figures.rows.setdefault(stage, []).append(number)
        figures.rows_ok.setdefault(stage, []).append(ok)
