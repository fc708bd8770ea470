"""AiQuery against functions registered under the platform's name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from asking import picture

from picsum_vision import (
    AiQuery,
    ChatCompletions,
    Classify,
    DescribeOptions,
    Extract,
    ListObjects,
    ModelProblem,
    ReadText,
    Sentiment,
    describe,
    register_ai_query,
)
from picsum_vision.describing.tasks import Task
from picsum_vision.spark import ai_query
from picsum_vision.spark.ai_query import _call
from picsum_vision.testing.model_server import ModelServer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """Give a model server."""
    with ModelServer() as running:
        yield running


@pytest.fixture(autouse=True)
def from_zero(server: ModelServer, spark: SparkSession) -> Iterator[None]:
    """Count anew for each test, and leave no function behind."""
    server.reset_stats()
    yield
    spark.sql("DROP TEMPORARY FUNCTION IF EXISTS ai_query")


def frame(spark: SparkSession, images: list[Any]) -> DataFrame:
    """Give rows with these images."""
    rows = [(f"https://host/{number}", image) for number, image in enumerate(images)]
    return spark.createDataFrame(rows, "image_url STRING, image_binary BINARY")


def collected(df: DataFrame) -> list[Row]:
    """Return the rows by URL; sorting in Spark would ask twice, once to find the bounds of its parts."""
    return sorted(df.collect(), key=lambda row: row["image_url"])


def register(spark: SparkSession, result: str, answer: Any) -> None:
    """Register an `ai_query` of this result type; `answer(prompt, image)` gives one result."""
    from pyspark.sql.functions import pandas_udf

    def ai_query(endpoint, request, failOnError, modelParameters, files, responseFormat=None):  # type: ignore[no-untyped-def] # noqa: N803
        found = [answer(prompt, image) for prompt, image in zip(request, files, strict=True)]
        return pd.DataFrame(found) if result.startswith("STRUCT") else pd.Series(found, dtype=object)

    names = ("endpoint", "request", "failOnError", "files", "responseFormat")
    ai_query.__annotations__ = dict.fromkeys(names, pd.Series) | {
        "modelParameters": pd.DataFrame,
        "return": pd.DataFrame if result.startswith("STRUCT") else pd.Series,
    }
    spark.udf.register("ai_query", pandas_udf(ai_query, result))


def statuses(df: DataFrame) -> list[tuple[Any, str]]:
    """Return answer and status of each row, in the order of the URLs."""
    return [(row["descrizione"], row["describe_outcome"]["status"]) for row in collected(df)]


@pytest.mark.parametrize(
    ("result", "fields"),
    [
        ("STRING", None),
        ("STRUCT<result: STRING, errorMessage: STRING>", ("result", "errorMessage")),
        ("STRUCT<response: STRING, errorStatus: STRING>", ("response", "errorStatus")),
        ("STRUCT<errorStatus: STRING, response: STRING>", ("response", "errorStatus")),
    ],
)
def test_every_result_shape(spark: SparkSession, result: str, fields: tuple[str, str] | None) -> None:
    """The answer and the error are found by what the analysed schema says, in each shape that the platform gives."""

    def answer(prompt: str, image: bytes | None) -> Any:
        if fields is None:
            return None if image is None else f"{prompt[:9]} {len(image)}"
        broken = image == b"bad"
        return {
            fields[0]: None if image is None or broken else f"{prompt[:9]} {len(image)}",
            fields[1]: "429 Too many" if broken else None,
        }

    register(spark, result, answer)
    rows = statuses(describe(frame(spark, [b"12345", None, b"bad"]), AiQuery()))
    assert rows[:2] == [("Descrivi  5", "ok"), (None, "no_image")]
    assert rows[2] == (("Descrivi  3", "ok") if fields is None else (None, "rate_limited"))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("PERMISSION_DENIED: no query permission on the endpoint", "auth"),
        ("401 Unauthorized", "auth"),
        ("REQUEST_LIMIT_EXCEEDED", "rate_limited"),
        ("content_filter: the response was filtered", "refused"),
        ("deadline exceeded: request timed out", "timeout"),
        ("500 Internal error", "http_error"),
    ],
)
def test_errors_have_their_word(spark: SparkSession, error: str, status: str) -> None:
    """What the platform says went wrong is told in the closed list's words, with its own text as the message."""
    register(
        spark, "STRUCT<result: STRING, errorMessage: STRING>", lambda _prompt, _image: {"result": None, "errorMessage": error}
    )
    (row,) = describe(frame(spark, [b"x"]), AiQuery()).collect()
    assert (row["describe_outcome"]["status"], row["describe_outcome"]["message"]) == (status, error)
    assert row["descrizione"] is None


def test_typed_answers(spark: SparkSession) -> None:
    """A typed task's answer is read from the platform's JSON, and what is none is `bad_schema` with the text."""
    texts = {b"a": '{"objects": ["cane", "gatto"]}', b"b": "un cane e un gatto: https://host/a.jpg?signature=planted"}
    register(
        spark, "STRUCT<result: STRING, errorMessage: STRING>", lambda _p, image: {"result": texts[image], "errorMessage": None}
    )
    df = describe(frame(spark, [b"a", b"b"]), AiQuery(), task=ListObjects())
    assert df.schema["descrizione"].dataType.simpleString() == "array<string>"
    assert statuses(df) == [(["cane", "gatto"], "ok"), (None, "bad_schema")]
    (told,) = df.where("image_url LIKE '%1'").select("describe_outcome.message").collect()
    assert told["message"] == "un cane e un gatto: https://host/a.jpg"


def test_fields_that_are_not_there_are_no_answer(spark: SparkSession) -> None:
    """Extract's text that is no such object is `bad_schema` with the text, never a struct of NULLs that passes for an answer."""
    texts = {
        b"a": '{"colour": "red", "people": 2}',
        b"b": "a red car",
        b"c": '{"colour": "red", "people": "many"}',
        b"d": '{"people": 2}',
        b"e": '{"other": 1}',
        b"f": '{"colour": "red"}',
    }
    register(
        spark, "STRUCT<result: STRING, errorMessage: STRING>", lambda _p, image: {"result": texts[image], "errorMessage": None}
    )
    task = Extract("colour STRING NOT NULL, people INT")
    rows = collected(describe(frame(spark, list(texts)), AiQuery(), task=task))
    found = [(row["descrizione"] and tuple(row["descrizione"]), row["describe_outcome"]["status"]) for row in rows]
    assert found == [(("red", 2), "ok"), *[(None, "bad_schema")] * 4, (("red", None), "ok")]
    assert rows[1]["describe_outcome"]["message"] == "a red car"


def test_an_answer_beside_an_error_is_none(spark: SparkSession) -> None:
    """Only a row that is `ok` has an answer, whatever else the platform's result holds."""
    result = {"result": "half an answer", "errorMessage": "500 Internal error"}
    register(spark, "STRUCT<result: STRING, errorMessage: STRING>", lambda _prompt, _image: result)
    assert statuses(describe(frame(spark, [b"x"]), AiQuery())) == [(None, "http_error")]


def question(left_out: Collection[str]) -> str:
    """Give the call about the column `image` of a function that joins its texts, without these arguments."""
    return _call(AiQuery(function="concat"), "image", ListObjects(), DescribeOptions(), left_out).replace("files => ", "")


def test_nothing_is_asked_about_rows_without_a_picture(spark: SparkSession) -> None:
    """The function is not evaluated where the image is NULL or empty."""
    rows = spark.createDataFrame([(b"x",), (None,), (b"",)], "image BINARY")
    asked = rows.selectExpr(f"{question({'failOnError', 'modelParameters', 'responseFormat'})} AS answer").collect()
    assert [row["answer"] is not None for row in asked] == [True, False, False]


_TEXT = "upper('https://host/0')"


def test_arguments_that_the_function_does_not_know_are_left_out(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function without failOnError and responseFormat is planned without them, as Spark says of one of its own."""
    named = ("upperChar", "failOnError", "responseFormat")

    def call(*asked: Any) -> str:
        given = [f"{name} => chr(89)" for name in named if name not in asked[-1]]
        return f"mask({', '.join([_TEXT, *given])})"

    monkeypatch.setattr(ai_query, "_call", call)
    assert statuses(describe(frame(spark, [b"x"]), AiQuery())) == [("YYYYY://YYYY/n", "ok")]
    named = ("files",)
    with pytest.raises(ModelProblem, match="takes no files"):
        describe(frame(spark, [b"x"]), AiQuery())


def test_a_schema_that_has_no_argument_is_in_the_prompt() -> None:
    """Where the function takes no responseFormat the prompt says which object is wanted."""
    assert "responseFormat" in question(())
    assert "responseFormat" not in question({"responseFormat"})
    assert question({"responseFormat"}).count('"type": "array"') == 1


def test_a_label_that_was_not_given_is_none(spark: SparkSession) -> None:
    """Classify gives one of its labels as it was written, whatever the answer's case, and nothing else."""
    texts = {b"a": '{"label": "NATURA"}', b"b": '{"label": "mare"}'}
    register(
        spark, "STRUCT<result: STRING, errorMessage: STRING>", lambda _p, image: {"result": texts[image], "errorMessage": None}
    )
    assert statuses(describe(frame(spark, [b"a", b"b"]), AiQuery(), task=Classify())) == [("natura", "ok"), (None, "bad_schema")]


@pytest.mark.parametrize(
    ("task", "texts", "answers"),
    [
        (
            Classify(),
            ['```json\n{"label": "natura"}\n```', "Natura.", 'Ecco: {"label": "urbano."}'],
            ["natura", "natura", "urbano"],
        ),
        (Sentiment(), ['```\n{"emotion": "gioia"}\n```', "gioia.", "molta gioia"], ["gioia", "gioia", None]),
        (ReadText(), ["USCITA 4", '{"text": ""}'], ["USCITA 4", ""]),
        (ListObjects(), ['Ecco:\n```json\n{"objects": ["cane"]}\n```', "un cane"], [["cane"], None]),
        (Extract("n INT"), ['```json\n{"n": 2}\n```', "2"], [(2,), None]),
    ],
)
def test_an_object_in_a_fence_or_a_bare_word(spark: SparkSession, task: Task, texts: list[str], answers: list[Any]) -> None:
    """What the workers' backends understand is understood here, too: it has been paid for."""
    register(
        spark,
        "STRUCT<result: STRING, errorMessage: STRING>",
        lambda _p, image: {"result": texts[int(image)], "errorMessage": None},
    )
    images = [str(number).encode() for number in range(len(texts))]
    rows = collected(describe(frame(spark, images), AiQuery(), task=task))
    found = [
        tuple(row["descrizione"]) if isinstance(task, Extract) and row["descrizione"] else row["descrizione"] for row in rows
    ]
    assert found == answers
    words = ["bad_schema" if answer is None else "ok" for answer in answers]
    assert [row["describe_outcome"]["status"] for row in rows] == words


def test_each_row_is_asked_once(spark: SparkSession, server: ModelServer) -> None:
    """One description evaluates the function once a row, however often its answer is used in the plan."""
    register_ai_query(spark, ChatCompletions(server.base_url, "test-vision"))
    df = describe(frame(spark, [picture(number) for number in range(8)]), AiQuery(), task=ListObjects(prompt="oggetti"))
    df.select("descrizione", "describe_outcome").collect()
    assert server.stats()["requests"] == 8


def test_a_missing_function_is_one_line(spark: SparkSession) -> None:
    """A session without the function is told so in one line with the remedy, before any row is asked."""
    with pytest.raises(ModelProblem, match="no such function") as problem:
        describe(frame(spark, [b"x"]), AiQuery(function="ai_query_missing"))
    assert "\n" not in str(problem.value)
