"""The README's examples, run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

import picsum_vision as pv
from picsum_vision.cli.commands import app
from picsum_vision.config_file import job_config
from picsum_vision.testing.model_server import ModelServer

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python_examples_run_one_after_the_other(spark, image_server, tmp_path, capsys):
    """Every Python block runs as it stands, but for fewer images and the embedded servers in the place of real hosts."""
    key = tmp_path / "key"
    key.write_text("a-key\n")
    private = "pv.DownloadOptions(allow_private_addresses=True)"
    host = f'base_url="{image_server.base_url}"'
    with ModelServer() as model:
        replaced = {
            'spark = pv.local_session("picsum-vision-data")': "spark = given_session",
            "count=1000)": f"count=5, {host})",
            "pv.download(urls)": f"pv.download(urls, options={private})",
            "images=1000)": f"images=5, {host}, download={private})",
            "https://host/v1": model.base_url,
            "a-vision-model": "test-vision",
            'pv.Secret.env("MODEL_API_KEY")': f"pv.Secret.file({str(key)!r})",  # the workers are older than the variable
            '"gallery.html"': repr(str(tmp_path / "gallery.html")),
            'language="en"))': f'language="en"), download_options={private})',
        }
        names: dict[str, object] = {"given_session": spark}
        for block in blocks("python"):
            code = block
            for old, new in replaced.items():
                code = code.replace(old, new)
            exec(compile(code, "README.md", "exec"), names)  # noqa: S102 - our own README
        labels = {row.descrizione for row in names["answers"].collect()}
        english = [row.descrizione for row in names["rows"].collect()]
    assert (tmp_path / "gallery.html").stat().st_size > 0
    assert labels <= {"natura", "urbano", "ritratto", "astratto"}
    assert all("pixels" in text for text in english)
    assert capsys.readouterr().out.count("Immagine orizzontale") >= 10


@pytest.mark.parametrize(
    "line", [line for block in blocks("sh") for line in block.splitlines() if line.startswith("picsum-vision")]
)
def test_command_lines_have_flags_that_exist(line):
    """Every command line of the README is understood by the command that it names."""
    words = shlex.split(line, comments=True)[1:]
    group = typer.main.get_command(app)
    command = group.commands[words[0]]
    context = command.make_context(words[0], list(words[1:]))
    assert context.params


def test_the_job_file_is_a_whole_job():
    """The README's TOML is a job that the library takes, with every setting in its place."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11")
    (text,) = blocks("toml")
    job = job_config(tomllib.loads(text))
    assert (job.by, job.min_ok_share, job.download.total_timeout_s) == ("seed", 0.9, 20)
    assert job.describe.requests_per_minute_total == 600
    assert isinstance(job.backend, pv.ChatCompletions)
    assert job.task == pv.Classify()


def test_the_check_runs_the_command_of_the_readme():
    """.ci/run calls exactly the README's test command."""
    _, test_command = (block.strip() for block in blocks("sh")[:2])
    assert test_command in (Path(__file__).parents[1] / ".ci" / "run").read_text().splitlines()
