"""What is wrong with this machine is found without Spark, each with what repairs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from picsum_vision import PipelineConfig, PixelDescriber, PyFunc, ReadText, SettingError, Tables, doctor
from picsum_vision.diagnosis.finding import Case, Diagnosis, Verdict, examined, failure, ok
from picsum_vision.diagnosis.machine_checks import MACHINE_CHECKS

# Runs the command as on a machine where pyspark is not installed.
WITHOUT_SPARK = """
import sys
sys.modules["pyspark"] = None
from picsum_vision.cli import main
main()
"""


def looked(name: str, **case):
    return next(examined(name, MACHINE_CHECKS[name], Case(**{"config": PipelineConfig(), **case})))


def test_a_healthy_machine():
    """Here, where the tests run, nothing of the machine is a failure; what hangs on a session is skipped in words."""
    diagnosis = doctor()
    assert not [each for each in diagnosis.findings if each.verdict is Verdict.FAILURE], diagnosis
    assert diagnosis.named("python").message.startswith("Python 3.")
    assert "aiohttp" in diagnosis.named("packages").message
    assert diagnosis.named("memory").message == "no session was given"


def test_a_package_that_is_too_old(tmp_path: Path, monkeypatch):
    """A package below the wheel's floor is named with the pip command."""
    old = tmp_path / "aiohttp-3.1.0.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: aiohttp\nVersion: 3.1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = looked("packages")
    assert (found.verdict, found.remedy) == (Verdict.FAILURE, "pip install 'aiohttp>=3.8.3'")


@pytest.mark.parametrize(("java", "says"), [("11.0.2", "is Java 11"), ("25.0.1", "is Java 25"), (None, "no Java found")])
def test_the_wrong_java(tmp_path: Path, monkeypatch, java, says):
    """A Java that is too old, too new or missing is a failure that says how to get another."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if java is not None:
        program = tmp_path / "java"
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{java}\"' >&2\n")
        program.chmod(0o755)
    found = looked("java")
    assert found.verdict is Verdict.FAILURE
    assert says in found.message
    assert "apt install openjdk-17-jre-headless" in found.remedy


def test_java_is_not_asked_for_where_spark_runs_elsewhere(tmp_path: Path, monkeypatch):
    """With a Spark Connect server no Java and no jar is needed here."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert looked("java", starts_spark=False).verdict is Verdict.SKIPPED
    assert looked("table jar", starts_spark=False).verdict is Verdict.SKIPPED


def test_a_jar_that_is_not_here_yet(tmp_path: Path, monkeypatch):
    """The jar that the first start would fetch is named, with what helps where nothing can be fetched."""
    monkeypatch.setenv("HOME", str(tmp_path))
    found = looked("table jar", config=PipelineConfig(tables=Tables(path="pictures")))
    assert found.verdict is Verdict.WARNING
    assert "io.delta:delta-spark" in found.message
    assert "spark.jars.ivySettings" in found.remedy


def test_a_spark_that_no_jar_is_known_for(monkeypatch):
    """A Spark without a known jar is a failure that names those with one."""
    import pyspark

    monkeypatch.setattr(pyspark, "__version__", "9.9.9")
    found = looked("table jar")
    assert found.verdict is Verdict.FAILURE
    assert "4.1" in found.message + found.remedy


def test_what_a_job_needs_beyond_the_core(monkeypatch, tmp_path: Path):
    """A missing program or model is a failure of the job that needs it, and nothing to worry about for others."""
    pytest.importorskip("pytesseract").pytesseract.tesseract_cmd = str(tmp_path / "tesseract")
    from picsum_vision.describing.pixel_extras import _tesseract_languages

    try:
        _tesseract_languages.cache_clear()
        needing = doctor(config=PipelineConfig(backend=PixelDescriber(), task=ReadText())).named("tesseract")
        other = doctor().named("tesseract")
    finally:
        sys.modules["pytesseract"].pytesseract.tesseract_cmd = "tesseract"
    assert (needing.verdict, other.verdict) == (Verdict.FAILURE, Verdict.SKIPPED)
    assert "tesseract-ocr" in needing.remedy


@pytest.mark.filterwarnings("ignore")  # those of MLflow are its own matter
@pytest.mark.usefixtures("mlflow_store")
def test_a_model_that_mlflow_does_not_have():
    """An MLflow model that is not there is a failure that names it."""
    found = doctor(config=PipelineConfig(backend=PyFunc("models:/nobody@champion"))).named("mlflow")
    assert found.verdict is Verdict.FAILURE
    assert "nobody" in found.message


def test_without_spark_the_command_says_what_to_install(tmp_path: Path):
    """Where pyspark is not installed, doctor still runs, says the pip command, and ends with exit code 1."""
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_SPARK, "doctor", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    found = {each["name"]: each for each in json.loads(ended.stdout)["findings"]}
    assert found["spark"]["verdict"] == "failure"
    assert found["spark"]["remedy"] == "pip install 'picsum-vision[local]'"
    assert found["session"]["message"] == "no session: repair spark first"
    assert list(tmp_path.iterdir()) == []


def test_a_check_that_breaks_down_is_a_finding():
    """An unexpected error of one check is shown, and the others go on."""

    def broken(_):
        yield ok("first", "seen")
        raise RuntimeError("broken\nby chance")

    found = list(examined("mine", broken, Case(config=PipelineConfig())))
    assert [str(each.verdict.value) for each in found] == ["ok", "failure"]
    assert found[1].message == "could not be looked at: RuntimeError: broken"


def test_a_diagnosis_shows_itself():
    """It is lines of text, a table in a notebook with everything escaped, and JSON; one failure makes it not ok."""
    diagnosis = Diagnosis((ok("python", "3.12"), failure("java", "<b>none</b>", "apt install x")))
    assert not diagnosis.ok
    assert str(diagnosis).splitlines()[-1] == "1 ok, 1 failure"
    assert "repair: apt install x" in str(diagnosis)
    assert "&lt;b&gt;none" in diagnosis._repr_html_()
    assert diagnosis.as_dict()["findings"][1]["remedy"] == "apt install x"


def test_wrong_arguments_are_refused():
    """What is no config, address or flag is a SettingError before anything is looked at."""
    for arguments in ({"config": "job"}, {"probe_url": " "}, {"ask_model": 1}, {"write": "no"}):
        with pytest.raises(SettingError):
            doctor(**arguments)
