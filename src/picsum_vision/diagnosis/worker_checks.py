"""The workers, by their own word: Python, packages, the way to the image host and to the model, memory for the window."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import re
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from picsum_vision.describing.backends import Backend, BatchChat, ChatCompletions
from picsum_vision.describing.model_list import model_list
from picsum_vision.diagnosis.endpoint_checks import TIMEOUT_S, finding_of
from picsum_vision.diagnosis.finding import Case, Finding, Verdict, failure, ok, skipped, warning
from picsum_vision.diagnosis.machine_checks import version_of
from picsum_vision.errors import PicsumVisionError
from picsum_vision.fetching.sync import fetch_images
from picsum_vision.options import DownloadOptions
from picsum_vision.redaction import redact_text, redact_url
from picsum_vision.spark.conf import session_setting
from picsum_vision.spark.session_memory import machine_memory_bytes
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.url_sources import urls_from

_PACKAGES: Final = ("picsum-vision", "pyarrow", "pandas", "aiohttp", "pycurl", "pillow", "numpy", "yarl")
_TASKS_AT_MOST: Final = 64
_LONGEST: Final = 200
_NO_WAY_OUT: Final = frozenset({"dns", "connect", "tls", "timeout", "too_slow", "blocked_address", "invalid_url"})
_WHEEL: Final = (
    "install the wheel where the workers run: a cluster library, or on Spark Connect spark.addArtifacts(..., pyfile=True)"
)
_MB: Final = 1_000_000
# A worker's Python with its packages, and the Arrow batches that come, wait and go (measured: 110 to 160 MB).
_PYTHON_BYTES: Final = 160 * _MB
_BATCH_BYTES: Final = 48 * _MB
_SMALLEST_WINDOW: Final = 16 * _MB
_TIGHT: Final = 0.8
_UNITS: Final = {"": 1 << 20, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Fetched(NamedTuple):
    """What became of an address: the status of its outcome, and all that the outcome says."""

    status: str
    words: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerReport:
    """One worker's answer; None where it was not asked for."""

    host: str
    python: str
    executable: str
    packages: dict[str, str]
    memory_bytes: int
    fetched: Fetched | None
    endpoint: Finding | None


def check_workers(case: Case) -> Iterator[Finding]:
    """Ask the workers, and say what each of their answers means. Which machines they run on is the cluster's choice."""
    url, tasks, told = _probe_url(case), min(tasks_at_once(case.session), _TASKS_AT_MOST), []
    options, backend = case.config.download, case.config.backend

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                # As text, so that nothing of it depends on Arrow types or versions.
                yield pa.RecordBatch.from_arrays([pa.array([json.dumps(_answer(url, options, backend))])], names=["report"])
                return

    rows = case.session.range(0, tasks, 1, tasks)
    if said := refusal(lambda: told.extend(rows.mapInArrow(work, "report STRING").collect())):
        yield not_asked(said)
        return
    reports = [_report(**json.loads(row["report"])) for row in told]
    yield _python(reports)
    yield _packages(reports)
    yield from _egress(case, url, reports)
    yield from _endpoint(reports)
    yield _memory(case, reports, tasks)


def _answer(url: str | None, options: DownloadOptions, backend: Backend) -> dict[str, Any]:
    found = None
    if isinstance(backend, ChatCompletions | BatchChat):
        found = finding_of("worker endpoint", model_list(backend, timeout_s=TIMEOUT_S), backend)
    return {
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "packages": {name: version for name in _PACKAGES if (version := version_of(name))},
        "memory_bytes": machine_memory_bytes(),
        "fetched": None if url is None else _fetch_once(url, options),
        "endpoint": None if found is None else dataclasses.astuple(found),
    }


def _report(*, fetched: list[str] | None, endpoint: list[str] | None, **rest: Any) -> WorkerReport:
    found = None if endpoint is None else Finding(endpoint[0], Verdict(endpoint[1]), *endpoint[2:])
    return WorkerReport(**rest, fetched=None if fetched is None else Fetched(*fetched), endpoint=found)


def _fetch_once(url: str, options: DownloadOptions) -> Fetched:
    """Fetch an address in this process by the library's own engine, with the job's own settings but one attempt."""
    (image,) = fetch_images([url], dataclasses.replace(options, max_attempts=1))
    status, code, message = image.status.value, image.outcome.http_status, image.outcome.message
    return Fetched(status, f"{status}{f' {code}' if code else ''}{f' ({message})' if message else ''}")


def _probe_url(case: Case) -> str | None:
    config = case.config
    if case.probe_url is not None:
        return case.probe_url
    if config.urls_from is None:
        return f"{config.urls.before_number}{max(1, config.start)}{config.urls.after_number}"
    try:
        first = urls_from(case.session, config.urls_from, config.url_col).urls.first()
    except (PySparkException, PicsumVisionError):  # the check of the source says why
        return None
    return None if first is None else first["image_url"]


def not_asked(said: str) -> Finding:
    """Return what it means that no worker has answered, by what Spark says. It refuses a worker of another Python itself."""
    name, python = "worker python", f"python{'.'.join(platform.python_version_tuple()[:2])}"
    if found := re.search("(PYTHON_VERSION_MISMATCH|different minor version|Python in worker has different version).*", said):
        both = f"export PYSPARK_PYTHON={python} PYSPARK_DRIVER_PYTHON={python} (one minor version everywhere), then restart"
        return failure(name, f"the workers run another Python: {found[0][:_LONGEST]}", both)
    if found := re.search("No module named.*", said):
        return failure(name, f"the workers lack a package: {found[0][:_LONGEST]}", _WHEEL)
    if found := re.search("Cannot run program.*", said):
        chosen = os.environ.get("PYSPARK_PYTHON", "python3")
        return failure(name, found[0][:_LONGEST], f"PYSPARK_PYTHON is {chosen}: set it to a Python that the workers have")
    return failure(name, f"no worker answers: {short(said)}", "the log of a worker says more; --verbose")


def _python(reports: list[WorkerReport]) -> Finding:
    seen = ", ".join(Counter(report.python for report in reports))
    hosts = len({report.host for report in reports})
    executables = ", ".join(sorted({report.executable for report in reports}))
    return ok("worker python", f"{seen} at {executables}: {len(reports)} tasks on {hosts} host{'s' if hosts > 1 else ''}")


def _packages(reports: list[WorkerReport]) -> Finding:
    name = "worker packages"
    differ = sorted(
        {
            f"{package} {report.packages.get(package, 'missing')} on {report.host}, {mine} here"
            for report in reports
            for package in report.packages.keys() | {"picsum-vision"}
            if report.packages.get(package) != (mine := version_of(package))
        }
    )
    if any(each.startswith("picsum-vision ") for each in differ):
        return failure(name, "; ".join(differ[:4]), f"{_WHEEL}; the same version as here")
    if differ:
        return warning(name, "; ".join(differ[:4]), "the same versions everywhere are easier to reason about; both may work")
    return ok(name, "the same versions as here")


def _egress(case: Case, url: str | None, reports: list[WorkerReport]) -> Iterator[Finding]:
    if url is None:
        yield skipped("worker egress", "no address to try; give one as --probe-url")
        return
    shown = redact_url(url)
    there = [report.fetched for report in reports if report.fetched is not None]
    here = _fetch_once(url, case.config.download)
    is_here_cut_off = here.status in _NO_WAY_OUT
    worst = next((each for each in there if each.status in _NO_WAY_OUT), there[0])
    cut_off = sum(each.status in _NO_WAY_OUT for each in there)
    if not cut_off:
        yield ok("worker egress", f"{shown} answers the workers: {worst.words}")
    else:
        also = "nor can this process" if is_here_cut_off else f"this process can: {here.words}"
        message = f"{cut_off} of {len(there)} tasks cannot fetch {shown}: {worst.words}; {also}"
        yield failure("worker egress", message, _egress_remedy(worst, case.config.download, driver_can=not is_here_cut_off))
    if is_here_cut_off and not cut_off:
        yield warning("driver egress", f"this process cannot fetch {shown} ({here.words}); only by='list' needs that")
    elif not is_here_cut_off:
        yield ok("driver egress", f"{shown} answers this process: {here.words}")


def _egress_remedy(fetched: Fetched, options: DownloadOptions, *, driver_can: bool) -> str:
    if fetched.status == "blocked_address":
        return "--allow-private-addresses (allow_private_addresses=True), if you mean it"
    if fetched.status == "invalid_url":
        return "--base-url, or --probe-url with an http(s) address"
    if fetched.status in ("timeout", "too_slow"):
        return f"--timeout {max(30, 3 * options.total_timeout_s):g} (total_timeout_s is {options.total_timeout_s:g})"
    if driver_can:
        return "let the workers out: on Databricks serverless a network policy, on a cluster NAT or its firewall"
    return "a firewall or the host's name: curl -i the address; serverless compute needs a network policy"


def _endpoint(reports: list[WorkerReport]) -> Iterator[Finding]:
    by_verdict = {report.endpoint.verdict: report.endpoint for report in reversed(reports) if report.endpoint is not None}
    for verdict in (Verdict.FAILURE, Verdict.WARNING, Verdict.OK):
        if verdict in by_verdict:
            worst = by_verdict[verdict]
            yield dataclasses.replace(worst, message=f"from the workers: {worst.message}")
            return


def _memory(case: Case, reports: list[WorkerReport], tasks: int) -> Finding:
    """Return whether the window of all tasks of a machine fits beside the JVM."""
    name = "memory"
    memory = min(report.memory_bytes for report in reports)
    if not memory:
        return skipped(name, "the workers do not say how much they have")
    hosts = len({report.host for report in reports})
    together = math.ceil(tasks / hosts)
    window = case.config.download.window_bytes_per_task
    jvm = _jvm_bytes(case.session)
    needed = jvm + together * (window + _PYTHON_BYTES + _BATCH_BYTES)
    words = (
        f"{together} tasks on a machine x (window {window / _MB:,.0f} MB + {(_PYTHON_BYTES + _BATCH_BYTES) / _MB:,.0f} MB) "
        f"+ JVM {jvm / _MB:,.0f} MB = {needed / _MB:,.0f} MB of {memory / _MB:,.0f} MB"
    )
    if needed <= memory * _TIGHT:
        return ok(name, words)
    fits = int((memory * _TIGHT - jvm) / together) - _PYTHON_BYTES - _BATCH_BYTES
    if fits < _SMALLEST_WINDOW:
        remedy = f"fewer tasks at once (--master 'local[{max(1, together // 2)}]', --partitions), or larger machines"
    else:
        remedy = f"[download] window_bytes_per_task = {fits // _MB * _MB}"
    return failure(name, words, remedy) if needed > memory else warning(name, words, remedy)


def _jvm_bytes(spark: SparkSession) -> int:
    """Return the JVM's heap beside the workers: the executor's, in local mode the driver's."""
    is_local = session_setting(spark, "spark.master").startswith("local")
    text = session_setting(spark, "spark.driver.memory" if is_local else "spark.executor.memory", "1g")
    match = re.fullmatch(r"(\d+)([kmgt]?)b?", text.strip().lower())
    return int(match[1]) * _UNITS[match[2]] if match else 1 << 30


def refusal(work: Callable[[], object]) -> str:
    """Do it, and return what was said against it; nothing if it went well.

    The kinds of errors differ: classic Spark raises Java's own beside its own, Connect those of its protocol. Words are alike.
    """
    try:
        work()
    except Exception as error:  # noqa: BLE001 - see above
        return redact_text(str(error)) or type(error).__name__
    return ""


def short(said: str) -> str:
    """Return the part that a person reads, on one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith(("An error occurred", "\tat "))]
    return " ".join(lines)[:_LONGEST].removeprefix(": ")
