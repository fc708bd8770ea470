"""The notebook's SQL, answered by a backend of ours under the name `ai_query`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from asking import picture
from pyspark.errors import PythonException
from scripted_endpoint import ANSWER, scripted_endpoint

from picsum_vision import (
    AiQuery,
    ChatCompletions,
    DescribeOptions,
    PixelDescriber,
    PyFunc,
    Secret,
    SettingError,
    describe,
    register_ai_query,
)
from picsum_vision.spark.ai_query_function import _Function
from picsum_vision.testing.model_server import ModelServer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]
NOTEBOOK_SQL = """SELECT image_url, ai_query('databricks-llama-4-maverick',
    'Descrivi dettagliatamente il contenuto di questa immagine.', files => image_binary) AS descrizione
    FROM {table}"""
IMAGES = "images_for_ai_query"
STATE = "STRUCT<state: STRUCT<colour: STRING, people: INT>>"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """Give a model server."""
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def refusing() -> Iterator[ChatCompletions]:
    """Give an endpoint that refuses the key that the workers have."""
    with ModelServer(api_key="another") as running:
        yield ChatCompletions(running.base_url, "test-vision", api_key=Secret.env("MODEL_API_KEY"))


@pytest.fixture(autouse=True)
def from_zero(server: ModelServer, spark: SparkSession) -> Iterator[None]:
    """Count anew for each test, give six images and a row without one, and leave no function behind."""
    server.reset_stats()
    images: list[Any] = [picture(number) for number in range(6)]
    frame(spark, [*images, None]).createOrReplaceTempView(IMAGES)
    yield
    spark.sql("DROP TEMPORARY FUNCTION IF EXISTS ai_query")


@pytest.fixture
def chat(server: ModelServer) -> ChatCompletions:
    """Give an endpoint that answers."""
    return ChatCompletions(server.base_url, "test-vision")


def frame(spark: SparkSession, images: list[Any]) -> DataFrame:
    """Give rows with these images."""
    rows = [(f"https://host/{number}", image) for number, image in enumerate(images)]
    return spark.createDataFrame(rows, "image_url STRING, image_binary BINARY")


def asked(spark: SparkSession, arguments: str, rows: str = IMAGES) -> Any:
    """Return the answer of the first row."""
    return spark.table(rows).limit(1).selectExpr(f"ai_query('any-endpoint', {arguments}) AS answer").collect()[0]["answer"]


def refusal(spark: SparkSession, arguments: str) -> str:
    """Return the last line of the error, without the error's name."""
    with pytest.raises(PythonException) as found:
        asked(spark, arguments)
    return str(found.value).strip().splitlines()[-1].partition(": ")[2]


def test_the_notebooks_sql(spark: SparkSession, server: ModelServer, chat: ChatCompletions) -> None:
    """The notebook's SQL runs unchanged, with one answer a row, NULL for a NULL image, which is not asked about."""
    register_ai_query(spark, chat)
    rows = sorted(spark.sql(NOTEBOOK_SQL.format(table=IMAGES)).collect())
    assert all("L'immagine misura 64 x 48" in row["descrizione"] for row in rows[:6])
    assert len({row["descrizione"] for row in rows}) == 7
    assert rows[6]["descrizione"] is None
    assert server.stats()["requests"] == 6


def test_the_notebooks_test_cell(spark: SparkSession, chat: ChatCompletions) -> None:
    """A question without files is about no image, and is answered."""
    register_ai_query(spark, chat)
    (row,) = spark.sql("SELECT ai_query('databricks-llama-4-maverick', 'ciao') AS answer").collect()
    assert row["answer"] == "A question of 1 words, without images."


@pytest.mark.parametrize(
    "statement", ["INSERT OVERWRITE {} {}", "CREATE OR REPLACE TABLE {} USING iceberg AS {}", "the notebook's own cell"]
)
def test_a_refused_key_leaves_the_old_rows(
    spark: SparkSession, chat: ChatCompletions, refusing: ChatCompletions, statement: str
) -> None:
    """An overwrite with an endpoint that refuses the key fails with status, code and endpoint, and the table keeps its rows."""
    spark.sql("CREATE SCHEMA IF NOT EXISTS platform_catalog.ai_query_function")
    table, query = "platform_catalog.ai_query_function.image_desc", NOTEBOOK_SQL.format(table=IMAGES)

    def overwrite() -> None:
        if "{}" in statement:
            spark.sql(statement.format(table, query))
        else:
            spark.sql(query).write.mode("overwrite").saveAsTable(table)

    register_ai_query(spark, chat)
    spark.sql(query).writeTo(table).createOrReplace()
    before = sorted(spark.table(table).collect())
    register_ai_query(spark, refusing)
    with pytest.raises(Exception, match="ai_query: auth") as found:
        overwrite()
    told = next(line for line in str(found.value).splitlines() if "ai_query: auth" in line)
    assert f"auth ({refusing.base_url}, model 'test-vision', HTTP 401): " in told
    assert "failOnError => false" in told
    assert sorted(spark.table(table).collect()) == before
    assert sum(row["descrizione"] is not None for row in before) == 6


def test_errors_in_the_row(spark: SparkSession, chat: ChatCompletions, server: ModelServer) -> None:
    """With failOnError => false the result is a struct: the answer, or why there is none; each row is asked once."""
    register_ai_query(spark, chat)
    frame(spark, [picture(1), b"broken", None]).createOrReplaceTempView("broken_for_ai_query")
    found = spark.sql(
        "SELECT a.result, a.errorMessage FROM (SELECT ai_query('e', 'p', failOnError => false, files => image_binary) AS a "
        "FROM broken_for_ai_query)"
    )
    assert found.dtypes == [("result", "string"), ("errorMessage", "string")]
    good, bad, none = found.collect()
    assert good["result"].startswith("The image measures 64 x 48")
    assert good["errorMessage"] is None
    assert (bad["result"], bad["errorMessage"].partition(" ")[0]) == (None, "not_an_image")
    assert tuple(none) == (None, None)
    assert server.stats()["requests"] == 1


@pytest.mark.parametrize("call", ["'p', failOnError => false", "'p', 'STRING', false", "'p', failOnError => NOT true"])
def test_the_result_type_follows_the_argument(spark: SparkSession, chat: ChatCompletions, call: str) -> None:
    """One name gives STRING or the struct in one query, wherever the argument stands."""
    register_ai_query(spark, chat)
    found = spark.sql(f"SELECT ai_query('e', {call}) AS told, ai_query('e', 'p', failOnError => true) AS answer")
    assert found.dtypes == [("told", "struct<result:string,errorMessage:string>"), ("answer", "string")]
    (row,) = found.collect()
    assert row["told"]["result"] == row["answer"] == "A question of 1 words, without images."


def test_what_else_registers_and_plans(spark: SparkSession, chat: ChatCompletions) -> None:
    """The function works in a view and by the DataFrame API, and is found and dropped like any other."""
    from pyspark.sql import functions as F

    register_ai_query(spark, chat)
    spark.sql("CREATE OR REPLACE TEMPORARY VIEW answers_for_ai_query AS SELECT ai_query('e', 'p', failOnError => false) AS a")
    assert spark.table("answers_for_ai_query").select("a.result").collect()[0][0].startswith("A question")
    assert spark.range(1).select(F.call_function("ai_query", F.lit("e"), F.lit("p"))).collect()[0][0].startswith("A question")
    assert spark.catalog.functionExists("ai_query")
    spark.sql("DROP TEMPORARY FUNCTION ai_query")
    assert not spark.catalog.functionExists("ai_query")


@pytest.mark.parametrize(
    ("argument", "sent"),
    [
        ("'text'", None),
        ("""'{"type": "text"}'""", None),
        ("'json_object'", {"type": "json_object"}),
        (
            """'{"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}'""",
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        ),
        (f"'{STATE}'", {"type": "json_schema", "json_schema": {"name": "state", "strict": True, "schema": {}}}),
    ],
)
def test_the_response_format_is_sent(spark: SparkSession, argument: str, sent: Any) -> None:
    """Each form of responseFormat becomes the request's own field, and the answer is the object in it, as JSON."""
    answer = {**ANSWER, "choices": [{"message": {"content": 'Ecco: {"colour": "blu", "people": 2}'}, "finish_reason": "stop"}]}
    with scripted_endpoint([(200, answer)]) as (backend, requests):
        register_ai_query(spark, backend)
        found = asked(spark, f"'p', files => image_binary, responseFormat => {argument}")
    (request,) = requests
    given = request.get("response_format")
    if argument == f"'{STATE}'":
        assert set(given["json_schema"].pop("schema")["properties"]) == {"colour", "people"}
        sent["json_schema"].pop("schema")
    assert given == sent
    assert found == ('Ecco: {"colour": "blu", "people": 2}' if sent is None else '{"colour": "blu", "people": 2}')


def test_an_answer_of_another_form_is_none(spark: SparkSession) -> None:
    """What is not of the asked form is no answer, and the reason says what came instead."""
    answer = {**ANSWER, "choices": [{"message": {"content": '{"colour": "blu", "people": "molti"}'}, "finish_reason": "stop"}]}
    with scripted_endpoint([(200, answer)]) as (backend, _):
        register_ai_query(spark, backend)
        told = asked(spark, f"'p', files => image_binary, responseFormat => '{STATE}', failOnError => false")
        assert told["result"] is None
        assert told["errorMessage"].startswith("bad_schema (")
        assert "molti" in told["errorMessage"]
        assert refusal(spark, f"'p', files => image_binary, responseFormat => '{STATE}'").startswith("ai_query: bad_schema (")


def test_the_model_parameters_are_sent(spark: SparkSession) -> None:
    """Parameters of the model go into the request as they are, and those of the options are overruled; NULL is left out."""
    with scripted_endpoint([(200, ANSWER)]) as (backend, requests):
        register_ai_query(spark, backend, options=DescribeOptions(max_output_tokens=99, temperature=1.0))
        asked(
            spark,
            "'p', modelParameters => named_struct('max_tokens', 30, 'temperature', 0.25, 'top_p', 0.5D, "
            "'stop', array('x', 'y'), 'seed', CAST(NULL AS INT))",
        )
        asked(spark, "'p'")
    first, second = requests
    assert (first["max_tokens"], first["temperature"], first["top_p"], first["stop"]) == (30, 0.25, 0.5, ["x", "y"])
    assert "seed" not in first
    assert (second["max_tokens"], second["temperature"]) == (99, 1.0)
    assert first["messages"] == [{"role": "user", "content": "p"}]


def test_several_images_in_one_question(spark: SparkSession, chat: ChatCompletions, server: ModelServer) -> None:
    """An array of images is one question about all of them, without those that are NULL."""
    register_ai_query(spark, chat)
    answer = asked(spark, "'confronta', files => array(image_binary, NULL, image_binary)")
    assert "Image 2:" in answer
    assert "Immagine 3:" not in answer
    assert server.stats()["requests"] == 1
    assert asked(spark, "'p', files => array(CAST(NULL AS BINARY))") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("'p', returnType => 'INT'", "ai_query: returnType: 'INT' is not allowed; only 'STRING' is"),
        ("'p', responseFormat => 'STRUCT<a: STRING, b: INT>'", "a STRUCT must have one field, itself a STRUCT"),
        ("'p', responseFormat => 'STRUCT<a: ARRAY<STRING>>'", "a STRUCT must have one field, itself a STRUCT"),
        ("'p', responseFormat => 'STRUCT<a'", "ai_query: responseFormat: schema: 'STRUCT<a' is not allowed"),
        ("'p', responseFormat => 'xml'", "ai_query: responseFormat: 'xml' is not allowed; it must be 'text', 'json_object'"),
        ("""'p', responseFormat => '{"type": "json_schema"}'""", "ai_query: responseFormat: "),
        ("'p', responseFormat => image_url, files => image_binary", "ai_query: responseFormat: 'https://host/0' is not allowed"),
        (
            "'p', modelParameters => 'max_tokens=3'",
            "ai_query: modelParameters: 'max_tokens=3' is not allowed; it must be named_struct",
        ),
        ("'p', modelParameters => named_struct('max_tokens', 0)", "ai_query: max_output_tokens: 0 is not allowed"),
        ("'p', modelParameters => named_struct('model', 'other')", "ai_query: modelParameters: 'model' is not allowed"),
        ("'p', files => image_url", "ai_query: files: str is not allowed; it must be BINARY or ARRAY<BINARY>"),
        ("'p', failOnError => image_url IS NULL", "ai_query: failOnError => false is not possible here; it must be a constant"),
        ("'p', colour => 'red'", "ai_query: colour is not allowed; it takes endpoint, request"),
        ("'p', request => 'again'", "request"),
    ],
)
def test_what_is_not_done_is_refused(
    spark: SparkSession, server: ModelServer, chat: ChatCompletions, arguments: str, words: str
) -> None:
    """Whatever an argument asks for that is not done here is refused in one line, before anything is asked."""
    register_ai_query(spark, chat)
    try:
        told = refusal(spark, arguments)
    except Exception as error:  # noqa: BLE001 - Spark itself refuses what is given twice
        told = str(error)
    assert words in told
    assert server.stats()["requests"] == 0


def test_a_parameter_for_each_row_is_refused(spark: SparkSession, chat: ChatCompletions) -> None:
    """What must be a constant is not taken from the first row for all."""
    register_ai_query(spark, chat)
    call = "SELECT ai_query('e', 'p', modelParameters => named_struct('max_tokens', CAST(id AS INT) + 1)) FROM range(0, 2, 1, 1)"
    with pytest.raises(PythonException, match="modelParameters: a value for each row is not allowed"):
        spark.sql(call).collect()


@pytest.mark.parametrize(
    ("backend", "arguments", "words"),
    [
        (PixelDescriber(), "'ciao'", "files is missing; PixelDescriber answers no question without an image"),
        (PixelDescriber(), "'p', files => array(image_binary)", "files: ARRAY is not allowed; it must be BINARY"),
        (
            PixelDescriber(),
            "'p', files => image_binary, responseFormat => 'json_object'",
            "responseFormat is not allowed with PixelD",
        ),
        (
            PyFunc("/a/model"),
            "'p', files => image_binary, modelParameters => named_struct('n', 1)",
            "modelParameters is not allowed",
        ),
    ],
)
def test_what_a_backend_does_not_do_is_refused(spark: SparkSession, backend: Any, arguments: str, words: str) -> None:
    """A backend without questions, forms or parameters says so."""
    udf = _Function("ai_query", backend, None, DescribeOptions()).udf(raises=True)
    spark.udf.register("ai_query", udf)
    assert refusal(spark, arguments).startswith(f"ai_query: {words}")


def test_the_pixel_describer_answers_the_notebooks_sql(spark: SparkSession) -> None:
    """Without any model the notebook's SQL says what can be measured."""
    register_ai_query(spark, PixelDescriber())
    rows = spark.sql(NOTEBOOK_SQL.format(table=IMAGES)).collect()
    assert sum("64" in (row["descrizione"] or "") for row in rows) == 6


def test_the_registered_function_behind_ai_query(spark: SparkSession, refusing: ChatCompletions) -> None:
    """AiQuery tells each row's status where a registered function has no answer."""
    register_ai_query(spark, refusing)
    rows = describe(spark.table(IMAGES), AiQuery()).select("describe_outcome.status", "describe_outcome.message").collect()
    assert sorted(row["status"] for row in rows) == ["auth"] * 6 + ["no_image"]
    assert all("HTTP 401" in row["message"] for row in rows if row["status"] == "auth")


def test_register_refuses_what_cannot_answer(spark: SparkSession) -> None:
    """The platform's own function cannot stand behind itself."""
    with pytest.raises(SettingError, match="backend"):
        register_ai_query(spark, AiQuery())  # type: ignore[arg-type]


def test_register_refuses_bounds_that_it_cannot_hold(spark: SparkSession) -> None:
    """A function in SQL knows nothing of the job's other tasks: a bound of the whole job is refused, not multiplied."""
    with pytest.raises(SettingError, match=r"^requests_per_minute_total: 60 is not allowed for a function in SQL"):
        register_ai_query(spark, PixelDescriber(), options=DescribeOptions(requests_per_minute_total=60))
