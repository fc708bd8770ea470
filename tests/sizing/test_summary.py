"""What a result says for a person, beyond its table."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest
from suites import suite

from picsum_vision.sizing import artefacts
from picsum_vision.sizing.artefacts import write_artefacts
from picsum_vision.sizing.model import Demand
from picsum_vision.sizing.result import NotebookFigures
from picsum_vision.sizing.summary import as_csv, as_markdown, notebook_seconds, remarks, summary

SECONDS = {"urls": 0.5, "download": 2.5, "describe": 4.0, "total": 9.0}


@pytest.fixture
def result():
    found = suite(lambda stage, images, _: SECONDS[stage] * images / 100, sizes=(100, 1_000))
    seconds, rows_ok = {"download": [5.0], "describe": [10.0]}, {"download": [20], "describe": [20]}
    rows = {"download": [20], "describe": [20]}
    found.notebook = NotebookFigures(images=20, client="requests", tasks=2, seconds=seconds, rows=rows, rows_ok=rows_ok)
    return found


def test_the_notebooks_pace_is_multiplied(result):
    """Twenty images in five seconds are a thousand in 250, and ours is ten times as fast where it takes 25."""
    assert notebook_seconds(result, 1_000) == {"download": 250.0, "describe": 500.0, "total": 750.0}
    assert "1,000 images, times as fast as the notebook's method here: download 10, inference 12, total 8.3" in summary(result)


def test_the_notebooks_pace_is_that_of_the_rows_it_was_given(result):
    """Where half of the share did not come, its questions were about the other half: that is their pace."""
    result.notebook.rows["describe"] = [10]
    assert notebook_seconds(result, 1_000)["describe"] == 1_000.0


def refused(result, stage, rows_ok):
    """Let all but `rows_ok` of a stage's rows of the larger size fail, in the same seconds."""
    size = result.sizes[1]
    size.repeats[0][stage] = dataclasses.replace(size.repeats[0][stage], rows_ok=rows_ok)


def test_a_host_that_refuses_makes_nobody_faster(result):
    """What is compared is the rows that are ok in a second, on both sides; where there is none, nothing is compared."""
    refused(result, "download", 100)
    assert "1,000 images, times as fast as the notebook's method here: download 1.0, inference 12, total 8.3" in summary(result)
    result.notebook.rows_ok["download"] = [2]
    assert "1,000 images, times as fast as the notebook's method here: download 10, inference 12, total 33" in summary(result)
    refused(result, "total", 0)
    assert "1,000 images, times as fast as the notebook's method here: download 10, inference 12\n" in summary(result)
    result.notebook.rows_ok["download"] = [0]
    assert "1,000 images, times as fast as the notebook's method here: inference 12\n" in summary(result)


def test_failed_rows_stand_beside_the_seconds(result, tmp_path):
    """In every form of the table, for the notebook's method as for ours; rows without a failure stand as they were."""
    refused(result, "download", 980)
    result.notebook.rows_ok["describe"] = [13]
    for form in (str(result), as_markdown(result), result._repr_html_()):
        assert "25.0 s, 20 of 1,000 failed" in form
        assert "8.3 min, 7 of 20 failed" in form
        assert form.count(" failed") == 1 + 2 * 2
    rows = list(csv.DictReader(io.StringIO(as_csv(result))))
    assert list(rows[0])[-1] == "rows_ok"
    (row,) = [row for row in rows if (row["images"], row["method"], row["stage"]) == ("1000", "picsum-vision", "download")]
    assert (row["rows_ok"], row["images_per_second"]) == ("980", "39.2")
    (row,) = [row for row in rows if (row["images"], row["method"], row["stage"]) == ("1000", "notebook here", "describe")]
    assert (row["rows_ok"], row["images_per_second"]) == ("", "1.3")


def test_repeats_that_lost_different_rows_say_fewest_and_most():
    """The cell has the range, behind the range of the seconds."""
    found = suite(lambda *_: 2.0, sizes=(100,), repeats=2)
    for repeat, ok in zip(found.sizes[0].repeats, (97, 90), strict=True):
        repeat["total"] = dataclasses.replace(repeat["total"], rows_ok=ok)
    assert "| 100 | 2.0 s (2.0-2.0) | 2.0 s (2.0-2.0) | 2.0 s (2.0-2.0), 3-10 of 100 failed |" in as_markdown(found)


def test_the_plot_names_failed_rows(result, monkeypatch, tmp_path):
    """The line of a stage with failed rows says so in the legend."""
    pytest.importorskip("matplotlib")
    refused(result, "download", 980)
    drawn = []
    monkeypatch.setattr(artefacts, "_saved", lambda _, axes, path: drawn.append(axes.get_legend_handles_labels()[1]) or path)
    list(artefacts.plot_files(result, tmp_path))
    (labels,) = drawn
    assert "download, here (20 of 1,000 failed)" in labels
    assert "total, here" in labels


def test_the_markdown_file_has_the_remarks(result, tmp_path):
    """What is to be said about the table is below it, line by line."""
    pytest.importorskip("matplotlib")
    write_artefacts(result, tmp_path)
    told = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert told.startswith(as_markdown(result))
    assert all(f"\n- {remark}\n" in told for remark in remarks(result))


def test_overheads_are_what_is_above_the_bare_waiting(result):
    """100 images of half a second and a second, all at once, wait 0.5 s and 1 s; the rest of each stage is overhead."""
    told = "urls 0.5 s + download 2.0 s + inference 3.0 s = 5.5 s by hand; the whole job 7.5 s above 1.5 s of waiting"
    assert told in summary(result)


def test_a_stated_rate_is_waiting_too(result):
    """A thousand questions at 600 a minute wait a hundred seconds, whatever may be in flight."""
    limited = suite(lambda *_: 1.0, requests_per_minute=600)
    assert Demand.of_result(limited).describe.bare_s(1_000) == pytest.approx(100)


def test_what_went_wrong_is_said(result):
    """Failed rows, a notebook's lost rows, a stage of it that could not be measured, and an early end have a line each."""
    result.sizes[0].repeats[0]["download"].by_status.update({"timeout": 7})
    result.notebook.rows_ok["download"] = [13]
    result.notebook.left_out["describe"] = "its job failed (boom)"
    result.problem = "the endpoint refuses"
    text = summary(result)
    assert "100 images, rows that were not ok over all stages and repeats: 7 timeout" in text
    assert "download: 13 of 20 rows came out, without a reason for the others" in text
    assert "inference: not measured, its job failed (boom)" in text
    assert "the suite ended early: the endpoint refuses" in text


def test_questions_that_were_not_asked_are_said(result):
    """Where fewer rows were asked about than there were, the summary and the table of figures say how many."""
    assert "questions" not in summary(result).partition("questions at once")[2]
    asked = dataclasses.replace(result.sizes[1].repeats[0]["total"], questions=630)
    result.sizes[1].repeats[0]["total"] = asked
    assert "1,000 images, 630 questions: the other rows shared an answer or had no image" in summary(result)
    assert [row["questions"] for row in csv.DictReader(io.StringIO(as_csv(result))) if row["questions"]] == ["630"]
    assert asked.metrics()["questions"] == 630


def test_tokens_are_those_of_questions(result):
    """What a limit on tokens counts is reckoned for a row that was asked about, not for one that shared an answer."""
    asked = dataclasses.replace(result.sizes[1].repeats[0]["total"], questions=500, input_tokens=40_000, output_tokens=10_000)
    result.sizes[1].repeats[0]["total"] = asked
    assert Demand.of_result(result).tokens == pytest.approx(100)


def test_a_suite_without_the_notebook_or_some_stages_has_a_table_still(result):
    """Where a stage was not measured there is a dash, and no ratio."""
    result.notebook = None
    for size in result.sizes:
        del size.repeats[0]["describe"]
    assert "| 1,000 | 25.0 s | - | 90.0 s |" in as_markdown(result)
    assert "times as fast" not in summary(result)
    assert "notebook here" not in as_csv(result)


@pytest.mark.parametrize(
    ("uri", "pages"),
    [
        ("sqlite:////here/mlflow.db", "; its pages: mlflow ui --backend-store-uri sqlite:////here/mlflow.db"),
        ("http://mlflow:5000", ""),
    ],
)
def test_a_store_that_is_a_file_says_how_to_look_at_it(result, uri, pages):
    """A server has its pages already; for a file, the command that serves them stands behind the run."""
    result.tracking = {"uri": uri, "experiment": "sizing", "run_id": "r1"}
    assert summary(result).strip().endswith(f"MLflow: experiment 'sizing', run r1{pages}")
