"""Wrong flags and surroundings: one line on stderr, the right exit code, nothing half-written."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from picsum_vision.cli.entry import run


def picsum_vision(*words: str, cwd, **environment: str) -> subprocess.CompletedProcess[str]:
    script = "from picsum_vision.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--images", "0"], "images: 0 is not allowed; it must be an integer of at least 1"),
        (["run", "--images", "-5"], "images: -5 is not allowed"),
        (["run", "--images", "many"], "--images"),
        (["run", "--width", "5001"], "width: 5001 is not allowed; it must be an integer from 0 to 5000"),
        (["run", "--by", "sed"], 'did you mean "seed"'),
        (["run", "--imges", "5"], "--images"),
        (["rnu"], "run"),
        (["run", "--format", "parquet"], 'format: \'parquet\' is not allowed; it must be one of "iceberg", "delta"'),
        (["run", "--backend", "chat"], "backend.base_url: missing; the backend 'chat' needs it (--endpoint-url)"),
        (["run", "--backend", "chat", "--endpoint-url", "http://h"], "backend.model: missing"),
        (["run", "--model", "m"], "backend.model: not used by the backend 'pixels'"),
        (["run", "--task", "objects"], "PixelDescriber has none"),
        (["run", "--labels", "a,b"], "labels: only for the task 'classify'"),
        (["run", "--task", "classify", "--labels", "a", "--backend", "ai-query"], "labels: ['a'] is not allowed"),
        (["run", "--timeout", "0"], "total_timeout_s: 0.0 is not allowed"),
        (["run", "--min-ok-share", "1.5"], "min_ok_share: 1.5 is not allowed"),
        (["run", "--partitions", "0"], "partitions: 0 is not allowed"),
        (["run", "--base-url", "ftp://host"], "base_url: 'ftp://host' is not allowed"),
        (["run", "--master", "local[1]", "--remote", "local[1]"], "master, remote: both given"),
        (["run", "--config", "nowhere.toml"], "config: 'nowhere.toml' cannot be read"),
        (["doctor", "--min-ok-share", "1.5"], "min_ok_share: 1.5 is not allowed"),
        (["doctor", "--when-busy", "no"], "when_busy: 'no' is not allowed"),
        (["demo", "--images", "0"], "images: 0 is not allowed"),
        (["demo", "--port", "70000"], "port is 70000"),
        (["report"], "report: give either the folder of the tables or --catalog"),
        (["report", "nowhere"], "report: 'nowhere' is no folder"),
        (["report", "--catalog", "c", "--images", "0"], "images: 0 is not allowed"),
        (["report", "--catalog", "c", "--output", "."], "output: '.' is a folder; it must be a file"),
        (["report", "--catalog", "c", "--output", "nowhere/r.html"], "output: 'nowhere/r.html' cannot be written"),
        (["report", "--catalog", "c", "--input-price-per-million-tokens", "-1"], "input_price_per_million_tokens: -1.0"),
        (["serve-images", "--fault", "statsu"], "statsu"),
        ([], "Missing command"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_2(tmp_path, monkeypatch, capsys, words, message):
    """A wrong setting ends with exit code 2 and one line that names it; nothing is written."""
    monkeypatch.chdir(tmp_path)
    code = run(words)
    printed = capsys.readouterr()
    assert code == 2, printed.err
    assert message in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_a_file_is_refused(tmp_path):
    """A file in the place of the output folder is named and left as it is."""
    (tmp_path / "out").write_text("precious")
    ended = picsum_vision("run", "--output", "out", cwd=tmp_path)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "output: 'out' is a file" in ended.stderr
    assert (tmp_path / "out").read_text() == "precious"


def test_a_home_folder(tmp_path, monkeypatch, capsys):
    """A ~ that the shell has left, as in --config=~/job.toml, is the user's home folder wherever a file or folder is named."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.toml").write_text("images = 0")
    (tmp_path / "empty").mkdir()
    assert run(["run", "--config=~/job.toml"]) == 2
    assert "images: 0 is not allowed" in capsys.readouterr().err
    for words in (["report"], ["export", "--to", "files", "--path", "x"]):
        assert run([*words, "~/empty"]) == 2
        assert f"'{tmp_path}/empty' holds no tables of a run" in capsys.readouterr().err


def test_an_unknown_key_of_the_file_names_the_nearest(tmp_path):
    """A typing error in the job's file is an error that names the setting which was probably meant."""
    (tmp_path / "job.toml").write_text("images = 5\n[download]\ntotal_timout_s = 3\n")
    ended = picsum_vision("run", "--config", "job.toml", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.strip() == 'picsum-vision: download.total_timout_s: no such setting (did you mean "total_timeout_s"?)'


@pytest.mark.parametrize("command", ["serve-images", "serve-model"])
def test_a_port_in_use_is_one_line(tmp_path, command):
    """A taken port is exit code 1 and one line with the remedy."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = picsum_vision(command, "--port", str(port), cwd=tmp_path)
    assert ended.returncode == 1
    assert f"port {port}: cannot listen on it" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_no_java_is_one_line(tmp_path):
    """Without Java a run ends with exit code 1, one line that says how to get it, and no folder."""
    ended = picsum_vision("run", "--output", "out", cwd=tmp_path, PATH=str(tmp_path), JAVA_HOME="")
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("picsum-vision:")]
    assert "Java" in line or "java" in line
    assert "apt install" in line
    assert "Traceback" not in ended.stderr


def test_help_shows_an_example(tmp_path):
    """The help of a command has an example that can be copied."""
    ended = picsum_vision("run", "--help", cwd=tmp_path, COLUMNS="200")
    assert ended.returncode == 0
    assert "picsum-vision run --images 100 --output pictures" in ended.stdout


def test_setup_sql_is_the_whole_set_up(tmp_path):
    """setup-sql prints catalog, schema, three tables, a volume and the grants, with names quoted."""
    ended = picsum_vision("setup-sql", "--catalog", "c", "--schema", "s", "--grant-to", "a`b", cwd=tmp_path)
    statements = ended.stdout.strip().split(";\n")
    assert ended.returncode == 0
    assert len(statements) == 9
    assert statements[0] == "CREATE CATALOG IF NOT EXISTS `c`"
    assert statements[-2] == "GRANT USE SCHEMA, SELECT, MODIFY, CREATE TABLE ON SCHEMA `c`.`s` TO `a``b`"
    assert statements[-1] == "GRANT READ VOLUME, WRITE VOLUME ON VOLUME `c`.`s`.`exports` TO `a``b`;"
