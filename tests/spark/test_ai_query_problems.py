"""What keeps ai_query from answering is told apart, by the platform's words, in one line with the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from picsum_vision import AiQuery, ModelProblem, PixelDescriber, register_ai_query
from picsum_vision.spark.ai_query_probe import probe_ai_query
from picsum_vision.spark.ai_query_problems import problem

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]
BACKEND = AiQuery("my-endpoint")
# What the platform is documented to say, or says by its REST API, and a word of the remedy.
SAID = [
    ("[UNRESOLVED_ROUTINE] Cannot resolve routine `ai_query` on search path", "no such function"),
    (
        "[AI_FUNCTION_UNSUPPORTED_ERROR] AI_QUERY is not supported in the current environment.",
        "not supported on this",
    ),
    ("[UNRECOGNIZED_PARAMETER_NAME] Cannot invoke routine `ai_query` because ... argument(s) `files`", "takes no files"),
    ("[AI_FUNCTION_UNSUPPORTED_REQUEST] the argument files is of a type that is unsupported: files", "takes no files"),
    ("[AI_FUNCTION_HTTP_REQUEST_ERROR] 400: This model does not support image input", "takes no images"),
    ("[AI_QUERY_ENDPOINT_NOT_SUPPORT_STRUCTURED_OUTPUT] Expected the endpoint to support structured output", "no typed answers"),
    ("[AI_FUNCTION_INVALID_MODEL_PARAMETERS] The provided model parameters are invalid", "refuses the model parameters"),
    ("[AI_FUNCTION_HTTP_REQUEST_ERROR] PERMISSION_DENIED: You do not have permission on my-endpoint", "no permission"),
    ("403 Forbidden: User does not have CAN_QUERY permission on the endpoint", "no permission"),
    ("[AI_FUNCTION_HTTP_REQUEST_ERROR] RESOURCE_DOES_NOT_EXIST: The given endpoint does not exist", "no serving endpoint"),
    ("ENDPOINT_NOT_FOUND: my-endpoint, please retry with a valid serving endpoint", "no serving endpoint"),
    ("[AI_FUNCTION_HTTP_REQUEST_ERROR] Error occurred while making an HTTP request: timed out", "could not be reached"),
    ("[AI_FUNCTION_INVALID_HTTP_RESPONSE] Invalid HTTP response for function ai_query", "could not be reached"),
    ("[SOMETHING_NEW] words that nobody\nhas seen", "SOMETHING_NEW"),
]


@pytest.fixture(autouse=True)
def no_function(spark: SparkSession) -> Iterator[None]:
    """Leave no function behind."""
    yield
    spark.sql("DROP TEMPORARY FUNCTION IF EXISTS ai_query")


def register(spark: SparkSession, names: list[str], result: str, answer: Callable[[int], Any]) -> None:
    """Register an `ai_query` with these parameters; `answer(rows)` gives the results."""
    from pyspark.sql.functions import pandas_udf

    body = f"def ai_query({', '.join(names)}): return answer(len({names[0]}))"
    scope: dict[str, Any] = {"answer": answer}
    exec(body, scope)  # noqa: S102 - a function of just these parameters
    function = scope["ai_query"]
    kinds = dict.fromkeys(names, pd.Series)
    kinds |= {"modelParameters": pd.DataFrame} if "modelParameters" in names else {}
    function.__annotations__ = kinds | {"return": pd.DataFrame if result.startswith("STRUCT") else pd.Series}
    spark.udf.register("ai_query", pandas_udf(function, result))


ALL = ["endpoint", "request", "failOnError", "modelParameters", "files"]


@pytest.mark.parametrize(("said", "remedy"), SAID)
def test_the_platforms_words_are_understood(said: str, remedy: str) -> None:
    """Each documented error becomes one line with its own remedy, and an unknown one is told in its own words."""
    line = str(problem(BACKEND, said))
    assert remedy in line
    assert "\n" not in line
    assert sum(other in line for _, other in SAID if other != remedy) == 0


@pytest.mark.parametrize(("said", "remedy"), [SAID[7], SAID[9], SAID[11]])
def test_an_error_of_the_run_is_understood(spark: SparkSession, said: str, remedy: str) -> None:
    """A function that raises when it is run, in spite of failOnError, is understood by the probe."""

    def raises(_rows: int) -> pd.Series:
        raise RuntimeError(said)

    register(spark, ALL, "STRING", raises)
    with pytest.raises(ModelProblem, match=remedy) as found:
        probe_ai_query(spark, BACKEND)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(("said", "remedy"), [SAID[4], SAID[8], SAID[10]])
def test_an_error_in_the_result_is_understood(spark: SparkSession, said: str, remedy: str) -> None:
    """A function that says what went wrong in its result is understood by the probe."""
    register(
        spark,
        ALL,
        "STRUCT<result: STRING, errorMessage: STRING>",
        lambda rows: pd.DataFrame({"result": [None] * rows, "errorMessage": [said] * rows}),
    )
    with pytest.raises(ModelProblem, match=remedy):
        probe_ai_query(spark, BACKEND)


def test_a_function_without_files_is_told(spark: SparkSession) -> None:
    """A function that has no parameter `files` is told as such by Spark's own error, before anything is asked."""
    register(spark, [name for name in ALL if name != "files"], "STRING", lambda rows: pd.Series(["never"] * rows))
    with pytest.raises(ModelProblem, match="takes no files"):
        probe_ai_query(spark, BACKEND)


def test_a_missing_function_is_told(spark: SparkSession) -> None:
    """Without the function the probe says so."""
    with pytest.raises(ModelProblem, match="no such function"):
        probe_ai_query(spark, BACKEND)


def test_a_function_that_answers_is_fine(spark: SparkSession) -> None:
    """Where an answer comes the probe says nothing."""
    register_ai_query(spark, PixelDescriber())
    probe_ai_query(spark, BACKEND)
