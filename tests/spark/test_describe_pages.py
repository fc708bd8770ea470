"""The documentation of the backends, run."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from asking import picture

from picsum_vision.testing.model_server import ModelServer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]
PAGES = Path(__file__).parents[2] / "docs" / "backends"


def run(page: str, spark: SparkSession, **replaced: str) -> dict[str, Any]:
    """Run the page's Python, block after block, over six images, and return its names."""
    rows = [(f"https://host/{number}", picture(number)) for number in range(6)]
    names: dict[str, Any] = {"spark": spark, "images": spark.createDataFrame(rows, "image_url STRING, image_binary BINARY")}
    for block in re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), re.DOTALL):
        code = block
        for old, new in replaced.items():
            code = code.replace(old, new)
        exec(compile(code, page, "exec"), names)  # noqa: S102 - our own page
    return names


def test_chat(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's examples ask, estimate and extract as they say, with the embedded server in the place of the real one."""
    (tmp_path / "key").write_text("a-key")
    with ModelServer(api_key="a-key") as server:
        places = {"https://host/v1": server.base_url, "a-vision-model": "test-vision"}
        places['pv.Secret.env("MODEL_API_KEY")'] = f"pv.Secret.file({str(tmp_path / 'key')!r})"
        names = run("chat.md", spark, **places)
    assert {row.describe_outcome.status for row in names["described"]} == {"ok"}
    assert "6 questions, about 0.0" in capsys.readouterr().out


def test_batch(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's examples submit, find again what was submitted, and collect later what was not waited for."""
    (tmp_path / "key").write_text("a-key")
    with ModelServer(api_key="a-key", batch_s=1) as server:
        places = {"https://host/v1": server.base_url, "a-vision-model": "test-vision", '"answers"': f'"{tmp_path}/answers"'}
        places['pv.Secret.env("MODEL_API_KEY")'] = f"pv.Secret.file({str(tmp_path / 'key')!r}), poll_interval_s=0.1"
        names = run("batch.md", spark, **places)
        assert list(server.stats()["answered_lines"].values()) == [1] * 12
    assert "status='ok', count=6" in capsys.readouterr().out
    assert spark.read.parquet(f"{tmp_path}/answers").where("size(objects) > 0").count() == 6
    assert {row.status for row in names["submitted"]} == {"timeout"}
    assert all(row.descrizione for row in names["collected"])


def test_ai_query(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    """The notebook's SQL and AiQuery answer every row."""
    names = run("ai_query.md", spark)
    spark.sql("DROP TEMPORARY FUNCTION ai_query")
    assert len(names["rows"]) == 6
    assert re.search(r"\|\s*ok\|\s*6\|", capsys.readouterr().out)


def test_pyfunc(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A describer that is logged and registered as the page says answers."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    mlflow.set_tracking_uri(store)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Workers that are older than this test look into another store: they are given the folder.
        folder = "__import__('mlflow').artifacts.download_artifacts(info.model_uri)"
        run("pyfunc.md", spark, **{'f"models:/describer/{info.registered_model_version}"': folder})
    assert "status='ok'" in capsys.readouterr().out


def test_pixels(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    """Every image is described in English."""
    run("pixels.md", spark)
    assert capsys.readouterr().out.count("pixels") == 6
