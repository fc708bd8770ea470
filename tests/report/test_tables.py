"""The report read from real tables through Spark, and the gallery of a DataFrame."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import uuid

import pytest
from PIL import Image
from pyspark.sql import functions as F

import picsum_vision as pv
from picsum_vision.cli.samples import print_samples
from picsum_vision.options import DescribeOptions
from picsum_vision.report.html_file import write_report
from picsum_vision.report.time_figures import latency, longest_run, throughput
from picsum_vision.testing.image_server import ImageServer

pytestmark = pytest.mark.spark
PRICES = DescribeOptions(input_price_per_million_tokens=1.0, output_price_per_million_tokens=2.0)


def data_of(text: str) -> dict:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found)


def thumbnails_of(text: str) -> list[str | None]:
    return [each for block in re.findall(r'class="thumbnails">(.*?)</script>', text) for each in json.loads(block)]


@pytest.fixture(scope="module")
def tables(spark):
    """Give the tables of a job of 24 images, two of which do not exist."""
    tables = pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}")
    local = pv.DownloadOptions(allow_private_addresses=True)
    with ImageServer() as server:
        pv.run_pipeline(spark, pv.PipelineConfig(
            images=24, start=80, width=320, height=240, partitions=2, tables=tables, base_url=server.base_url, download=local,
        ))  # fmt: skip
    return tables


def test_the_page_holds_what_the_tables_hold(spark, tables, tmp_path):
    """Figures, reasons, descriptions and a thumbnail of each picture come from the tables into one file."""
    target = tmp_path / "report.html"
    figures = write_report(spark, tables, target)
    text = target.read_text(encoding="utf-8")
    told, rows = data_of(text)["figures"], data_of(text)["gallery"]["rows"]
    assert (figures.asked, told["asked"]) == (24, 24)
    assert told["download"]["by_status"] == {"ok": 22, "http_error": 2}
    assert [(each["status"], each["http_status"], each["rows"]) for each in told["download"]["reasons"]] == [
        ("http_error", 404, 2)
    ]
    assert told["describe"]["by_status"] == {"ok": 22, "no_image": 2}
    made = told["download"]["throughput"]
    assert sum(made["ok"]) == 22
    assert sum(made["failed"]) == 2
    took = told["download"]["latency"]
    assert sum(each["rows"] for each in took["bins"]) == took["rows"] <= 24
    assert told["quality"]["images"]["types"] == [{"content_type": "image/jpeg", "rows": 22}]
    assert told["quality"]["images"]["width"] == [320, 320, 320]
    assert told["quality"]["answers"]["rows"] == 22
    assert [(run["state"], run["rows"], run["ok"]) for run in told["runs"]] == [("ok", 24, 22)]
    assert len(rows) == data_of(text)["gallery"]["of_rows"] == 24
    # In the order that people count.
    assert [int(each["url"].split("/")[-3]) for each in rows] == list(range(80, 104))
    missing = [place for place, each in enumerate(rows) if each["download"]["status"] != "ok"]
    assert [place for place, each in enumerate(thumbnails_of(text)) if each is None] == missing == [6, 17]
    assert all("320 × 240" in each["text"] for each in rows if each["download"]["status"] == "ok")
    moment = dt.datetime.fromtimestamp(rows[0]["download"]["finished_at"] / 1e6, dt.timezone.utc)
    assert abs((dt.datetime.now(dt.timezone.utc) - moment).total_seconds()) < 3_600


def test_of_many_rows_a_stated_sample(spark, tables, tmp_path):
    """Above the bound the same sample comes every time, the figures are still those of all rows, and the page says so."""
    first, again = tmp_path / "first.html", tmp_path / "again.html"
    write_report(spark, tables, first, max_rows=10)
    write_report(spark, tables, again, max_rows=10)
    one, other = (data_of(path.read_text(encoding="utf-8")) for path in (first, again))
    assert [row["url"] for row in one["gallery"]["rows"]] == [row["url"] for row in other["gallery"]["rows"]]
    assert (len(one["gallery"]["rows"]), one["gallery"]["of_rows"], one["figures"]["asked"]) == (10, 24, 24)
    assert len(thumbnails_of(first.read_text(encoding="utf-8"))) == 10


def test_tables_of_the_notebook_are_reported_too(spark, tmp_path):
    """Rows without outcomes count as ok, nothing is claimed of their time, and an empty table has a page."""
    tables = pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}")
    from picsum_vision.spark.tables import TableStore

    store = TableStore(spark, tables)
    store.make_missing()
    write_report(spark, tables, tmp_path / "empty.html")
    assert data_of((tmp_path / "empty.html").read_text(encoding="utf-8"))["figures"]["asked"] == 0
    urls = spark.createDataFrame([("https://h/1",), (None,)], "image_url STRING")
    store.append("image_urls", urls)
    nothing = F.lit(None)
    codes = urls.select("image_url", nothing.cast("binary").alias("image_binary"))
    store.append("image_codes", codes.withColumn("download_outcome", nothing.cast(store.read("image_codes").schema[2].dataType)))
    answers = urls.withColumn("descrizione", F.lit("un lago"))
    store.append("image_desc", answers.withColumn("describe_outcome", nothing.cast(store.read("image_desc").schema[2].dataType)))
    write_report(spark, tables, tmp_path / "report.html")
    told = data_of((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert told["figures"]["describe"]["by_status"] == {"ok": 2}
    assert told["figures"]["download"]["throughput"] is None
    assert told["figures"]["download"]["latency"] is None
    measures = {each["name"]: each["value"] for each in told["figures"]["quality"]["measures"]}
    assert (measures["ok_share"], measures["repeated_descriptions"], measures["duplicate_pictures"]) == (1.0, 2, 0)
    assert told["figures"]["runs"] == []
    assert told["gallery"]["rows"] == [{"text": "un lago"}, {"url": "https://h/1", "text": "un lago"}]


def test_tables_of_the_notebook_alone(spark, tmp_path, capsys):
    """Tables with the notebook's own two columns, before any run, have a page and their samples; nothing is changed in them."""
    tables = pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}")
    spark.sql(f"CREATE SCHEMA platform_catalog.{tables.schema}")
    for role, columns, row in (
        ("image_urls", "image_url STRING", "'https://h/1'"),
        ("image_codes", "image_url STRING, image_binary BINARY", "'https://h/1', NULL"),
        ("image_desc", "image_url STRING, descrizione STRING", "'https://h/1', 'un\nlago'"),
    ):
        spark.sql(f"CREATE TABLE {tables.readable(role)} ({columns})")
        spark.sql(f"INSERT INTO {tables.readable(role)} VALUES ({row})")  # noqa: S608 - the test's own
    write_report(spark, tables, tmp_path / "report.html")
    told = data_of((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert told["figures"]["download"]["by_status"] == told["figures"]["describe"]["by_status"] == {"ok": 1}
    assert told["gallery"]["rows"] == [{"url": "https://h/1", "text": "un\nlago"}]
    print_samples(spark, tables)
    assert capsys.readouterr().out == "https://h/1\n    un lago\n"
    assert spark.table(tables.readable("image_desc")).columns == ["image_url", "descrizione"]


def test_tokens_and_cost(spark, tables, tmp_path):
    """With prices the cost is that of the tokens, in all and by model."""
    outcome = "named_struct('status', 'ok', 'model', m, 'task', 'describe', 'input_tokens', 1000000L, 'output_tokens', 500000L, "
    outcome += "'image_bytes_sent', 10L, 'attempts', 1)"
    from picsum_vision.report.figures import _models

    rows = spark.sql(f"SELECT {outcome} AS describe_outcome FROM VALUES ('a'), ('a'), ('b') AS t(m)")  # noqa: S608 - the test's own
    told = _models(rows, PRICES)
    assert [(each["model"], each["rows"], each["input_tokens"], each["cost"]) for each in told] == [
        ("a", 2, 2_000_000, 4.0), ("b", 1, 1_000_000, 2.0),
    ]  # fmt: skip
    assert {each["cost"] for each in _models(rows, DescribeOptions())} == {None}


def test_times(spark):
    """Throughput draws the run with the most rows and counts the rest; latency's bins hold every row once."""
    at = "timestamp_micros(1790000000000000 + {})"
    rows = spark.range(1_000).selectExpr(
        "named_struct('status', IF(id % 10 = 0, 'timeout', 'ok'), 'elapsed_ms', 100 + id, 'finished_at', "
        f"IF(id < 900, {at.format('id * 10000')}, {at.format('86400000000 + id * 10000')})) AS o"
    )
    told = throughput(rows, "o")
    assert told is not None
    assert (sum(told["ok"]), sum(told["failed"]), told["other_rows"]) == (810, 90, 100)
    assert told["from_us"] == 1_790_000_000_000_000
    assert told["seconds"] == pytest.approx(8.99)
    assert len(told["ok"]) == len(told["failed"]) <= 60
    took = latency(rows, "o")
    assert took is not None
    assert sum(each["rows"] for each in took["bins"]) == took["rows"] == 1_000
    assert took["max"] == 1_099
    assert took["p50"] == pytest.approx(600, abs=5)
    assert throughput(rows.limit(0), "o") is None
    assert latency(rows.limit(0), "o") is None


def test_runs_are_parted_by_a_pause():
    """Bins nearer than the pause are one run, in whatever order they come; the run with the most rows is the one."""
    bins = [(100, 110, 5), (0, 10, 4), (12, 20, 4), (111, 120, 2)]
    assert longest_run(bins, pause_us=5) == (0, 20, 8)
    assert longest_run(bins, pause_us=0) == (100, 110, 5)
    assert longest_run(bins, pause_us=80) == (0, 120, 15)


def test_a_gallery_in_a_notebook(spark, image_server):
    """A DataFrame becomes a framed page with a thumbnail and the text of each row, in its order, evaluated once."""
    urls = pv.generate_urls(spark, count=6, start=10, width=300, height=200, base_url=image_server.base_url)
    images = pv.download(urls, options=pv.DownloadOptions(allow_private_addresses=True))
    before = image_server.stats()["requests"]
    gallery = pv.display_gallery(pv.describe(images, pv.PixelDescriber()), max_rows=5)
    assert image_server.stats()["requests"] - before <= 2 * 6
    told = data_of(gallery.page)
    assert told["figures"] is None
    assert len(told["gallery"]["rows"]) == gallery.rows == 5
    assert all("300 × 200" in row["text"] for row in told["gallery"]["rows"])
    assert None not in thumbnails_of(gallery.page)
    shown = gallery._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert shown.count("<") == 2
    assert "allow-same-origin" not in shown


def test_a_gallery_of_whatever_columns_there_are(spark, tmp_path):
    """Other column names, typed answers, broken pictures and rows without address are shown; nothing at all is refused."""
    buffer = io.BytesIO()
    Image.new("RGB", (900, 300), "red").save(buffer, "PNG")
    rows = [(bytearray(buffer.getvalue()), ["a", "b"]), (bytearray(b"no picture"), None), (None, [])]
    df = spark.createDataFrame(rows, "photo BINARY, seen ARRAY<STRING>")
    gallery = pv.display_gallery(df, image_col="photo", text_col="seen")
    assert [row.get("labels") for row in data_of(gallery.page)["gallery"]["rows"]] == [["a", "b"], None, None]
    assert [picture is None for picture in thumbnails_of(gallery.page)] == [False, True, True]
    assert gallery.save(str(tmp_path / "g.html")).read_text(encoding="utf-8") == gallery.page
    assert repr(gallery) == "Gallery of 3 images; .save('gallery.html') writes it"
    with pytest.raises(pv.ColumnError, match="neither 'image_binary' nor 'descrizione' is there; there are: photo, seen"):
        pv.display_gallery(df)
    with pytest.raises(pv.ColumnError, match="it must be binary"):
        pv.display_gallery(df, image_col="seen")
    with pytest.raises(pv.SettingError, match="max_rows: 0 is not allowed"):
        pv.display_gallery(df, max_rows=0)
