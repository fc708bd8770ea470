"""The workers, by their own word: Python, packages, the way to the image host and to the model, memory for the window."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from pyspark.errors import PySparkException

from picsum_vision.describing.backends import BatchChat, ChatCompletions
from picsum_vision.diagnosis.case import Case
from picsum_vision.diagnosis.endpoint_checks import finding_of
from picsum_vision.diagnosis.fetch_once import Fetched, fetch_once
from picsum_vision.diagnosis.finding import Finding, Verdict, failure, ok, skipped, warning
from picsum_vision.diagnosis.memory_checks import memory_finding
from picsum_vision.diagnosis.refusal import refusal, short
from picsum_vision.diagnosis.worker_probe import WorkerReport, probe_workers, version_of
from picsum_vision.errors import PicsumVisionError
from picsum_vision.options import DownloadOptions
from picsum_vision.redaction import redact_url
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.url_sources import urls_from

_TASKS_AT_MOST: Final = 64
_LONGEST_LINE: Final = 240
_NO_WAY_OUT: Final = frozenset({"dns", "connect", "tls", "timeout", "too_slow"})
_OTHER_PYTHON: Final = ("PYTHON_VERSION_MISMATCH", "different minor version", "Python in worker has different version")
_SAME_PYTHON: Final = "export PYSPARK_PYTHON={python} PYSPARK_DRIVER_PYTHON={python} (one minor version everywhere), then restart"
_WHEEL: Final = (
    "install the wheel where the workers run: a cluster library, or on Spark Connect spark.addArtifacts(..., pyfile=True)"
)


def check_workers(case: Case) -> Iterator[Finding]:
    """Ask the workers, and say what each of their answers means."""
    url = _probe_url(case)
    tasks = min(tasks_at_once(case.session), _TASKS_AT_MOST)
    reports: list[WorkerReport] = []
    said = refusal(
        lambda: reports.extend(
            probe_workers(case.session, tasks, url=url, options=case.config.download, backend=case.config.backend)
        )
    )
    if said:
        yield not_asked(said)
        return
    yield _python(reports)
    yield _packages(reports)
    yield from _egress(case, url, reports)
    yield from _endpoint(case, reports)
    yield memory_finding(case, reports, tasks)


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
    """Return what it means that no worker has answered, by what Spark says."""
    name = "worker python"
    if line := _line_with(said, _OTHER_PYTHON):
        python = f"python{'.'.join(platform.python_version_tuple()[:2])}"
        return failure(name, f"the workers run another Python: {line}", _SAME_PYTHON.format(python=python))
    if line := _line_with(said, ("No module named",)):
        return failure(name, f"the workers lack a package: {line}", _WHEEL)
    if line := _line_with(said, ("Cannot run program",)):
        chosen = os.environ.get("PYSPARK_PYTHON", "python3")
        return failure(name, line, f"PYSPARK_PYTHON is {chosen}: set it to a Python that the workers have")
    return failure(name, f"no worker answers: {short(said)}", "the log of a worker says more; --verbose")


def _line_with(said: str, signs: Iterable[str]) -> str:
    """Return the first line that has one of the signs, from there on."""
    starts = (said.find(sign) for sign in signs)
    first = min((start for start in starts if start >= 0), default=None)
    return "" if first is None else said[first:].splitlines()[0].strip()[:_LONGEST_LINE]


def _python(reports: list[WorkerReport]) -> Finding:
    name, mine = "worker python", platform.python_version()
    seen = Counter(report.python for report in reports)
    hosts = len({report.host for report in reports})
    other = [version for version in seen if version.split(".")[:2] != mine.split(".")[:2]]
    if other:
        python = f"python{'.'.join(mine.split('.')[:2])}"
        return failure(name, f"{', '.join(other)} on the workers, {mine} here", _SAME_PYTHON.format(python=python))
    executables = ", ".join(sorted({report.executable for report in reports}))
    return ok(name, f"{', '.join(seen)} at {executables}: {len(reports)} tasks on {hosts} host{'s' if hosts > 1 else ''}")


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
    here = fetch_once(url, case.config.download)
    worst = next((each for each in there if _is_cut_off(each)), there[0])
    cut_off = sum(_is_cut_off(each) for each in there)
    if not cut_off:
        yield ok("worker egress", f"{shown} answers the workers: {worst.words}")
    else:
        also = "nor can this process" if _is_cut_off(here) else f"this process can: {here.words}"
        message = f"{cut_off} of {len(there)} tasks cannot fetch {shown}: {worst.words}; {also}"
        yield failure("worker egress", message, _egress_remedy(worst, case.config.download, driver_can=not _is_cut_off(here)))
    if _is_cut_off(here) and not cut_off:
        yield warning("driver egress", f"this process cannot fetch {shown} ({here.words}); only by='list' needs that")
    elif not _is_cut_off(here):
        yield ok("driver egress", f"{shown} answers this process: {here.words}")


def _is_cut_off(fetched: Fetched) -> bool:
    return fetched.status in _NO_WAY_OUT or fetched.status in ("blocked_address", "invalid_url")


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


def _endpoint(case: Case, reports: list[WorkerReport]) -> Iterator[Finding]:
    backend = case.config.backend
    if not isinstance(backend, ChatCompletions | BatchChat):
        return
    findings = [finding_of("worker endpoint", report.models, backend) for report in reports if report.models is not None]
    by_verdict = {each.verdict: each for each in reversed(findings)}
    worst = next((by_verdict[verdict] for verdict in (Verdict.FAILURE, Verdict.WARNING) if verdict in by_verdict), findings[0])
    yield dataclasses.replace(worst, message=f"from the workers: {worst.message}")
