"""A job whose endpoint refuses every request, or whose hosts have nothing, ends with its cause."""

from __future__ import annotations

import json

import pytest
from whole_jobs import LOCAL, check_one_row_each, fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.cli.entry import run
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelFault, ModelServer

pytestmark = pytest.mark.spark
MODEL = "test-vision"
# Each of at most five tasks looks ahead for a few rows, and takes some more while it waits for the first answer.
FETCHED_AT_MOST = 60


def backend_of(kind: str, model: ModelServer, folder) -> pv.ChatCompletions | pv.BatchChat:
    """Return a backend that is refused for this reason."""
    (folder / "key").write_text("wrong" if kind == "key" else "right")
    key = pv.Secret.file(folder / "key")
    name = "no-such-model" if kind == "model" else MODEL
    address = f"{model.base_url}/nowhere/v1" if kind == "route" else model.base_url
    return pv.ChatCompletions(address, name, api_key=key)


@pytest.mark.parametrize(
    ("kind", "quirks", "cause", "remedy", "partitions"),
    [
        ("key", [], "HTTP 401", "--api-key-env", 1),
        ("key", [], "HTTP 401", "--api-key-env", 4),
        ("key", ["wrong_key_is_400"], "HTTP 400", "--api-key-env", 2),
        ("model", [], "HTTP 404", "--model", 2),
        ("model", ["unknown_model_is_500"], "HTTP 500", "--model", 2),
        ("route", [], "HTTP 404", "--endpoint-url", 2),
    ],
)
def test_a_job_ends_when_its_endpoint_refuses(spark, tmp_path, kind, quirks, cause, remedy, partitions):
    """A few refusals of key, model or route end the job before images are fetched in vain; put right, it does them all."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images, ModelServer(api_key="right", quirks=quirks) as model:
        wanted = {"images": 300, "start": 1, "by": "seed", "partitions": partitions}
        with pytest.raises(pv.ModelProblem, match=cause) as raised:
            pv.run_pipeline(spark, job(tables, images, backend=backend_of(kind, model, tmp_path), **wanted))
        assert remedy in str(raised.value)
        assert model.base_url in str(raised.value)
        # A route that is not there is looked for at its other addresses, once a task.
        assert model.stats()["requests"] <= 10 * (2 if kind == "route" else 1)
        assert images.stats()["requests"] <= 2 * FETCHED_AT_MOST
        (recorded,) = rows_of(spark, tables, "image_runs")
        assert (recorded.state, recorded.message) == ("failed", str(raised.value))
        assert len(rows_of(spark, tables, "image_desc")) <= 10
        right = wanted | {"images": 12}
        report = pv.run_pipeline(spark, job(tables, images, backend=backend_of("none", model, tmp_path), **right))
    assert report.rows == 12
    assert report.describe.ok >= 12 - 10


def test_a_batch_job_ends_when_its_endpoint_refuses(spark, tmp_path):
    """A batch endpoint that refuses the key ends the job; the images stay, and the next run asks about them."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images, ModelServer(api_key="right") as model:
        (tmp_path / "key").write_text("wrong")
        backend = pv.BatchChat(model.base_url, MODEL, api_key=pv.Secret.file(tmp_path / "key"), poll_interval_s=0.2)
        settings = job(tables, images, images=12, start=1, by="seed", backend=backend)
        with pytest.raises(pv.ModelProblem, match="HTTP 401"):
            pv.run_pipeline(spark, settings)
        assert model.stats()["requests"] <= 10
        fetched = images.stats()["requests"]
        assert rows_of(spark, tables, "image_desc") == []
        (tmp_path / "key").write_text("right")
        assert pv.run_pipeline(spark, settings).describe.by_status == {"ok": 12}
        assert images.stats()["requests"] == fetched
    check_one_row_each(spark, tables, 12)


def test_refusals_of_single_rows_end_nothing(spark, tmp_path):
    """Filters, errors and a few wrong keys among answers are those rows' outcomes, and the job goes on."""
    tables = fresh_tables("iceberg", tmp_path)
    faults = [ModelFault("content_filter_error", share=0.3), ModelFault("unauthorized", share=0.1)]
    with ImageServer() as images, ModelServer(faults=faults, seed=3) as model:
        settings = job(tables, images, images=80, start=1, by="seed", backend=pv.ChatCompletions(model.base_url, MODEL))
        report = pv.run_pipeline(spark, settings)
    assert set(report.describe.by_status) == {"ok", "refused", "auth"}
    assert (report.succeeded, report.state, report.error) == (True, "ok", None)
    check_one_row_each(spark, tables, 80)


def test_functions_stop_asking_too(spark, tmp_path):
    """Without a job the rows after the first refusals have the same outcome, and nothing is asked for them."""
    with ImageServer() as images, ModelServer(api_key="right") as model:
        urls = pv.generate_urls(spark, 60, by="seed", width=64, height=48, base_url=images.base_url)
        backend = backend_of("key", model, tmp_path)
        rows = pv.download_and_describe(urls, backend, download_options=LOCAL, partitions=2).collect()
        asked = model.stats()["requests"]
    outcomes = [row.describe_outcome for row in rows]
    assert asked <= 12
    assert [each.status for each in outcomes] == ["auth"] * 60
    assert sum(each.attempts for each in outcomes) == asked
    assert all("HTTP 401" in each.message for each in outcomes if not each.attempts)
    assert all(row.download_outcome.status == "ok" for row in rows)


def test_no_row_that_is_ok_is_no_success(spark, tmp_path, monkeypatch, capsys):
    """Three of three failed downloads end with 1, in words and JSON, also when all have failed before; a missed share with 3."""
    monkeypatch.chdir(tmp_path)
    with ImageServer() as server:
        common = ["--base-url", server.base_url, "--allow-private-addresses", "--output", "out", "--json", "-q"]
        nothing = ["run", "--start", "2000", "--images", "3", *common]
        for _ in range(2):
            assert run(nothing) == 1
            shown = capsys.readouterr()
            told = json.loads(shown.out)
            assert told["state"] == "failed"
            assert told["error"].startswith("no row is ok: 3 of 3 downloads failed with http_error (HTTP 404), for example http")
            assert "--retry-permanent" in told["error"]
            assert shown.err.splitlines()[-1] == f"picsum-vision: {told['error']}"
        missed = ["run", "--start", "80", "--images", "10", "--min-ok-share", "0.95", *common]
        assert run(missed) == 3
        shown = capsys.readouterr()
        assert json.loads(shown.out)["state"] == "share_missed"
        assert "picsum-vision: min_ok_share: 0.900 of the rows are ok, 0.95 were asked for" in shown.err
        assert run(["run", "--start", "80", "--images", "10", *common]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["state"], told["error"]) == ("ok", None)


def test_an_endpoint_that_refuses_on_the_command_line(spark, tmp_path, monkeypatch, capsys):
    """Exit code 1, one line on stderr, and with --json the same in an object."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("wrong")
    with ImageServer() as server, ModelServer(api_key="right") as model:
        backend = f"kind = 'chat'\nbase_url = '{model.base_url}'\nmodel = '{MODEL}'\napi_key_file = '{tmp_path / 'key'}'"
        (tmp_path / "job.toml").write_text(f"[backend]\n{backend}\n")
        words = ["run", "--images", "40", "--base-url", server.base_url, "--allow-private-addresses", "--output", "out", "--json"]
        words += ["--config", "job.toml", "-q"]
        assert run(words) == 1
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert told["state"] == "failed"
    assert "refuses every request with HTTP 401" in told["error"]
    assert shown.err.splitlines()[-1] == f"picsum-vision: {told['error']}"
