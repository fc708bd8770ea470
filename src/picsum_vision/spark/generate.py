"""A DataFrame of Lorem Picsum's URLs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from picsum_vision.picsum_list import listed_ids
from picsum_vision.urls import LOREM_PICSUM, By, PicsumUrls

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def generate_urls(
    spark: SparkSession,
    count: int = 1000,
    *,
    start: int = 1,
    width: int = 800,
    height: int = 600,
    by: By = "id",
    base_url: str = LOREM_PICSUM,
    grayscale: bool = False,
    blur: int | None = None,
    suffix: str = "",
) -> DataFrame:
    """Return `count` image URLs, `image_url STRING`.

    Parameters
    ----------
    count, start
        How many, from which number on. With by="list" `start` counts the host's list from 1.
    width, height
        Pixels, 0 to 5000; 0 is the picture's own size.
    by
        "id": the host's numbers one after the other, as the notebook has it; about 87 of the first 1,000 do not exist.
        "seed": any number gives a picture. "list": numbers that the host's /v2/list names; asks the host, on the driver.
    base_url
        The host, as in `https://picsum.photos`.
    grayscale, blur, suffix
        Without colours; blurred from 1 to 10; "", ".jpg" or ".webp".

    Raises
    ------
    SettingError
        If a setting is wrong.
    ImageSourceError
        If by="list" and the list cannot be read.

    """
    urls = PicsumUrls(
        count=count,
        start=start,
        width=width,
        height=height,
        by=by,
        base_url=base_url,
        grayscale=grayscale,
        blur=blur,
        suffix=suffix,
    )
    return url_frame(spark, urls)


def url_frame(spark: SparkSession, urls: PicsumUrls) -> DataFrame:
    """Return the URLs as a DataFrame, put together by Spark itself."""
    numbers = _listed(spark, urls) if urls.by == "list" else spark.range(urls.start, urls.start + urls.count)
    return numbers.select(
        F.concat(F.lit(urls.before_number), F.col("id").cast("string"), F.lit(urls.after_number)).alias("image_url")
    )


def _listed(spark: SparkSession, urls: PicsumUrls) -> DataFrame:
    ids = listed_ids(urls.base_url, skip=max(0, urls.start - 1), count=urls.count)
    if len(ids) < urls.count:
        warnings.warn(f"count: the host lists {len(ids)} pictures from number {urls.start} on, not {urls.count}", stacklevel=3)
    return spark.createDataFrame([(number,) for number in ids], "id STRING")
