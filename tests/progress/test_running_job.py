"""A real job tells of itself while it runs."""

from __future__ import annotations

import uuid

import pytest
from watching import Watching

import picsum_vision as pv
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency

pytestmark = pytest.mark.spark


def test_a_job_is_seen_while_its_only_pass_runs(spark):
    """Rows are counted before anything is committed, never fewer than before, in the end all, with failures by kind."""
    watching = Watching()
    with ImageServer(latency=Latency(mean_s=0.1)) as host:
        job = pv.PipelineConfig(
            images=150, base_url=host.base_url, width=32, height=24, tables=pv.Tables(schema=f"p_{uuid.uuid4().hex[:8]}"),
            download=pv.DownloadOptions(allow_private_addresses=True, max_in_flight_per_task=4),
        )  # fmt: skip
        report = pv.run_pipeline(spark, job, progress=watching)
    counted = [event for event in watching.events if event.step == "download_and_describe"]
    done = [event.rows_done for event in counted]
    assert any(0 < rows < 150 for rows in done), done
    assert done == sorted(done)
    assert (counted[-1].rows_done, counted[-1].rows_total, counted[-1].is_estimate) == (150, 150, False)
    assert counted[-1].failures == {"http_error": report.download.failed}
    assert counted[-1].bytes == report.download.bytes
    assert watching.events[-1].step == "finish"
    assert any(event.left_s for event in counted)


def test_print_will_do(spark, image_server, capsys):
    """A plain function that takes one line of text is enough."""
    job = pv.PipelineConfig(
        images=8, base_url=image_server.base_url, width=32, height=24, tables=pv.Tables(schema=f"p_{uuid.uuid4().hex[:8]}"),
        download=pv.DownloadOptions(allow_private_addresses=True),
    )  # fmt: skip
    pv.run_pipeline(spark, job, progress=print)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("8 images to download")
    assert any(line.startswith("downloading and describing 8 of 8") for line in said)
