"""The platform's `ai_query` as a column: planned on the driver, run by the platform.

Written to Databricks' documentation; tried against functions registered under the same name, not on Databricks itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention
from pyspark.sql.types import StructType

from picsum_vision.describing.backends import AiQuery
from picsum_vision.describing.tasks import Task
from picsum_vision.errors import ModelProblem
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DESCRIBE_OUTCOME_FIELDS
from picsum_vision.sql_text import identifier, literal

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_ANSWER = "picsum_vision_answer"


def describe_with_ai_query(
    df: DataFrame, backend: AiQuery, image_col: str, output_col: str, task: Task, options: DescribeOptions
) -> DataFrame:
    """Add the answer and its outcome by one `ai_query` expression over the whole DataFrame, as the platform advises."""
    asked = df.withColumn(_ANSWER, F.expr(_call(backend, image_col, task, options)))
    text, error = _result_fields(asked, backend)
    parsed = _parsed(text, task)
    return (
        asked.withColumn(output_col, parsed)
        .withColumn("describe_outcome", _outcome(backend, task, F.col(identifier(image_col)), text, error, F.col(identifier(output_col))))
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
    try:
        kind = asked.schema[_ANSWER].dataType
    except AnalysisException as error:
        raise _problem(backend, error) from error
    if not isinstance(kind, StructType):
        return F.col(_ANSWER), F.lit(None).cast("string")
    error_name = next((name for name in kind.names if "error" in name.lower()), None)
    text_name = next((name for name in kind.names if name != error_name), None)
    if text_name is None:
        raise ModelProblem(f"{backend.function}: its result {kind.simpleString()} has no field with the answer")
    error_column = F.col(f"{_ANSWER}.{identifier(error_name)}").cast("string") if error_name else F.lit(None).cast("string")
    return F.col(f"{_ANSWER}.{identifier(text_name)}").cast("string"), error_column


def _parsed(text: Column, task: Task) -> Column:
    schema = task.json_schema()
    if schema is None:
        return F.trim(text)
    (field,) = schema["properties"]
    return F.from_json(text, f"{field} {task.answer_ddl}")[field]


def _outcome(backend: AiQuery, task: Task, image: Column, text: Column, error: Column, answer: Column) -> Column:
    status = (
        F.when(image.isNull() | (F.octet_length(image) == 0), "no_image")
        .when(error.isNotNull(), "http_error")
        .when(text.isNull() | (F.trim(text) == ""), "empty_answer")
        .when(answer.isNull(), "bad_schema")
        .otherwise("ok")
    )
    known: dict[str, Any] = {
        "status": status,
        "model": F.lit(backend.model_name),
        "task": F.lit(task.name),
        "prompt_sha256": F.lit(task.prompt_sha256),
        "attempts": F.lit(1),
        "message": F.when(status == "bad_schema", text).otherwise(F.substring(error, 1, 500)),
        "finished_at": F.current_timestamp(),
    }
    fields = [known.get(name, F.lit(None)).cast(kind).alias(name) for name, kind in DESCRIBE_OUTCOME_FIELDS.items()]
    return F.struct(*fields)


def _problem(backend: AiQuery, error: Exception) -> ModelProblem:
    text = str(error)
    if "UNRESOLVED_ROUTINE" in text or "UNRESOLVED_FUNCTION" in text:
        return ModelProblem(
            f"{backend.function}: this session has no such function; on Databricks it needs a serverless warehouse or Runtime 15.4 and later, "
            "elsewhere call register_ai_query(spark, backend) first, or choose another backend"
        )
    return ModelProblem(f"{backend.function}: {' '.join(text.split())[:300]}")
