"""Whole jobs with MLflow models: what was answered by which, and what is to be asked again."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_models import keep_model, log_of, saved, signature_of
from whole_jobs import check_one_row_each, fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer

mlflow = pytest.importorskip("mlflow")
# MLflow and what it stands on warn of each other's future.
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("mlflow_store")]


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep MLflow's artifacts in the test's folder."""
    monkeypatch.chdir(tmp_path)


def says(word: str) -> str:
    return f"return ['{word}'] * len(images)"


def answers(spark, tables: pv.Tables) -> dict[str, set[tuple[str, str]]]:
    """Return what the table has of each address: the text and who gave it."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in rows_of(spark, tables, "image_desc"):
        found.setdefault(row.image_url, set()).add((row.descrizione, row.describe_outcome.model))
    return found


@pytest.mark.parametrize("address", ["folder", "latest"])
def test_a_new_model_behind_an_address_is_asked_and_nothing_else(spark, tmp_path, address):
    """What an address meant is remembered: a new content or version is asked about the job's rows, an old one about none."""
    tables = fresh_tables("iceberg", tmp_path)

    def backend(word: str) -> pv.PyFunc:
        if address == "folder":
            return pv.PyFunc(saved(tmp_path, says(word)))
        keep_model(tmp_path, says(word), signature=signature_of(), registered_model_name="known")
        return pv.PyFunc("models:/known/latest")

    with ImageServer() as images:
        first = backend("first")
        pv.run_pipeline(spark, job(tables, images, images=6, start=1, backend=first))
        again = pv.run_pipeline(spark, job(tables, images, images=6, start=1, backend=first))
        before = answers(spark, tables)
        second = backend("second")
        changed = pv.run_pipeline(spark, job(tables, images, images=4, start=1, backend=second))
    assert (again.describe.skipped, changed.describe.skipped, changed.describe.by_status) == (6, 0, {"ok": 4})
    after = answers(spark, tables)
    assert sorted(text for rows in after.values() for text, _ in rows) == ["first"] * 2 + ["second"] * 4
    assert len({name for rows in [*before.values(), *after.values()] for _, name in rows}) == 2
    assert all(after[url] == before[url] for url in after if after[url] & {*before[url]})
    check_one_row_each(spark, tables, 6)


def test_rows_of_earlier_versions_are_not_asked_about_again(spark, tmp_path):
    """What earlier versions wrote of a model that takes no prompt claims one: its rows are done, but not for new params."""
    tables = fresh_tables("iceberg", tmp_path)
    keep_model(tmp_path, says("text"), signature=signature_of(params={"top": 1}), registered_model_name="known")
    settings = {"images": 4, "start": 1}
    with ImageServer() as images:
        pv.run_pipeline(spark, job(tables, images, backend=pv.PyFunc("models:/known/1"), **settings))
        name = TableStore(spark, tables).name("image_desc")
        spark.sql(f"UPDATE {name} SET describe_outcome.prompt_sha256 = '{pv.Describe().prompt_sha256}'")  # noqa: S608 - a table of the test's own
        again = pv.run_pipeline(spark, job(tables, images, backend=pv.PyFunc("models:/known/1"), **settings))
        asked = len(log_of(tmp_path))
        params = {"backend": pv.PyFunc("models:/known/1", params={"top": 2})}
        other = pv.run_pipeline(spark, job(tables, images, **params, **settings))
        assert len(log_of(tmp_path)) > asked
        same = pv.run_pipeline(spark, job(tables, images, **params, **settings))
    assert [report.describe.skipped for report in (again, other, same)] == [4, 0, 4]


def test_a_prompt_that_cannot_be_asked_ends_the_job_before_it_begins(spark, tmp_path):
    """A job whose prompt the model does not take is refused in one line; no image is fetched for it."""
    backend = pv.PyFunc(saved(tmp_path, says("text")))
    with ImageServer() as images:
        with pytest.raises(pv.SettingError, match=r"^prompt: 'What\?' is not allowed; .* leave it out, or log the model"):
            pv.run_pipeline(
                spark, job(fresh_tables("iceberg", tmp_path), images, backend=backend, task=pv.Describe(prompt="What?"))
            )
        assert images.stats()["requests"] == 0


def test_a_model_that_hangs_does_not_keep_the_job(spark, tmp_path):
    """Rows that a model does not answer in time are `timeout`, and another run tries them again once it answers."""
    gate = tmp_path / "gate"
    body = f"\n        while not Path(r'{gate}').exists():\n            time.sleep(0.01)\n        return ['text'] * len(images)"
    settings = {"images": 4, "start": 1, "backend": pv.PyFunc(saved(tmp_path, body))}
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images:
        options = pv.DescribeOptions(request_timeout_s=1)
        report = pv.run_pipeline(spark, job(tables, images, describe=options, **settings))
        gate.touch()
        again = pv.run_pipeline(spark, job(tables, images, retry_failed=True, **settings))
    assert (report.describe.by_status, again.describe.by_status) == ({"timeout": 4}, {"ok": 4})
