"""What makes the command line pleasant: help, completion, loudness, colours where somebody sees them."""

from __future__ import annotations

import inspect
import os
import pty
import re
import subprocess
import sys

import pytest

from picsum_vision import AiQuery, BatchChat, Classify, Describe, PixelDescriber, Secret, SettingError, Tables, __version__
from picsum_vision.cli import commands, job_flags
from picsum_vision.cli import doctor as doctor_command
from picsum_vision.cli import run as run_command
from picsum_vision.cli.entry import run
from picsum_vision.errors import EnvironmentProblem

COMMAND = [sys.executable, "-c", "from picsum_vision.cli import main; main()"]
COMMANDS = ("demo", "run", "report", "bench", "plan", "doctor", "export", "setup-sql", "serve-images", "serve-model")
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


def at_a_terminal(*words: str, **environment: str) -> bytes:
    """Run the command with a terminal as its stdout and stderr; return what a person would have seen."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    process = subprocess.Popen(
        [*COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, env={**clean, "TERM": "xterm", **environment}
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # the terminal is gone with its last user
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    process.wait()
    return seen


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_that_can_be_copied(command, capsys, monkeypatch):
    """A command's help shows a whole command on one line, and its flags with their defaults."""
    monkeypatch.setenv("COLUMNS", "80")
    assert run([command, "-h"]) == 0
    shown = capsys.readouterr().out
    assert re.search(rf"^ picsum-vision {command} \S", shown, re.MULTILINE)
    assert "--quiet" in shown


def test_defaults_stand_in_the_help(capsys, monkeypatch):
    """What is written in square brackets is shown, not taken for a style."""
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    for default in ("1000", "800", "picsum-vision-data", "platform_catalog", "pixels", "it", "keep-images"):
        assert f"[default: {default}]" in shown
    for default in ("64 downloads, 32 questions", "natura,urbano,ritratto,astratto", "databricks-llama-4-maverick, for ai-query"):
        assert f"[default: {default}]" in " ".join(re.sub(r"[│\n]", " ", shown).split())


@pytest.mark.parametrize("words", [["bench", "--help"], ["bench", "compare", "--help"], ["export", "--help"]])
def test_no_help_shows_the_marks_of_its_making(words, capsys, monkeypatch):
    """A default in square brackets is shown as it is meant, of a command below a command too."""
    monkeypatch.setenv("COLUMNS", "200")
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert "[default: " in shown
    assert "\\" not in shown


def test_doctor_takes_every_flag_of_run():
    """A command line of `run` is one of `doctor`: each flag has the same name, type, help and default."""
    of_run, of_doctor = (inspect.signature(command).parameters for command in (run_command.run, doctor_command.doctor))
    assert [name for name in of_run if of_doctor.get(name) != of_run[name]] == []


def test_a_flag_means_the_same_with_or_without_a_file(tmp_path):
    """Every flag of a job reaches its setting, in the place of what the file says, and what no flag names is the file's."""
    (tmp_path / "job.toml").write_text("images = 7\nwidth = 10\n[download]\nmax_attempts = 2\ntotal_timeout_s = 3\n")
    nothing = dict.fromkeys(inspect.signature(run_command.run).parameters)
    given = {
        "config": str(tmp_path / "job.toml"), "images": 5, "output": str(tmp_path), "table_format": "delta", "overwrite": True,
        "backend": "ai-query", "task": "classify", "labels": "a,b", "max_in_flight": 3, "timeout": 4.0,
        "checkpoint_interval": 9.0, "requests_per_minute": 60, "keep_images": True, "on_new_question": "keep_both",
    }  # fmt: skip
    job, folder = job_flags.job_of(nothing | given)
    assert (job.images, job.width, job.mode, job.checkpoint_interval_s) == (5, 10, "overwrite", 9.0)
    assert (job.download.max_attempts, job.download.total_timeout_s, job.download.max_in_flight_per_task) == (2, 4.0, 3)
    assert (job.describe.max_in_flight_per_task, job.describe.requests_per_minute_total) == (3, 60)
    assert (job.backend, job.task) == (AiQuery(), Classify(labels=("a", "b")))
    assert (job.on_new_question, job.tables.path, folder) == ("keep_both", str(tmp_path), str(tmp_path))


def test_a_path_in_the_file_means_delta(tmp_path):
    """A file with `tables.path` is a job on Delta tables in that folder, unless a flag names another one; Iceberg is refused."""
    (tmp_path / "job.toml").write_text(f"tables = {{ path = '{tmp_path}/in-file', image_desc = 'mine' }}\n")
    nothing = dict.fromkeys(inspect.signature(run_command.run).parameters)
    given = nothing | {"config": str(tmp_path / "job.toml")}
    for flags, folder in ({}, "in-file"), ({"table_format": "delta"}, "in-file"), ({"output": f"{tmp_path}/other"}, "other"):
        job, chosen = job_flags.job_of(given | flags)
        assert (job.tables, chosen) == (Tables(path=f"{tmp_path}/{folder}", image_desc="mine"), f"{tmp_path}/{folder}")
    with pytest.raises(SettingError, match=r"format: 'iceberg' is not allowed with tables.path"):
        job_flags.job_of(given | {"table_format": "iceberg"})
    assert job_flags.job_of(nothing | {"output": str(tmp_path)})[0].tables.path is None


def test_a_kind_wins_over_the_file(tmp_path):
    """Of a file's backend and task another kind takes what it knows; what a flag says, it must know."""
    (tmp_path / "job.toml").write_text(
        "[backend]\nkind = 'chat'\nbase_url = 'https://host/v1'\nmodel = 'm'\napi_key_file = '/key'\nmax_images_per_request = 3\n"
        "[task]\nkind = 'classify'\nlabels = ['a', 'b']\nlanguage = 'en'\n"
    )
    nothing = dict.fromkeys(inspect.signature(run_command.run).parameters)
    of_file = nothing | {"config": str(tmp_path / "job.toml"), "table_format": "iceberg"}
    job, _ = job_flags.job_of(of_file | {"backend": "pixels", "task": "describe"})
    assert (job.backend, job.task) == (PixelDescriber(), Describe(language="en"))
    job, _ = job_flags.job_of(of_file | {"backend": "batch-chat"})
    assert job.backend == BatchChat("https://host/v1", "m", api_key=Secret.file("/key"), max_images_per_request=3)
    for wrong, words in (
        ({"backend": "pixels", "task": "describe", "endpoint_url": "https://host/v2"}, r"backend\.base_url: not used"),
        ({"task": "describe", "labels": "a,b"}, "labels: only for the task 'classify'"),
        ({"backend": "pixel"}, "did you mean"),
    ):
        with pytest.raises(SettingError, match=words):
            job_flags.job_of(of_file | wrong)


def test_a_key_that_no_kind_knows_is_refused_under_another_kind_too(tmp_path):
    """A typing error in the file's backend is told even where a flag names another backend."""
    (tmp_path / "job.toml").write_text("[backend]\nkind = 'chat'\nbase_ulr = 'https://host/v1'\n")
    nothing = dict.fromkeys(inspect.signature(run_command.run).parameters)
    with pytest.raises(SettingError, match=r"backend\.base_ulr: no such setting \(did you mean"):
        job_flags.job_of(nothing | {"config": str(tmp_path / "job.toml"), "table_format": "iceberg", "backend": "pixels"})


@pytest.mark.parametrize(
    ("tables", "folder", "remote", "config", "command"),
    [
        (Tables(), "my pictures", None, "job.toml", "picsum-vision report 'my pictures'"),
        (Tables(schema="mine"), "out", None, None, "picsum-vision report out --schema mine"),
        (Tables(path="/out"), "out", None, None, "picsum-vision report out"),
        (Tables(path="/out", image_urls="urls"), "out", None, "my job.toml", "picsum-vision report out --config 'my job.toml'"),
        (Tables(schema="mine"), "out", "local[2]", None, "picsum-vision report out --schema mine --remote 'local[2]'"),
        (
            Tables(catalog="main"),
            None,
            "sc://h",
            None,
            "picsum-vision report --catalog main --schema marketplace --remote sc://h",
        ),
    ],
)
def test_the_next_command_is_whole(tables, folder, remote, config, command):
    """What `run` prints at its end finds the tables of that run."""
    assert run_command.report_command(tables, folder, remote, config) == command


def test_version(capsys):
    """--version and -V print the version and nothing else."""
    for flag in ("--version", "-V"):
        assert run([flag]) == 0
        assert capsys.readouterr().out == f"picsum-vision {__version__}\n"


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("picsum-vision re", {"report"}),
        ("picsum-vision run --b", {"--by", "--base-url", "--backend"}),
        ("picsum-vision run --by ", {"id", "seed", "list"}),
        ("picsum-vision run --backend p", {"pixels", "pyfunc"}),
        ("picsum-vision run --task s", {"sentiment"}),
        ("picsum-vision run --format ", {"iceberg", "delta"}),
    ],
)
def test_tab_completes(line, offered):
    """Tab offers commands, flags and the words that a flag takes."""
    words = {"_PICSUM_VISION_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    told = subprocess.run([*COMMAND], env={**os.environ, **words}, capture_output=True, text=True, timeout=60, check=False)
    assert set(told.stdout.split()) == offered


def test_colours_are_for_terminals_only():
    """A terminal gets colours, unless NO_COLOR is set; a pipe never does."""
    assert COLOUR.search(at_a_terminal("run", "--help"))
    without = COLOUR.findall(at_a_terminal("run", "--help", NO_COLOR="1"))
    assert not [each for each in without if re.search(rb"\[(\d+;)*(3|9)\d", each)]
    piped = subprocess.run([*COMMAND, "run", "--help"], capture_output=True, timeout=60, check=False)
    assert b"\x1b" not in piped.stdout + piped.stderr


def test_quiet_and_verbose_are_heard_before_and_behind_the_command(tmp_path, monkeypatch, capsys):
    """Both places count; both at once are refused; verbose shows what lies behind an error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.toml").write_text("images = \n")
    for words in (["-v", "run", "--config", "job.toml"], ["run", "-v", "--config", "job.toml"]):
        assert run(words) == 2
        shown = capsys.readouterr().err
        assert "Traceback" in shown
        assert shown.splitlines()[-1].startswith("picsum-vision: config: 'job.toml' is not TOML")
    assert run(["run", "--config", "job.toml"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert run(["run", "-q", "-v"]) == 2
    assert "quiet, verbose: both given; choose one" in capsys.readouterr().err


def test_a_whole_error_has_no_password_of_an_address(monkeypatch, capsys):
    """What lies behind an error is in other libraries' words, which quote addresses as they were given."""
    monkeypatch.setenv("PICSUM_VISION_TRACEBACK", "1")

    def fails(_: object) -> int:
        raise EnvironmentProblem("not there") from ConnectionError(
            "no answer of http://user:SE%40CRET@host:5000/api and sc://t@h"
        )

    monkeypatch.setattr(commands, "invoke", fails)
    assert run(["run"]) == 1
    shown = capsys.readouterr().err
    assert "ConnectionError: no answer of http://host:5000/api and sc://h" in shown
    assert "SE%40CRET" not in shown


def test_a_variable_shows_the_whole_error_too(tmp_path, monkeypatch, capsys):
    """PICSUM_VISION_TRACEBACK shows what lies behind an error of the library's own, as --verbose does."""
    monkeypatch.setenv("PICSUM_VISION_TRACEBACK", "1")
    (tmp_path / "job.toml").write_text("images = \n")
    assert run(["run", "--config", str(tmp_path / "job.toml")]) == 2
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "TOMLDecodeError" in shown
    assert shown.splitlines()[-1].startswith("picsum-vision: config:")
