"""What a person at a terminal is told of an error that nobody expected."""

from __future__ import annotations

import pytest

from picsum_vision.cli import commands
from picsum_vision.cli.entry import run

JOB_ABORTED = """An error occurred while calling o345.create.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 7.0 failed 1 times, most recent failure: x
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2898)
"""
IN_A_WORKER = """Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
ValueError: seven

\tat org.apache.spark.api.python.BasePythonRunner.run(PythonRunner.scala:1)
"""
KEPT = "start it again: what was committed is kept"


class Py4JJavaError(Exception):
    """Named as py4j's own."""


class Py4JNetworkError(Exception):
    """Named as py4j's own."""


class Py4JUnreadableError(Exception):
    """As py4j's own where the JVM that has its text is gone."""

    def __str__(self) -> str:
        """Ask the JVM."""
        raise Py4JNetworkError


def said_of(error: Exception, monkeypatch, capsys) -> str:
    """Return the one line that a command leaves which ends so."""

    def fails(_: object) -> int:
        raise error

    monkeypatch.setattr(commands, "invoke", fails)
    assert run(["run"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("picsum-vision: ")
    assert line.endswith("(all of it with --verbose)")
    return line


@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        ("Caused by: org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)", "a Python worker ended"),
        ("Caused by: java.lang.OutOfMemoryError: Java heap space", "Spark's JVM ran out of memory"),
        ("Caused by: java.io.IOException: No space left on device", "no space is left on a disk"),
    ],
)
def test_known_ends_are_named_with_what_to_do(cause, meaning, monkeypatch, capsys):
    """A killed worker, a full heap and a full disk are told in plain words, with Spark's own line and that nothing is lost."""
    line = said_of(Py4JJavaError(f"{JOB_ABORTED}{cause}\n\tat a.line(of.java:1)"), monkeypatch, capsys)
    assert line.startswith(f"picsum-vision: {meaning}")
    assert KEPT in line
    assert cause.removeprefix("Caused by: ") in line


@pytest.mark.parametrize("error", [Py4JNetworkError("Answer from Java side is empty"), Py4JUnreadableError()])
def test_a_jvm_that_is_gone_is_named(error, monkeypatch, capsys):
    """Where the JVM cannot be asked any more, not even for the error's text, that is what is told."""
    error.__context__ = Py4JNetworkError()
    line = said_of(error, monkeypatch, capsys)
    assert line.startswith("picsum-vision: Spark's JVM is gone")
    assert KEPT in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (JOB_ABORTED, "org.apache.spark.SparkException: Job aborted due to stage failure"),
        (f"{JOB_ABORTED}Caused by: java.lang.A: a\n\tat x\nCaused by: java.lang.B: b\n\tat y", "java.lang.B: b "),
        (f"{JOB_ABORTED}{IN_A_WORKER}", "ValueError: seven "),
        ("plain words\nand more", "plain words "),
        ("", ""),
    ],
)
def test_of_others_the_telling_line_is_shown(text, told, monkeypatch, capsys):
    """Of any other error the line of its last cause is shown, not the call that failed."""
    line = said_of(Py4JJavaError(text), monkeypatch, capsys)
    assert line.startswith(f"picsum-vision: unexpected Py4JJavaError: {told}")
