"""Whether `ai_query` answers, found out by one question about a tiny picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspark.errors import PySparkException

from picsum_vision.describing.backends import AiQuery
from picsum_vision.describing.tasks import Describe
from picsum_vision.images.tiny_picture import tiny_picture
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeStatus
from picsum_vision.redaction import cause
from picsum_vision.spark.ai_query import describe_with_ai_query
from picsum_vision.spark.ai_query_problems import problem

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MAX_OUTPUT_TOKENS: Final = 16
# The model was reached and answered, if only in part.
_ANSWERED: Final = frozenset({DescribeStatus.OK.value, DescribeStatus.EMPTY_ANSWER.value})


def probe_ai_query(spark: SparkSession, backend: AiQuery) -> None:
    """Ask one question, which is paid for; raise ModelProblem, in one line with the remedy, if no answer comes.

    Tells apart: no such function here, no files, no images, no permission, no such endpoint, and an endpoint that cannot be
    reached. Some of them the platform says only when it runs the question, which `describe` on a whole table would find out late.
    """
    rows = spark.createDataFrame([(tiny_picture(),)], "image BINARY")
    options = DescribeOptions(max_output_tokens=_MAX_OUTPUT_TOKENS)
    asked = describe_with_ai_query(rows, backend, "image", "answer", Describe(), options)
    try:
        (row,) = asked.select("describe_outcome.status", "describe_outcome.message").collect()
    except PySparkException as error:
        raise problem(backend, error) from cause(error)
    if row["status"] not in _ANSWERED:
        raise problem(backend, row["message"] or row["status"])
