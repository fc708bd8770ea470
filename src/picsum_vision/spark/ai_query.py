"""The platform's `ai_query` as a column: planned on the driver, run by the platform.

Written to Databricks' documentation; tried against functions registered under the same name, not on Databricks itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from picsum_vision.describing.backends import AiQuery
from picsum_vision.describing.tasks import Classify, Task
from picsum_vision.errors import ModelProblem
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DESCRIBE_OUTCOME_FIELDS, DescribeStatus
from picsum_vision.spark.ai_query_problems import problem
from picsum_vision.sql_text import identifier, literal

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_ANSWER: Final = "picsum_vision_answer"
_ERROR_WORDS: Final = {
    DescribeStatus.RATE_LIMITED: r"(?i)\b429\b|rate.?limit|request_limit_exceeded|too many requests|resource_exhausted",
    DescribeStatus.AUTH: r"(?i)permission.?denied|unauthorized|unauthenticated|forbidden|\b40[13]\b",
    DescribeStatus.REFUSED: r"(?i)content.?(filter|policy|management)|responsible.?ai|safety",
    DescribeStatus.TOO_LARGE: r"(?i)\b413\b|payload.{0,20}too large|request.{0,20}too large|too many images",
    DescribeStatus.TIMEOUT: r"(?i)time.?out|timed out|deadline.?exceeded|\b504\b",
}


def describe_with_ai_query(  # noqa: PLR0917 - what describe was given
    df: DataFrame, backend: AiQuery, image_col: str, output_col: str, task: Task, options: DescribeOptions
) -> DataFrame:
    """Add the answer and its outcome by one `ai_query` expression over the whole DataFrame, as the platform advises."""
    try:
        # Named arguments are looked at when the expression is first used: on classic Spark here, on Connect with the schema.
        asked = df.withColumn(_ANSWER, F.expr(_call(backend, image_col, task, options)))
        _ = asked.schema
    except PySparkException as error:
        raise problem(backend, error) from error
    text, failure = _result_fields(asked, backend)
    parsed = _parsed(text, task)
    return (
        asked.withColumn(output_col, parsed)
        .withColumn(
            "describe_outcome",
            _outcome(backend, task, F.col(identifier(image_col)), text, failure, F.col(identifier(output_col))),
        )
        .drop(_ANSWER)
    )


def _call(backend: AiQuery, image_col: str, task: Task, options: DescribeOptions) -> str:
    parameters = f"'max_tokens', {options.max_output_tokens}"
    if options.temperature is not None:
        parameters += f", 'temperature', {options.temperature}"
    arguments = [
        literal(backend.endpoint),
        literal(task.full_prompt),
        "failOnError => false",
        f"modelParameters => named_struct({parameters})",
        f"files => {identifier(image_col)}",
    ]
    schema = task.json_schema()
    if schema is not None:
        wrapped = {"type": "json_schema", "json_schema": {"name": task.name, "strict": True, "schema": schema}}
        arguments.insert(-1, f"responseFormat => {literal(json.dumps(wrapped))}")
    return f"{backend.function}({', '.join(arguments)})"


def _result_fields(asked: DataFrame, backend: AiQuery) -> tuple[Column, Column]:
    """Return the answer's text and the error, by what the analysed schema says the function gives."""
    kind = asked.schema[_ANSWER].dataType
    if not isinstance(kind, StructType):
        return F.col(_ANSWER), F.lit(None).cast("string")
    error_name = next((name for name in kind.names if "error" in name.lower()), None)
    text_name = next((name for name in kind.names if name != error_name), None)
    if text_name is None:
        raise ModelProblem(f"{backend.function}: its result {kind.simpleString()} has no field with the answer")
    error_column = F.col(f"{_ANSWER}.{identifier(error_name)}").cast("string") if error_name else F.lit(None).cast("string")
    return F.col(f"{_ANSWER}.{identifier(text_name)}").cast("string"), error_column


def _parsed(text: Column, task: Task) -> Column:
    """Return the answer as the task types it, NULL where the text is none."""
    schema = task.json_schema()
    if schema is None:
        return F.trim(text)
    if task.answer_field is None:
        return F.from_json(text, task.answer_ddl)
    answer = F.from_json(text, f"{identifier(task.answer_field)} {task.answer_ddl}")[task.answer_field]
    return _label(answer, task) if isinstance(task, Classify) else answer


def _label(answer: Column, task: Classify) -> Column:
    """Return the label as it was given, NULL for a word that is none."""
    found = F.lit(None).cast("string")
    for label in task.labels:
        found = F.when(F.lower(F.trim(answer)) == label.lower(), F.lit(label)).otherwise(found)
    return found


def _failure(error: Column) -> Column:
    """Return the closed list's word for what the platform says went wrong."""
    word = F.when(F.lit(False), "")  # noqa: FBT003 - a column's value
    for status, pattern in _ERROR_WORDS.items():
        word = word.when(error.rlike(pattern), status.value)
    return word.otherwise(DescribeStatus.HTTP_ERROR.value)


def _outcome(  # noqa: PLR0917 - all that an outcome is made of
    backend: AiQuery, task: Task, image: Column, text: Column, error: Column, answer: Column
) -> Column:
    status = (
        F.when(image.isNull() | (F.octet_length(image) == 0), "no_image")
        .when(error.isNotNull(), _failure(error))
        .when(text.isNull() | (F.trim(text) == ""), "empty_answer")
        .when(answer.isNull(), "bad_schema")
        .otherwise("ok")
    )
    known: dict[str, Any] = {
        "status": status,
        "model": F.lit(backend.model_name),
        "task": F.lit(task.name),
        "prompt_sha256": F.lit(task.prompt_sha256),
        "attempts": F.when(status == "no_image", 0).otherwise(1),
        "message": F.when(status == "bad_schema", text).otherwise(F.substring(error, 1, 500)),
        "finished_at": F.current_timestamp(),
    }
    fields = [known.get(name, F.lit(None)).cast(kind).alias(name) for name, kind in DESCRIBE_OUTCOME_FIELDS.items()]
    return F.struct(*fields)
