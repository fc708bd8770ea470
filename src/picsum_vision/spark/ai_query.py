"""The platform's `ai_query` as a column: planned on the driver, run by the platform.

Written to Databricks' documentation; tried against functions registered under the same name, not on Databricks itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from picsum_vision.describing.answer_types import AnswerField
from picsum_vision.describing.backends import AiQuery
from picsum_vision.describing.chat_request import prompt_with_schema
from picsum_vision.describing.extract import Extract
from picsum_vision.describing.tasks import PUNCTUATION, Classify, ReadText, Sentiment, Task
from picsum_vision.errors import ModelProblem
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DESCRIBE_OUTCOME_FIELDS, DescribeStatus
from picsum_vision.redaction import PATTERNS, cause
from picsum_vision.spark.ai_query_problems import problem, unknown_argument
from picsum_vision.spark.answer_columns import spark_type
from picsum_vision.sql_text import identifier, literal

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_ANSWER: Final = "picsum_vision_answer"
_PARSED: Final = "picsum_vision_parsed"
_STATUS: Final = "picsum_vision_status"
_UNREADABLE: Final = "picsum_vision_unreadable"
_EDGES: Final = f"^[{re.escape(PUNCTUATION)}]+|[{re.escape(PUNCTUATION)}]+$"
_OPTIONAL_ARGUMENTS: Final = frozenset({"failOnError", "modelParameters", "responseFormat"})
_RAW_CHARACTERS: Final = 2_000
_MESSAGE_CHARACTERS: Final = 500
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
    asked = _asked(df, backend, image_col, task, options)
    text, failure = _result_fields(asked, backend)
    parsed = asked.withColumn(_PARSED, _parsed(text, task))
    answer, status = _answer(F.col(_PARSED), text, task), F.col(_STATUS)
    return (
        parsed.withColumn(_STATUS, _status(F.col(identifier(image_col)), text, failure, answer))
        .withColumn(output_col, F.when(status == DescribeStatus.OK.value, answer))
        .withColumn("describe_outcome", _outcome(backend, task, status, text, failure))
        .drop(_ANSWER, _PARSED, _STATUS)
    )


def _asked(  # noqa: PLR0917 - what describe was given
    df: DataFrame,
    backend: AiQuery,
    image_col: str,
    task: Task,
    options: DescribeOptions,
    left_out: frozenset[str] = frozenset(),
) -> DataFrame:
    """Add the function's result, asked for without the arguments that the function does not know."""
    try:
        # Named arguments are looked at when the expression is first used: on classic Spark here, on Connect with the schema.
        asked = df.withColumn(_ANSWER, F.expr(_call(backend, image_col, task, options, left_out)))
        _ = asked.schema
    except PySparkException as error:
        unknown = unknown_argument(error)
        if unknown not in _OPTIONAL_ARGUMENTS - left_out:
            raise problem(backend, error) from cause(error)
        return _asked(df, backend, image_col, task, options, left_out | {unknown})
    return asked


def _call(backend: AiQuery, image_col: str, task: Task, options: DescribeOptions, left_out: Collection[str]) -> str:
    """Return the question; a row without a picture is not asked about."""
    image, prompt, schema = identifier(image_col), task.full_prompt, task.json_schema()
    parameters = f"'max_tokens', {options.max_output_tokens}"
    if options.temperature is not None:
        parameters += f", 'temperature', {options.temperature}"
    named = {"failOnError": "false", "modelParameters": f"named_struct({parameters})"}
    if schema is not None and "responseFormat" in left_out:
        prompt = prompt_with_schema(task, schema)
    elif schema is not None:
        wrapped = {"type": "json_schema", "json_schema": {"name": task.name, "strict": True, "schema": schema}}
        named["responseFormat"] = literal(json.dumps(wrapped))
    named["files"] = image
    arguments = [literal(backend.endpoint), literal(prompt)]
    arguments += [f"{name} => {value}" for name, value in named.items() if name not in left_out]
    return f"CASE WHEN octet_length({image}) > 0 THEN {backend.function}({', '.join(arguments)}) END"


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
    """Return what the text says, read as far as it can be."""
    if task.json_schema() is None:
        return F.trim(text)
    text = _object_in(text)
    if task.answer_field is not None:
        return F.from_json(text, f"{identifier(task.answer_field)} {task.answer_ddl}")
    # Text that is no such object gives a struct of NULLs; only this field tells it from one that says null.
    fields = [StructField(field.name, spark_type(field.type)) for field in _fields(task)]
    schema = StructType([*fields, StructField(_UNREADABLE, StringType())])
    return F.from_json(text, schema, {"columnNameOfCorruptRecord": _UNREADABLE})


def _answer(parsed: Column, text: Column, task: Task) -> Column:
    """Return the answer as the task types it, NULL where the text is none."""
    if task.json_schema() is None:
        return parsed
    if task.answer_field is not None:
        answer = F.coalesce(parsed[task.answer_field], _bare_answer(text, task))
        return _label(answer, task) if isinstance(task, Classify) else answer
    fields = _fields(task)
    told = F.map_keys(F.from_json(_object_in(text), "MAP<STRING, STRING>"))
    fits = parsed[_UNREADABLE].isNull() & F.arrays_overlap(told, F.array(*(F.lit(field.name) for field in fields)))
    for field in fields:
        if not field.nullable:
            fits &= parsed[field.name].isNotNull()
    return F.when(fits, parsed.dropFields(_UNREADABLE))


def _object_in(text: Column) -> Column:
    """Return the JSON object in a text: models like to wrap it in a fence or in words."""
    return F.regexp_extract(text, r"(?s)\{.*\}", 0)


def _bare_answer(text: Column, task: Task) -> Column:
    """Return the answer of a model that answers directly instead of with an object, as the workers' backends read it, too."""
    bare = F.when(~F.contains(text, F.lit("{")), F.trim(text)).cast("string")
    if isinstance(task, Sentiment):
        return F.when(bare.rlike(r"^\S+$"), F.regexp_replace(bare, _EDGES, ""))
    return bare if isinstance(task, (Classify, ReadText)) else F.lit(None).cast(task.answer_ddl)


def _fields(task: Task) -> tuple[AnswerField, ...]:
    return task.answer_type.fields if isinstance(task, Extract) else ()


def _label(answer: Column, task: Classify) -> Column:
    """Return the label as it was given, NULL for a word that is none."""
    found, told = F.lit(None).cast("string"), F.lower(F.trim(answer))
    bare = F.regexp_replace(told, _EDGES, "")
    for label in task.labels:
        is_it = (told == label.lower()) | (bare == label.lower())
        found = F.when(is_it, F.lit(label)).otherwise(found)
    return found


def _failure(error: Column) -> Column:
    """Return the closed list's word for what the platform says went wrong."""
    word = F.when(F.lit(False), "")  # noqa: FBT003 - a column's value
    for status, pattern in _ERROR_WORDS.items():
        word = word.when(error.rlike(pattern), status.value)
    return word.otherwise(DescribeStatus.HTTP_ERROR.value)


def _status(image: Column, text: Column, error: Column, answer: Column) -> Column:
    return (
        F.when(image.isNull() | (F.octet_length(image) == 0), "no_image")
        .when(error.isNotNull(), _failure(error))
        .when(text.isNull() | (F.trim(text) == ""), "empty_answer")
        .when(answer.isNull(), "bad_schema")
        .otherwise("ok")
    )


def _outcome(backend: AiQuery, task: Task, status: Column, text: Column, error: Column) -> Column:
    def told(words: Column) -> Column:
        for pattern, other in PATTERNS:
            words = F.regexp_replace(words, pattern, other)
        return words

    known: dict[str, Any] = {
        "status": status,
        "model": F.lit(backend.model_name),
        "task": F.lit(task.name),
        "prompt_sha256": F.lit(task.prompt_sha256),
        "attempts": F.when(status == "no_image", 0).otherwise(1),
        "message": F.when(status == "bad_schema", F.substring(told(text), 1, _RAW_CHARACTERS)).otherwise(
            F.substring(told(error), 1, _MESSAGE_CHARACTERS)
        ),
        "finished_at": F.current_timestamp(),
    }
    fields = [known.get(name, F.lit(None)).cast(kind).alias(name) for name, kind in DESCRIBE_OUTCOME_FIELDS.items()]
    return F.struct(*fields)
