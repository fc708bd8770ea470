"""Jars that are downloaded at the first start: from a repository on loopback that fails, and by several processes at once."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from served import served

from picsum_vision.spark.jars import packaged_file

pytestmark = pytest.mark.spark
POM = b"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>org.example</groupId><artifactId>tiny</artifactId><version>1.0</version></project>"""
START = """
import json, sys
from picsum_vision.errors import EnvironmentProblem
from picsum_vision.spark import session_launch
session_launch._WAITS_BEFORE_ANOTHER_DOWNLOAD_S = (0, 0)
try:
    session = session_launch.start_session(json.loads(sys.argv[1]))
    print(json.dumps([jar.rpartition("/")[2] for jar in session.conf.get("spark.jars").split(",")]))
    session.stop()
except EnvironmentProblem as problem:
    print(json.dumps(str(problem)))
"""
REAL_START = """
import sys
from picsum_vision.spark.session import local_session
session = local_session(sys.argv[1], master="local[1]", table_format=sys.argv[2])
print(session.range(3).count())
session.stop()
"""


def a_jar() -> bytes:
    """Give a small jar."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as jar:
        jar.writestr("some.bin", os.urandom(100_000))
    return made.getvalue()


@contextmanager
def repository(troubles: list[tuple[str, str]], *, slow_s: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """Serve org.example:tiny:1.0; yield the address and the files that were got.

    `troubles` are what goes wrong, one after the other, each with the end of the name of the file that it waits for.
    """
    jar, got = a_jar(), []
    left = list(troubles)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._say(b"")

        def do_GET(self) -> None:
            got.append(self.path.rpartition("/")[2])
            body = {".jar": jar, ".pom": POM}.get(self.path[-4:], b"")
            if self.path.endswith(".jar"):
                threading.Event().wait(slow_s)
            self._say(body)

        def _say(self, body: bytes) -> None:
            known = self.path.endswith(("tiny-1.0.pom", "tiny-1.0.jar"))
            size = len(jar if self.path.endswith(".jar") else POM)
            trouble = left[0][0] if left and self.path.endswith(left[0][1]) else None
            if trouble == "cut" and not body:
                trouble = None  # the head alone has nothing to cut
            if trouble is not None:
                left.pop(0)
            if trouble == "reset":
                self.connection.close()
                return
            self.send_response(503 if trouble == "busy" else 200 if known else 404)
            self.send_header("Content-Length", str(size if known and trouble != "busy" else 0))
            self.end_headers()
            if trouble != "busy" and known:
                self.wfile.write(body[:1000] if trouble == "cut" else body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with served(Handler) as address:
        yield address, got


def settings(folder: Path, address: str) -> str:
    """Give the settings of a session that takes its jars from there, and all else as from Maven Central."""
    ours = packaged_file("ivysettings.xml").read_text().replace("<ibiblio ", f'<ibiblio root="{address}/" ')
    (folder / "ivysettings.xml").write_text(ours)
    (folder / "ivy").mkdir(exist_ok=True)
    return json.dumps(
        {
            "spark.master": "local[1]",
            "spark.ui.enabled": "false",
            "spark.jars.packages": "org.example:tiny:1.0",
            "spark.jars.ivy": str(folder / "ivy"),
            "spark.jars.ivySettings": str(folder / "ivysettings.xml"),
        }
    )


def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a process of its own: each has its own JVM."""
    return subprocess.Popen(
        [sys.executable, "-c", *arguments], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


def said(process: subprocess.Popen[str]) -> Any:
    """Wait for the process, and return what it has printed."""
    printed, _ = process.communicate(timeout=700)
    assert process.returncode == 0
    return json.loads(printed)


def test_a_download_that_fails_is_tried_again(tmp_path: Path) -> None:
    """A start goes on after a refusal of the server and a file that breaks off, with what is whole already."""
    with repository([("busy", ".pom"), ("cut", ".jar")]) as (address, got):
        assert said(started(START, settings(tmp_path, address))) == ["org.example_tiny-1.0.jar"]
    assert got.count("tiny-1.0.pom") == 1
    assert got.count("tiny-1.0.jar") == 2


def test_a_download_that_goes_on_failing_says_why(tmp_path: Path) -> None:
    """After three tries the message names the jar, the repository, the reason, and what to do without a network."""
    with repository([("reset", "")] * 1000) as (address, _):
        told = said(started(START, settings(tmp_path, address)))
    host = address.removeprefix("http://")
    assert told.startswith(f"cannot get org.example:tiny:1.0 from {host} (SocketException: Unexpected end of file from server): ")
    assert "give the files themselves as spark.jars" in told
    assert "\n" not in told


def test_a_jar_that_is_not_there_is_looked_for_once(tmp_path: Path) -> None:
    """Another try does not help where the repository has no such jar."""
    with repository([]) as (address, got):
        asked = settings(tmp_path, address).replace("org.example:tiny:1.0", "org.example:tiny:2.0")
        told = said(started(START, asked))
    assert told.startswith("cannot get org.example:tiny:2.0 from 127.0.0.1")
    assert "(not found there)" in told
    assert got == []


def test_two_first_starts_at_once(tmp_path: Path) -> None:
    """Two processes with an empty cache both start, one of them downloads, and a jar that was left half copied is replaced."""
    with repository([], slow_s=1) as (address, got):
        asked = settings(tmp_path, address)
        jars = tmp_path / "ivy" / "jars"
        jars.mkdir()
        (jars / "org.example_tiny-1.0.jar").write_bytes(a_jar()[:50_000])
        both = [started(START, asked) for _ in range(2)]
        assert [said(process) for process in both] == [["org.example_tiny-1.0.jar"]] * 2
    assert got.count("tiny-1.0.jar") == 1
    assert [zipfile.is_zipfile(jar) for jar in jars.glob("*.jar")] == [True]


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_four_first_starts_at_once_from_maven_central(tmp_path: Path) -> None:
    """Four users' first starts, two for each table format, work side by side in a home where there is no jar yet."""
    processes = [
        started(REAL_START, str(tmp_path / f"tables-{number}"), ("iceberg", "delta")[number % 2], HOME=str(tmp_path))
        for number in range(4)
    ]
    assert [said(process) for process in processes] == [3] * 4
