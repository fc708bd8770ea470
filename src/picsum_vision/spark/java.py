"""Find the Java that Spark is going to start, and refuse one that it cannot run on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from picsum_vision.errors import JavaProblem

_ANSWER_TIMEOUT_S = 30
# Later ones refuse Subject.getSubject, which Hadoop calls when Spark starts (seen with Java 25 on Spark 4.0 and 4.1).
_NEWEST_JAVA = 22
_VERSION = re.compile(r'version "?(\d+)(?:\.(\d+))?')


def require_java(spark_version: str) -> Path:
    """Return the path of the Java that Spark will use.

    Raises JavaProblem if there is none, it does not run, or it is too old or too new for the installed Spark.
    """
    needed = oldest_java(spark_version)
    java = find_java(needed)
    found = java_major_version(_version_text(java, needed), java)
    if found < needed:
        raise JavaProblem(f"{java} is Java {found}, but Spark {spark_version} needs {needed} or newer: {_remedy(needed)}")
    if found > _NEWEST_JAVA:
        raise JavaProblem(f"{java} is Java {found}, but Spark {spark_version} runs on {_NEWEST_JAVA} at most: {_remedy(needed)}")
    return java


def oldest_java(spark_version: str) -> int:
    """Return the oldest major version of Java that a Spark runs on."""
    return 17 if int(spark_version.split(".", maxsplit=1)[0]) >= 4 else 8  # noqa: PLR2004 - Spark 4


def find_java(needed: int = 17) -> Path:
    """Return the `java` of JAVA_HOME or, without it, of PATH: Spark looks so too. Raises JavaProblem if there is none."""
    home = os.environ.get("JAVA_HOME")
    if home:
        java = Path(home) / "bin" / ("java.exe" if os.name == "nt" else "java")
        if not os.access(java, os.X_OK) or java.is_dir():
            raise JavaProblem(f"JAVA_HOME={home}: there is no bin/java in it that can be run: {_remedy(needed)}")
        return java
    on_path = shutil.which("java")
    if on_path is None:
        raise JavaProblem(f"no Java found, and Spark needs one: {_remedy(needed)}")
    return Path(on_path)


def java_major_version(version_text: str, java: Path | str = "java") -> int:
    """Return the major version in what `java -version` printed: 8 for "1.8.0_392", 17 for "17.0.15", 24 for "24-ea".

    Raises JavaProblem, naming `java`, if there is no version in it.
    """
    match = _VERSION.search(version_text)
    if match is None:
        first_line = next(iter(version_text.strip().splitlines()), "nothing")
        raise JavaProblem(
            f"{java} -version says no version that can be read: {first_line[:200]!r}; set JAVA_HOME to another Java"
        )
    major, minor = int(match[1]), match[2]
    return int(minor) if major == 1 and minor else major


def _version_text(java: Path, needed: int) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - the user's own Java
            [java, "-version"], capture_output=True, text=True, errors="replace", timeout=_ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JavaProblem(f"{java} cannot be run ({type(error).__name__}): {_remedy(needed)}") from error
    text = answer.stderr + answer.stdout
    if answer.returncode != 0:
        first_line = next(iter(text.strip().splitlines()), f"exit code {answer.returncode}")
        raise JavaProblem(f"{java} does not run ({first_line[:200]}): {_remedy(needed)}")
    return text


def _remedy(needed: int) -> str:
    return f"apt install openjdk-17-jre-headless (or another Java from {needed} to {_NEWEST_JAVA}), or set JAVA_HOME to one"
