"""The Java that Spark would start is found, read and refused in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from picsum_vision.errors import JavaProblem
from picsum_vision.spark.java import java_major_version, require_java

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS = {
    'java version "1.8.0_392"\nJava(TM) SE Runtime Environment (build 1.8.0_392-b08)': 8,
    'openjdk version "1.8.0_392"\nOpenJDK Runtime Environment (Temurin)(build 1.8.0_392-b08)': 8,
    'openjdk version "9-ea"\nOpenJDK Runtime Environment': 9,
    'openjdk version "11.0.21" 2023-10-17\nIBM Semeru Runtime Open Edition 11.0.21.0': 11,
    'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1)': 17,
    'java version "17" 2021-09-14 LTS': 17,
    'openjdk version "21" 2023-09-19\nOpenJDK Runtime Environment Corretto-21': 21,
    'openjdk version "24-ea" 2025-03-18': 24,
    'Picked up JAVA_TOOL_OPTIONS: -Dfile.encoding=UTF-8 -Xmx2g\nopenjdk version "25.0.3" 2026-04-21 LTS': 25,
    "openjdk version 17-internal": 17,
}


@pytest.mark.parametrize(("answer", "major"), ANSWERS.items())
def test_version_forms(answer: str, major: int) -> None:
    """The major version is read from what the vendors' `java -version` prints."""
    assert java_major_version(answer) == major


def test_unreadable_version_is_one_line() -> None:
    """An answer without a version is refused in one line that names the Java."""
    with pytest.raises(JavaProblem, match=r"^/opt/odd/java -version says no version.*'hello'") as caught:
        java_major_version("hello\nworld", "/opt/odd/java")
    assert "\n" not in str(caught.value)


def fake_java(home: Path, script: str) -> Path:
    """Write a `bin/java` that runs a shell script; a Java as old as is wanted cannot be installed everywhere."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("spark", "java", "enough"),
    [
        ("4.1.4", 11, False),
        ("4.0.1", 17, True),
        ("3.5.6", 11, True),
        ("3.5.6", 7, False),
        ("4.1.4", 21, True),
        ("4.1.4", 25, False),
    ],
)
def test_spark_states_the_oldest_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spark: str, java: int, *, enough: bool
) -> None:
    """A Java too old or too new for the installed Spark is refused with version and remedy; any other is taken."""
    path = fake_java(tmp_path / "jdk", f"echo 'openjdk version \"{java}.0.1\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    if enough:
        assert require_java(spark) == path
    else:
        with pytest.raises(JavaProblem, match=rf"is Java {java}, but Spark {spark} (needs|runs on) .*JAVA_HOME"):
            require_java(spark)


def test_no_java_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without JAVA_HOME and without a java on PATH, the message says how to get one."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JavaProblem, match=r"^no Java found.*apt install openjdk-17-jre-headless.*JAVA_HOME"):
        require_java("4.1.4")


def test_java_home_without_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A JAVA_HOME without bin/java is named, although a java is on PATH: Spark would use JAVA_HOME as well."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaProblem, match=f"^JAVA_HOME={tmp_path}: there is no bin/java"):
        require_java("4.1.4")


def test_java_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A java that ends with an error (as a stub without a runtime does) is refused with its own first line."""
    fake_java(tmp_path, "echo 'Unable to locate a Java Runtime.' >&2; exit 1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaProblem, match=r"does not run \(Unable to locate a Java Runtime\.\)"):
        require_java("4.1.4")
