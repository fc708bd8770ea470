"""describe in Spark, with the backends that work in the workers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from asking import picture

from picsum_vision import (
    ChatCompletions,
    Classify,
    Describe,
    DescribeOptions,
    ListObjects,
    PixelDescriber,
    PyFunc,
    Secret,
    describe,
    log_describer,
    register_ai_query,
)
from picsum_vision.describing.pixels import describe_pixels
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.describe_stage import DescribeStage
from picsum_vision.testing.model_server import Latency, ModelFault, ModelServer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]
MODEL = "test-vision"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """Give a model server that fails where the prompt says so."""
    faults = [
        ModelFault("unauthorized", prompt_contains="[unauthorized]"),
        ModelFault("server_error", prompt_contains="[broken]"),
    ]
    with ModelServer(faults=faults) as running:
        yield running


@pytest.fixture(autouse=True)
def from_zero(server: ModelServer) -> None:
    """Count anew for each test."""
    server.reset_stats()


def collected(df: DataFrame) -> list[Row]:
    """Return the rows by number; sorting in Spark would ask twice, once to find the bounds of its parts."""
    return sorted(df.collect(), key=lambda row: row["number"])


def frame(spark: SparkSession, images: list[Any]) -> DataFrame:
    """Give numbered rows with these images."""
    return spark.createDataFrame(list(enumerate(images)), "number INT, image_binary BINARY")


def test_every_row_comes_back_once(spark: SparkSession, server: ModelServer) -> None:
    """Each input row comes back once with its columns, answer and outcome, and NULL or broken images are rows like any other."""
    images = [picture(number) for number in range(50)] + [None, b"", b"nonsense"]
    rows = collected(describe(frame(spark, images), ChatCompletions(server.base_url, MODEL)))
    assert [row["number"] for row in rows] == list(range(53))
    assert [row["image_binary"] for row in rows] == images
    assert [row["describe_outcome"]["status"] for row in rows[50:]] == ["no_image", "no_image", "not_an_image"]
    assert len({row["descrizione"] for row in rows[:50]}) == 50
    assert sum(row["describe_outcome"]["input_tokens"] or 0 for row in rows) == server.stats()["tokens"]["prompt"]
    assert server.stats()["requests"] == 50


def test_the_same_picture_is_asked_about_once(spark: SparkSession, server: ModelServer) -> None:
    """The same picture twice in a partition is asked about once: both rows are filled, its tokens and attempts counted once."""
    images = [picture(number % 5) for number in range(40)]
    df = describe(frame(spark, images).coalesce(1), ChatCompletions(server.base_url, MODEL))
    rows = collected(df)
    assert all(row["descrizione"] == rows[row["number"] % 5]["descrizione"] for row in rows)
    assert sum(row["describe_outcome"]["input_tokens"] for row in rows) == server.stats()["tokens"]["prompt"]
    assert sum(row["describe_outcome"]["attempts"] for row in rows) == server.stats()["requests"]
    assert server.stats()["requests"] == 5


def test_duplicates_are_asked_about_each_if_wanted(spark: SparkSession, server: ModelServer) -> None:
    """With deduplicate=False every row is asked about."""
    options = DescribeOptions(deduplicate=False)
    describe(frame(spark, [picture(1)] * 6), ChatCompletions(server.base_url, MODEL), options=options).collect()
    assert server.stats()["requests"] == 6


@pytest.mark.parametrize(("task", "ddl"), [(ListObjects(), "array<string>"), (Classify(), "string")])
def test_the_answer_has_the_tasks_type(spark: SparkSession, server: ModelServer, task: Any, ddl: str) -> None:
    """The answer's column has the type of the task, in the schema and in the rows."""
    df = describe(frame(spark, [picture(1), None]), ChatCompletions(server.base_url, MODEL), task=task, output_col="answer")
    assert df.schema["answer"].dataType.simpleString() == ddl
    first, second = collected(df)
    assert first["answer"]
    assert second["answer"] is None


def test_the_failures_reasons_are_in_the_table(spark: SparkSession, server: ModelServer) -> None:
    """A refused key and a broken endpoint are the rows' outcomes, and fail no task."""
    backend = ChatCompletions(server.base_url, MODEL)
    for prompt, status, code in (("[unauthorized]", "auth", 401), ("[broken]", "http_error", 500)):
        df = describe(frame(spark, [picture(1)]), backend, task=Describe(prompt=prompt), options=DescribeOptions(max_attempts=1))
        (row,) = df.collect()
        assert (row["describe_outcome"]["status"], row["describe_outcome"]["http_status"], row["descrizione"]) == (
            status,
            code,
            None,
        )


def test_no_plan_shows_a_key(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that stands in a file is in no plan and in no row."""
    key = "sk-planted-fedcba9876543210"
    (tmp_path / "key").write_text(key)
    with ModelServer(api_key=key) as server:
        df = describe(frame(spark, [picture(1)]), ChatCompletions(server.base_url, MODEL, api_key=Secret.file(tmp_path / "key")))
        df.explain(True)
        (row,) = df.collect()
    assert row["describe_outcome"]["status"] == "ok"
    assert key not in capsys.readouterr().out
    assert key not in str(row)


def test_pyfunc_in_spark(spark: SparkSession, tmp_path: Path) -> None:
    """An MLflow model answers in the workers; one bad image is `model_error` for its own row alone."""
    mlflow = pytest.importorskip("mlflow")
    warnings.simplefilter("ignore")  # MLflow's own; pytest puts the filters back
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    (tmp_path / "code.py").write_text(
        "import mlflow\n"
        "class Model(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        images = list(model_input['image'])\n"
        "        if any(image == b'bad' for image in images): raise ValueError('bad image')\n"
        "        return [str(len(image)) for image in images]\n"
        "mlflow.models.set_model(Model())\n"
    )
    signature = ModelSignature(inputs=Schema([ColSpec(DataType.binary, "image")]), outputs=Schema([ColSpec(DataType.string)]))
    path = str(tmp_path / "model")
    mlflow.pyfunc.save_model(path, python_model=str(tmp_path / "code.py"), signature=signature, pip_requirements=[])
    images = [bytes([65 + number]) * (number + 1) for number in range(20)]
    images[7] = b"bad"
    rows = collected(describe(frame(spark, images), PyFunc(path)))
    assert [row["descrizione"] for row in rows] == [None if number == 7 else str(number + 1) for number in range(20)]
    assert rows[7]["describe_outcome"]["status"] == "model_error"


@pytest.mark.usefixtures("mlflow_store")
def test_workers_find_the_drivers_registry(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model by its alias in a registry that only the driver was told of answers in the workers, with the version's name."""
    mlflow = pytest.importorskip("mlflow")
    warnings.simplefilter("ignore")  # MLflow's own; pytest puts the filters back
    monkeypatch.chdir(tmp_path)
    log_describer(PixelDescriber(), registered_model_name="pixels")
    mlflow.MlflowClient().set_registered_model_alias("pixels", "champion", 1)
    (row,) = describe(frame(spark, [picture(1)]), PyFunc("models:/pixels@champion")).collect()
    register_ai_query(spark, PyFunc("models:/pixels@champion"), "registered_query")
    (sql,) = frame(spark, [picture(1)]).selectExpr("registered_query('e', 'p', files => image_binary) AS answer").collect()
    assert (row["describe_outcome"]["status"], row["describe_outcome"]["model"]) == ("ok", "models:/pixels/1")
    assert row["descrizione"] == sql["answer"] == describe_pixels(picture(1))


def test_images_are_read_no_further_ahead_than_the_window_needs() -> None:
    """While a slow model keeps the window full, no more images are taken from Spark than two windows and a batch."""
    read = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for number in range(0, 200, 4):
            read += 4
            yield pa.RecordBatch.from_pydict({"image": [picture(number + place) for place in range(4)]})

    with ModelServer(latency=Latency(mean_s=0.3, sigma=0)) as slow:
        options = DescribeOptions(max_in_flight_per_task=4)
        backend = ChatCompletions(slow.base_url, MODEL)
        stage = DescribeStage(backend=backend, task=Describe(), options=options, output_col="answer")
        answered = ArrowBridge[Any](stage.open(), "image").process(batches())
        first = next(answered)
        assert read <= first.num_rows + 2 * 4 + 4
        answered.close()
