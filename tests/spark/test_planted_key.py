"""Where a key must not turn up: nowhere but in the header of the request."""

from __future__ import annotations

import base64
import html
import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest
from served import served

pytestmark = pytest.mark.spark
JOB = Path(__file__).parents[1] / "jobs" / "planted_key.py"
# It looks like no maker's keys, and each way of writing it down is another one.
KEY = "Planted/4711+kEy=with'odd&letters=="
# Python logs nothing by itself: this makes every process of the job, Spark's workers too, log everything.
LOG_EVERYTHING = "import logging, sys\nlogging.basicConfig(level=logging.DEBUG, format='python-log %(name)s: %(message)s')\n"


def echoes(header: str) -> list[tuple[int, str]]:
    """Return answers that repeat the header, as (status, body)."""
    basic = base64.b64encode(f"user:{header}".encode()).decode()
    said = {"role": "assistant", "content": f"Un'immagine. {header}"}
    refused = {"role": "assistant", "content": None, "refusal": f"Not for {header}"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    return [
        (401, json.dumps({"error": {"message": f"Incorrect API key provided: {header}", "code": "invalid_api_key"}})),
        (401, json.dumps({"error": {"message": f"wrong: {header}"}}).replace("/", "\\/")),
        (403, json.dumps({"detail": f"no {basic}"})),
        (400, f"bad header Authorization: {header}"),
        (400, f"bad query ?key={quote(header, safe='')}"),
        (500, f"<html>{html.escape(header)}</html>"),
        (503, f"upstream said {html.escape(header)}"),
        (429, json.dumps({"message": header})),
        (200, json.dumps({"choices": [{"message": said, "finish_reason": "stop"}], "usage": usage})),
        (200, json.dumps({"choices": [{"message": refused, "finish_reason": header}], "usage": usage})),
        (200, json.dumps({"no": header})),
    ]


@contextmanager
def echoing_endpoint() -> Iterator[tuple[str, Counter[str]]]:
    """Run an endpoint that repeats the key in turn in each way; yields its address and how often each header came."""
    seen: Counter[str] = Counter()
    turns = itertools.count()

    class Echo(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            header = self.headers["Authorization"]
            seen[header] += 1
            answers = echoes(header)
            status, body = answers[next(turns) % len(answers)]
            self.send_response(status, header)
            self.send_header("Content-Length", str(len(body.encode())))
            self.send_header("WWW-Authenticate", header)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with served(Echo) as address:
        yield f"{address}/v1", seen


def run_job(folder: Path, base_url: str, kind: str, place: str, env: dict[str, str]) -> tuple[bytes, bytes]:
    """Run the job in a process of its own with everything logged; return what it printed on both channels."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(LOG_EVERYTHING)
    inherited = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
    paths = [str(folder / "site"), *filter(None, [inherited.get("PYTHONPATH")])]
    ended = subprocess.run(
        [sys.executable, str(JOB), str(folder / "out"), base_url, kind, place],
        cwd=folder / "out",
        env={**inherited, "PYTHONPATH": os.pathsep.join(paths), **env},
        capture_output=True,
        timeout=700,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()[-3000:]
    return ended.stdout, ended.stderr


def traces() -> list[bytes]:
    """Return what of the key may be found: in plain, escaped, and within base64 wherever it begins."""
    plain = [KEY, json.dumps(KEY)[1:-1].replace("/", "\\/"), quote(KEY, safe=""), html.escape(KEY), "Planted/4711", "kEy=with"]
    shifted = [base64.b64encode(b"\0" * shift + KEY.encode()).decode()[4:-4] for shift in range(3)]
    return [trace.encode() for trace in [*plain, *shifted]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["env", "file"])
def test_a_planted_key_appears_nowhere(tmp_path: Path, kind: str) -> None:
    """A key that the endpoint repeats is in no plan, event log, log of driver or workers, table, MLflow run or exception."""
    (tmp_path / "out").mkdir()
    (tmp_path / "key").write_text(KEY)
    place, env = ("PICSUM_PLANTED", {"PICSUM_PLANTED": KEY}) if kind == "env" else (str(tmp_path / "key"), {})
    with echoing_endpoint() as (base_url, seen):
        stdout, stderr = run_job(tmp_path, base_url, kind, place, env)
    assert set(seen) == {f"Bearer {KEY}"}
    written = {str(path): path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    # Each of the places that are looked at holds something.
    assert b"== Physical Plan ==" in stdout
    assert b"[redacted]" in stdout
    assert b"Traceback" in stdout
    assert b"INFO DAGScheduler" in stderr
    assert b"python-log asyncio: Using selector" in stderr
    assert any("/events/" in name and b"SparkListenerJobEnd" in content for name, content in written.items())
    assert any(name.endswith(".parquet") for name in written)
    assert {"mlflow.db", "rows.json", "python_model.pkl"} <= {Path(name).name for name in written}
    for name, content in {"stdout": stdout, "stderr": stderr, **written}.items():
        assert not [trace for trace in traces() if trace in content], name
