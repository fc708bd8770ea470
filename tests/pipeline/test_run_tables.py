"""What a run leaves of itself: image_runs and image_quality."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from whole_jobs import fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.cli.entry import run
from picsum_vision.pipeline.run_settings import kept_settings
from picsum_vision.quality import MEANINGS
from picsum_vision.report.html_file import write_report
from picsum_vision.report.text import table_summary
from picsum_vision.spark.lease import holding_run
from picsum_vision.spark.run_table import _COLUMNS, latest_runs
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark
KEY = "Planted4711kEy"


@pytest.fixture(params=["iceberg", pytest.param("delta", marks=pytest.mark.soak)])
def tables(request, tmp_path) -> pv.Tables:
    """Fresh tables of each format; the command's test has Delta every day."""
    return fresh_tables(request.param, tmp_path)


def by_start(spark, tables: pv.Tables) -> list:
    return sorted(rows_of(spark, tables, "image_runs"), key=lambda row: row.started_at)


def test_every_run_has_a_row_with_its_figures(spark, tables):
    """image_runs says of each run its settings, its versions, and the figures of its report."""
    prices = pv.DescribeOptions(input_price_per_million_tokens=1.0, output_price_per_million_tokens=2.0)
    with ImageServer() as images, ModelServer() as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        report = pv.run_pipeline(spark, job(tables, images, backend=backend, describe=prices))
        missed = pv.run_pipeline(spark, job(tables, images, backend=backend, describe=prices, min_ok_share=0.99))
    first, second = by_start(spark, tables)
    assert (first.run_id, first.state, first.rows) == (report.run_id, "ok", 24)
    assert first.cost == pytest.approx(report.describe.cost)
    assert first.download_by_status == {"ok": 22, "http_error": 2}
    assert first.describe_by_status == {"ok": 22, "no_image": 2}
    assert (first.input_tokens, first.output_tokens) == (report.describe.input_tokens, report.describe.output_tokens)
    assert (first.bytes, first.seconds) == (report.download.bytes, report.seconds)
    assert first.started_at < first.ended_at
    assert first.images_per_second == pytest.approx(24 / report.seconds)
    settings = json.loads(first.settings)
    assert (settings["backend"]["kind"], settings["images"], settings["download"]["max_attempts"]) == ("ChatCompletions", 24, 3)
    assert first.versions["spark"] == spark.version
    assert first.versions["picsum-vision"] == pv.__version__
    assert (second.run_id, second.state, second.input_tokens, second.images_per_second) == (missed.run_id, "share_missed", 0, 0)


def test_a_run_that_failed_or_was_ended_says_so(spark, tables, monkeypatch):
    """A run that raises is `failed`; one that ended without a word is `abandoned`, in the report at once, then in the table."""
    told = []
    with ImageServer() as images:
        for ended in (RuntimeError("with a key in it"), KeyboardInterrupt()):
            with monkeypatch.context() as patch:
                patch.setattr(Staging, "write", lambda *_, error=ended: (_ for _ in ()).throw(error))
                with pytest.raises(type(ended)):
                    pv.run_pipeline(spark, job(tables, images, images=2, start=1))
        store = TableStore(spark, tables)
        assert [row.state for row in by_start(spark, tables)] == ["failed", "running"]
        newest, oldest = latest_runs(store, at_most=5, holder=holding_run(store))
        assert (newest.state, oldest.state) == ("abandoned", "failed")
        pv.run_pipeline(spark, job(tables, images, images=2, start=1), progress=told.append)
    rows = by_start(spark, tables)
    assert [(row.state, row.message) for row in rows] == [
        ("failed", "RuntimeError"), ("abandoned", f"found by run {rows[2].run_id}"), ("ok", None),
    ]  # fmt: skip
    assert rows[1].ended_at is None
    assert f"run {rows[1].run_id} ended without a word; image_runs says abandoned" in [event.message for event in told]


def test_quality_counts_what_is_odd(spark, tables, tmp_path):
    """Duplicate and small pictures, repeated and empty answers are counted: in report, text, table and page alike."""
    with ImageServer() as images:
        base = images.base_url
        paths = ["1/100/100", "1/100/100.jpg", "2/100/100", "3/20/100", "86/9/9"]
        mine = spark.createDataFrame([(f"{base}/id/{path}",) for path in paths], "image_url STRING")
        mine.write.parquet(str(tmp_path / "mine.parquet"))
        download = pv.DownloadOptions(allow_private_addresses=True)
        settings = {"tables": tables, "urls_from": str(tmp_path / "mine.parquet"), "download": download}
        first = pv.run_pipeline(spark, pv.PipelineConfig(**settings))
        store = TableStore(spark, tables)
        english = "The lake is blue and the trees are green, with their leaves."
        for text, path in (
            ("un mare", "%/id/2/%"),
            ("un mare", "%/id/3/%"),
            (" ", "%/id/1/100/100.jpg"),
            (english, "%/id/1/100/100"),
        ):
            change = f"UPDATE {store.name('image_desc')} SET descrizione = '{text}' WHERE image_url LIKE '{path}'"  # noqa: S608
            spark.sql(change)
        odd = pv.run_pipeline(spark, pv.PipelineConfig(**settings, min_ok_share=0.9))
    assert first.quality is not None
    assert (first.quality.rows, first.quality.ok_share) == (5, pytest.approx(0.8))
    assert (first.quality.duplicate_pictures, first.quality.small_pictures, first.quality.other_language) == (1, 1, 0)
    assert odd.quality is not None
    assert (odd.quality.empty_descriptions, odd.quality.repeated_descriptions, odd.quality.other_language) == (1, 2, 1)
    assert "1  descriptions in another language than asked" in str(odd)
    assert odd.as_dict()["quality"] == odd.quality.as_dict()
    kept = {row.measure: row for row in rows_of(spark, tables, "image_quality") if row.run_id == odd.run_id}
    assert {measure: row.value for measure, row in kept.items()} == odd.quality.as_dict()
    assert [(row.at_least, row.passed) for row in kept.values()] == [
        (0.9, False) if measure == "ok_share" else (None, None) for measure in kept
    ]
    figures = write_report(spark, tables, tmp_path / "report.html")
    assert figures.quality == odd.quality
    assert {each["name"]: each["value"] for each in figures.details["quality"]["measures"]} == odd.quality.as_dict()
    assert [run["state"] for run in figures.details["runs"]] == ["share_missed", "ok"]
    text = table_summary(figures, tables)
    assert "1  descriptions in another language than asked" in text
    assert f"last run: {odd.run_id}, " in text
    assert f"earlier runs:\n  {first.run_id[:8]}  " in text


def test_tables_of_another_job_in_the_same_schema_are_left_alone(spark):
    """Two sets of tables share image_runs, and neither lists nor abandons the other's runs."""
    mine = fresh_tables("iceberg", Path())
    other = pv.Tables(schema=mine.schema, image_urls="u", image_codes="c", image_desc="d")
    with ImageServer() as images:
        ours = pv.run_pipeline(spark, job(mine, images, images=2, start=1))
        store = TableStore(spark, mine)
        spark.sql(f"UPDATE {store.name('image_runs')} SET state = 'running'")  # noqa: S608 - the test's own
        pv.run_pipeline(spark, job(other, images, images=2, start=1))
    assert sorted(row.state for row in rows_of(spark, mine, "image_runs")) == ["ok", "running"]
    assert [run.run_id for run in latest_runs(store, at_most=5, holder=None)] == [ours.run_id]


def test_no_secret_is_kept_of_the_settings():
    """Of a key the place is kept, of headers their names, of an address neither password nor query, of a container its name."""
    config = pv.PipelineConfig(
        backend=pv.ChatCompletions("https://host/v1", "m", api_key=pv.Secret.env("KEY_VARIABLE")),
        download=pv.DownloadOptions(headers={"Authorization": f"Bearer {KEY}"}),
        urls_from=f"s3://user:{KEY}@bucket/list.parquet?token={KEY}",
        tables=pv.Tables(path=f"abfss://box@account.dfs.core.windows.net/tables?sig={KEY}"),
    )
    kept = json.dumps(kept_settings(config))
    assert KEY not in kept
    for there in (
        "env:KEY_VARIABLE",
        "Authorization",
        "s3://bucket/list.parquet",
        "abfss://box@account.dfs.core.windows.net/tables",
    ):
        assert there in kept


def test_the_command_reports_the_runs(spark, tmp_path, capsys):
    """`picsum-vision report` prints the last run's row in full and a line for each earlier one, in text and on the page."""
    tables = pv.Tables(path=str(tmp_path / "out"))
    with ImageServer() as images:
        first, second = (pv.run_pipeline(spark, job(tables, images, images=number)) for number in (2, 4))
    assert [(row.state, row.describe_by_status) for row in by_start(spark, tables)] == [("ok", {"ok": 2}), ("ok", {"ok": 4})]
    assert len(rows_of(spark, tables, "image_quality")) == 2 * len(MEANINGS)
    assert run(["report", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert re.search(rf"last run: {second.run_id}, \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC  ok, 4 rows, 4 ok, \d+\.\d s", text)
    assert re.search(rf"earlier runs:\n  {first.run_id[:8]}  .* 2 rows, 2 ok", text)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert f'"run_id":"{second.run_id}"' in page


def test_tables_without_a_run_are_reported(spark, tmp_path):
    """Tables that no run has written yet have a report, which says nothing of runs."""
    tables = fresh_tables("iceberg", tmp_path)
    TableStore(spark, tables).make_missing()
    figures = write_report(spark, tables, tmp_path / "report.html")
    assert figures.runs == []
    assert "last run" not in table_summary(figures, tables)


def test_every_column_state_and_measure_stands_on_its_page():
    """The pages name each column of image_runs, each state that a run may have, and the rule of each measure."""
    docs = Path(__file__).parents[2] / "docs"
    runs, quality = ((docs / name).read_text(encoding="utf-8") for name in ("runs.md", "quality.md"))
    assert [name for name, _, _ in _COLUMNS if f"`{name}`" not in runs] == []
    assert [state for state in ("running", "ok", "share_missed", "failed", "abandoned") if f"| `{state}` |" not in runs] == []
    assert [measure for measure in MEANINGS if f"| `{measure}` |" not in quality] == []
