"""`run`, `demo` and `report` as a person calls them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency

COMMAND = [sys.executable, "-c", "from picsum_vision.cli import main; main()"]


def picsum_vision(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], cwd=cwd, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.spark
def test_the_main_job_of_the_notebook(tmp_path):
    """Ids 1 to 1000 give 1,000 rows, 87 of them http_error with 404, none lost; run again, nothing is asked."""
    with ImageServer() as server:
        words = [
            "run",
            "--images",
            "1000",
            "--base-url",
            server.base_url,
            "--allow-private-addresses",
            "--output",
            "out",
            "--json",
        ]
        words += ["--width", "64", "--height", "48", "--min-ok-share", "0.9"]
        first = picsum_vision(*words, cwd=tmp_path)
        assert first.returncode == 0, first.stderr
        requests = server.stats()["requests"]
        again = picsum_vision(*words, "--min-ok-share", "0.95", cwd=tmp_path)
        assert server.stats()["requests"] == requests == 1000 + 913
    assert again.returncode == 3, again.stderr
    figures = json.loads(first.stdout)
    assert set(figures) >= {"run_id", "rows", "download", "describe", "tables"}
    assert figures["rows"] == 1000
    assert figures["download"]["by_status"] == {"ok": 913, "http_error": 87}
    assert figures["describe"]["by_status"] == {"ok": 913, "no_image": 87}
    assert figures["tables"]["image_desc"] == "platform_catalog.marketplace.image_desc"
    assert json.loads(again.stdout)["download"]["skipped"] == 1000
    assert sorted(path.name for path in (tmp_path / "out" / "marketplace").iterdir() if path.name[0] != ".") == [
        "image_codes",
        "image_desc",
        "image_urls",
    ]


@pytest.mark.spark
def test_demo_and_report(tmp_path):
    """The demo ends with all its pictures described, ten of them printed and a summary; report shows the same tables."""
    ended = picsum_vision("demo", "--images", "12", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Immagine ") == 10
    assert "downloaded: 12 ok, 0 failed" in ended.stdout
    assert "described: 12 ok, 0 failed" in ended.stdout
    report = picsum_vision("report", "picsum-vision-demo", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    assert "12 images asked for" in report.stdout
    assert "described: 12 ok, 0 failed" in report.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picsum-vision-demo"]


@pytest.mark.spark
def test_ctrl_c_keeps_what_is_committed(tmp_path):
    """Ctrl-C ends the run soon, with exit code 130 and one line, and the next run works on the same tables."""
    with ImageServer(latency=Latency(mean_s=0.5)) as server:
        words = [
            "run",
            "--images",
            "400",
            "--by",
            "seed",
            "--base-url",
            server.base_url,
            "--allow-private-addresses",
            "--output",
            "out",
        ]
        words += ["--width", "16", "--height", "16", "--max-in-flight", "4", "--format", "delta"]
        process = subprocess.Popen([*COMMAND, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        give_up = time.monotonic() + 200
        while server.stats()["requests"] < 20 and process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert errors.strip().splitlines()[-1].startswith("picsum-vision: stopped;")
        assert "Traceback" not in errors
    with ImageServer() as server:
        words[words.index("--base-url") + 1] = server.base_url
        ended = picsum_vision(*words[:-6], "--max-in-flight", "64", "--format", "delta", "--images", "20", "--json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["describe"]["ok"] == 20
