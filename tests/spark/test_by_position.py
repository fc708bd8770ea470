"""Columns beside the image may have any name and any type, in every transform."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image
from pyspark.sql import functions as F

import picsum_vision as pv

pytestmark = pytest.mark.spark

OPTIONS = pv.DownloadOptions(allow_private_addresses=True)
NAMES = ["x.y", "a`b", "twice", "twice", "TWICE", "two words", "", "*", "${env:HOME}", "'", "\\", "città", "line\nbreak", "picsum_vision_column_0"]
TYPES = [
    "make_interval(1, 2, 0, 3, 4, 5, 6.000001)",
    "make_interval(-1, -2)",
    "interval '1-2' year to month",
    "interval '-3' month",
    "interval '3 04:05:06' day to second",
    "null",
    "array()",
    "array(null)",
    "array(array())",
    "map('a', null)",
    "struct()",
    "named_struct('a.b', 1, 'c`d', 2)",
    "named_struct('i', make_interval(2), 'm', map('k', array(interval '3' month)))",
    "map(named_struct('x', 1), array(1))",
    "map(date'2020-01-01', binary('a'))",
    "timestamp_ntz'2020-01-01 00:00:00'",
    "timestamp'1500-01-01 00:00:00.000001'",
    "cast(1.5 as decimal(38, 18))",
    "float('nan')",
    "binary('abc')",
    "cast('x' as char(3))",
]
if pv_is_4 := not __import__("pyspark").__version__.startswith("3."):
    TYPES += ["parse_json('{\"a\": 1}')", "array(parse_json('1'))", "'a' collate UTF8_LCASE", "array('a' collate UNICODE)"]
if pv_is_4 and __import__("pyspark").__version__ >= "4.1":
    TYPES += ["time'12:13:14'"]
COLUMNS = [(NAMES[place % len(NAMES)], kind) for place, kind in enumerate(TYPES)]


def picture() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(held, "PNG")
    return held.getvalue()


def with_bystanders(spark, columns, **of_ours):
    """Return one row with these columns in front, and ours, each a value and its type, behind."""
    ours = [F.lit(value).cast(kind) for value, kind in of_ours.values()]
    rows = spark.range(1).select(*(F.expr(kind) for _, kind in columns), *ours)
    return rows.toDF(*(name for name, _ in columns), *of_ours)


def told(df, number):
    """Return the first columns as text: Python has no object for some of their types."""
    numbered = df.toDF(*(f"c{place}" for place in range(len(df.columns))))
    return [row[0] for row in numbered.select(F.struct(*numbered.columns[:number]).cast("string")).collect()]


def nullable(df, number):
    return [(field.name, field.dataType.simpleString()) for field in df.schema.fields[:number]]


def download(df, _):
    return pv.download(df, options=OPTIONS), ["image_binary", "download_outcome"]


def describe(df, _):
    return pv.describe(df, pv.PixelDescriber(), image_col="picture"), ["descrizione", "describe_outcome"]


def download_and_describe(df, _):
    made = pv.download_and_describe(df, pv.PixelDescriber(), download_options=OPTIONS, output_col="x_y", outcome_col="how")
    return made, ["download_outcome", "x_y", "how"]


def as_spark_images(df, _):
    return pv.as_spark_images(df, image_col="picture"), ["image"]


def by_ai_query(df, _):
    pv.register_ai_query(df.sparkSession, pv.PixelDescriber())
    return pv.describe(df, pv.AiQuery("m"), image_col="picture"), ["descrizione", "describe_outcome"]


TRANSFORMS = [download, describe, download_and_describe, as_spark_images]
if pv_is_4:
    TRANSFORMS.append(by_ai_query)


@pytest.fixture(scope="module")
def ours(image_server):
    return {"image_url": (f"{image_server.base_url}/id/1/8/8", "string"), "picture": (picture(), "binary")}


def check(transform, df, number):
    made, added = transform(df, number)
    assert made.columns == [*df.columns, *added]
    assert nullable(made, number) == nullable(df, number)
    assert told(made, number) == told(df, number)
    (outcome,) = made.select(F.struct(*[F.lit(1)])).collect() and made.toDF(*map(str, range(len(made.columns)))).select(
        str(len(made.columns) - 1)
    ).collect()
    assert transform is as_spark_images or outcome[0].status == "ok"


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_bystanders_of_any_name_and_type(spark, ours, transform):
    """Every column beside the image comes out as it went in, whatever its name and type."""
    check(transform, with_bystanders(spark, COLUMNS, **ours), len(COLUMNS) + 2)


@pytest.mark.soak
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("kind", TYPES)
def test_each_type_under_each_name(spark, ours, transform, kind):
    """No type depends on the name that its column has."""
    check(transform, with_bystanders(spark, [(name, kind) for name in NAMES], **ours), len(NAMES) + 2)
