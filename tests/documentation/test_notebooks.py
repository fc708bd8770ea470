"""The notebooks under examples, in both forms, run on the embedded image server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import picsum_vision as pv

nbformat = pytest.importorskip("nbformat")
from tools.notebooks import cells_of, databricks_sources, jupyter_text  # noqa: E402 - needs nbformat

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.testing.image_server import ImageServer

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]
SETTINGS = {"images": "6", "allow_private_addresses": "true"}
NAMES = [path.stem for path in databricks_sources()]


class Widgets:
    """Databricks' `dbutils` as far as the notebooks use it: widgets, whose values a job sets."""

    def __init__(self, values: dict[str, str]) -> None:
        """Take the job's parameters."""
        self.widgets = self
        self._values = values

    def text(self, name: str, default: str) -> None:
        """Make a widget; a job's parameter wins over its default."""
        self._values.setdefault(name, default)

    def get(self, name: str) -> str:
        """Return the widget's value; the widget must have been made."""
        return self._values[name]


def test_there_is_a_notebook_for_the_main_job_for_own_urls_and_for_a_registered_model() -> None:
    """The three notebooks are there."""
    assert NAMES == ["main_job", "own_urls", "registered_model"]


@pytest.mark.parametrize("source", databricks_sources(), ids=NAMES)
def test_both_forms_agree(source: Path) -> None:
    """The Jupyter form is what the Databricks source makes, without outputs: `nox -s notebooks` writes it anew."""
    assert source.with_suffix(".ipynb").read_text(encoding="utf-8") == jupyter_text(source.read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", databricks_sources(), ids=NAMES)
def test_the_databricks_source_runs_cell_by_cell(
    source: Path, spark: SparkSession, image_server: ImageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every cell runs where `spark` and `dbutils` are there, with a job's parameters as its widgets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    names: dict[str, Any] = {
        "spark": pv.local_session(tmp_path / "tables"),
        "dbutils": Widgets({**SETTINGS, "base_url": image_server.base_url}),
    }
    for kind, text in cells_of(source.read_text(encoding="utf-8")):
        if kind == "code":
            exec(compile(text, source.name, "exec"), names)  # noqa: S102 - our own notebook
    _look_at(source.stem, names)


def test_the_jupyter_form_runs_on_a_laptop(image_server: ImageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebooks run as they are in a Jupyter kernel, and each ends in a gallery or a table that is shown."""
    pytest.importorskip("ipykernel")
    nbclient = pytest.importorskip("nbclient")
    for name, value in {**SETTINGS, "base_url": image_server.base_url}.items():
        monkeypatch.setenv(f"PICSUM_VISION_{name.upper()}", value)
    for name in ("DATABRICKS_RUNTIME_VERSION", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    books = [nbformat.read(source.with_suffix(".ipynb"), as_version=4) for source in databricks_sources()]
    # One kernel, and so one Spark, for all of them.
    together = nbformat.v4.new_notebook(cells=[cell for book in books for cell in book.cells], metadata=books[0].metadata)
    for number, cell in enumerate(together.cells):
        cell.id = f"cell-{number}"
    nbclient.NotebookClient(together, timeout=700, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for name, book in zip(NAMES, books, strict=True):
        shown = [output for cell in book.cells for output in cell.get("outputs", ())]
        assert any("text/html" in output.get("data", {}) for output in shown), name
    assert (tmp_path / "picsum-vision-data" / "marketplace" / "image_desc" / "metadata").is_dir()


def _look_at(notebook: str, names: dict[str, Any]) -> None:
    """Look whether the notebook did what it says."""
    if notebook == "main_job":
        report = names["report"]
        assert (report.rows, report.describe.ok) == (6, 6)
        assert (report.download.skipped, report.describe.skipped) == (6, 6), "the one call had nothing left to do"
    elif notebook == "own_urls":
        assert (names["report"].rows, names["report"].describe.ok) == (6, 4)
        assert (names["again"].download.ok, names["again"].download.by_status["invalid_url"]) == (4, 1)
    else:
        assert names["gallery"].rows == 6
        assert all(row.size.endswith(" bytes") for row in names["sized"].collect())
