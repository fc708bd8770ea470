"""`run`, `demo` and `report` as a person calls them."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from spark_processes import processes_of

from picsum_vision.cli import demo as demo_command
from picsum_vision.cli.entry import run
from picsum_vision.run_report import NO_ADDRESSES
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency

COMMAND = [sys.executable, "-c", "from picsum_vision.cli import main; main()"]


@pytest.mark.spark
def test_an_empty_list_is_told(spark, tmp_path, capsys):
    """A list without an address is said on both streams, and misses the share that was asked for; without one it is no error."""
    (tmp_path / "mine.csv").write_text("image_url\n")
    words = ["run", "--urls-from", str(tmp_path / "mine.csv"), "--output", str(tmp_path / "out")]
    assert run([*words, "--min-ok-share", "0.9", "--json"]) == 3
    told = capsys.readouterr()
    assert json.loads(told.out)["rows"] == 0
    assert NO_ADDRESSES in told.err
    assert run(words) == 0
    assert NO_ADDRESSES in capsys.readouterr().out


def test_a_missing_list_is_told_before_spark_starts(tmp_path, monkeypatch, capsys):
    """A file that is not there is one line, and nothing was started for it."""
    monkeypatch.chdir(tmp_path)
    for name in ("none.csv", "none.parquet", "file:/none.txt"):
        assert run(["run", "--urls-from", name]) == 2
        told = capsys.readouterr().err
        assert f"urls_from: {name!r} is not there (looked for /" in told
        assert "starting Spark" not in told
    assert not list(tmp_path.iterdir())


@pytest.mark.spark
def test_repeated_addresses_are_told(spark, tmp_path, capsys):
    """A list that repeats addresses is told from one that has fewer."""
    (tmp_path / "mine.txt").write_text("https://127.0.0.1:9/a\n" * 3 + "https://127.0.0.1:9/b\n")
    assert run(["run", "--urls-from", str(tmp_path / "mine.txt"), "--output", str(tmp_path / "out")]) == 1  # nobody listens there
    assert "2 of 4 rows of the list repeat an address of another one; skipped" in capsys.readouterr().err


@pytest.mark.spark
def test_the_main_job_of_the_notebook(spark, tmp_path, monkeypatch, capsys):
    """Ids 1 to 1000 give 1,000 rows, 87 of them http_error with 404, none lost; run again, nothing is asked; report shows it."""
    monkeypatch.chdir(tmp_path)
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
        assert run(words) == 0
        first = json.loads(capsys.readouterr().out)
        requests = server.stats()["requests"]
        assert run([*words, "--min-ok-share", "0.95"]) == 3
        again = json.loads(capsys.readouterr().out)
        assert server.stats()["requests"] == requests == 1000 + 913
    assert set(first) >= {"run_id", "rows", "download", "describe", "tables"}
    assert first["rows"] == 1000
    assert first["download"]["by_status"] == {"ok": 913, "http_error": 87}
    assert first["describe"]["by_status"] == {"ok": 913, "no_image": 87}
    assert first["tables"]["image_desc"] == "platform_catalog.marketplace.image_desc"
    assert again["download"]["skipped"] == 1000
    tables = [path.name for path in (tmp_path / "out" / "marketplace").iterdir() if path.name[0] != "."]
    beside = ["image_codes_lease", "image_desc_lease", "image_quality", "image_runs", "image_urls_lease"]
    assert sorted(tables) == sorted(["image_codes", "image_desc", "image_urls", *beside])
    assert run(["report", "out"]) == 0
    report = capsys.readouterr().out
    assert "1,000 images asked for" in report
    assert "downloaded: 913 ok, 87 failed" in report
    assert f"gallery: {tmp_path / 'out' / 'report.html'}" in report
    assert run(["report", "out", "--output", "mine.html", "--images", "20"]) == 0
    assert f"gallery: {tmp_path / 'mine.html'}" in capsys.readouterr().out
    assert '"of_rows":1000' in (tmp_path / "mine.html").read_text()


@pytest.mark.spark
def test_demo(tmp_path):
    """The demo ends with all its pictures described, ten of them printed, a summary and a gallery, all in its folder."""
    ended = subprocess.run(
        [*COMMAND, "demo", "--images", "12"], cwd=tmp_path, capture_output=True, text=True, timeout=700, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Immagine ") == 10
    assert "downloaded: 12 ok, 0 failed" in ended.stdout
    assert "described: 12 ok, 0 failed" in ended.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picsum-vision-demo"]
    page = tmp_path / "picsum-vision-demo" / "report.html"
    assert f"gallery: {page}" in ended.stdout
    assert '"of_rows":12' in page.read_text()


@pytest.mark.spark
def test_a_demo_again(spark, tmp_path, monkeypatch, capsys):
    """A second demo finds the pictures of the first one under the same addresses; one that cannot have its port says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        taken.listen()
        assert run(["demo", "--images", "6", "--port", port]) == 1
        assert f"port {port}: cannot listen on it" in capsys.readouterr().err
        monkeypatch.setattr(demo_command, "USUAL_PORT", int(port))
        assert run(["demo", "--images", "4", "--output=~/elsewhere", "--json"]) == 0
        shown = capsys.readouterr()
        assert f"port {port} is taken" in shown.err
        assert json.loads(shown.out)["describe"]["by_status"] == {"ok": 4}
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["marketplace", "report.html"]
    reports = []
    for _ in range(2):
        assert run(["demo", "--images", "6", "--json"]) == 0
        shown = capsys.readouterr()
        assert "is taken" not in shown.err
        reports.append(json.loads(shown.out))
    assert [report["rows"] for report in reports] == [6, 6]
    assert [report["download"]["skipped"] for report in reports] == [0, 6]
    assert '"of_rows":6' in (tmp_path / "picsum-vision-demo" / "report.html").read_text()


@pytest.mark.spark
def test_the_next_command_shows_the_tables(spark, tmp_path, monkeypatch, capsys):
    """The command that a run prints at its end works as it stands, under other names than the usual ones, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.toml").write_text("[tables]\nimage_urls = 'addresses'\nimage_codes = 'pictures'\nimage_desc = 'answers'\n")
    with ImageServer() as server:
        words = ["run", "--images", "3", "--base-url", server.base_url, "--allow-private-addresses", "--by", "seed"]
        assert run([*words, "--config", "job.toml", "--output", "out", "--schema", "mine"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("look at them: ")]
    command, *rest = shlex.split(line.removeprefix("look at them: "))
    assert (command, run(rest)) == ("picsum-vision", 0)
    told = capsys.readouterr().out
    assert "3 images asked for" in told
    assert "platform_catalog.mine.answers" in told
    assert run(["export", "out", "--schema", "mine", "--config", "job.toml", "--to", "files", "--path", "files"]) == 0
    assert "3 of 3 images as files" in capsys.readouterr().out


def at_work(server: ImageServer, folder: Path) -> subprocess.Popen[str]:
    """Return a long run that has begun to fetch."""
    words = ["run", "--images", "400", "--by", "seed", "--base-url", server.base_url, "--allow-private-addresses"]
    words += ["--output", "out", "--width", "16", "--height", "16", "--max-in-flight", "4", "--format", "delta"]
    process = subprocess.Popen([*COMMAND, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    give_up = time.monotonic() + 200
    while server.stats()["requests"] < 20 and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.2)
    return process


@pytest.mark.spark
def test_ctrl_c(tmp_path):
    """Ctrl-C ends the run soon, with exit code 130 and one line that says what is kept."""
    with ImageServer(latency=Latency(mean_s=0.5)) as server:
        process = at_work(server, tmp_path)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert errors.strip().splitlines()[-1].startswith("picsum-vision: stopped;")
        assert "Traceback" not in errors


@pytest.mark.spark
@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("jvm", "Spark's JVM is gone"),
        pytest.param("worker", "a Python worker ended unexpectedly", marks=pytest.mark.soak),
    ],
)
def test_what_was_killed_is_said(tmp_path, who, said):
    """A run whose JVM or worker is killed ends with exit code 1; its last line says which, and what is kept."""
    with ImageServer(latency=Latency(mean_s=0.5)) as server:
        process = at_work(server, tmp_path)
        processes_of(process.pid)[who].kill()
        _, errors = process.communicate(timeout=120)
    last = errors.strip().splitlines()[-1]
    assert process.returncode == 1, errors
    assert last.startswith(f"picsum-vision: {said}")
    assert "start it again: what was committed is kept" in last
    assert "Traceback" not in errors
