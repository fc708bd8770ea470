"""What is examined and what is found: a job with its surroundings, and a line for each thing, with what repairs it."""

from __future__ import annotations

import dataclasses
import enum
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.config import PipelineConfig
from picsum_vision.errors import PicsumVisionError
from picsum_vision.html_text import html_line, html_table
from picsum_vision.redaction import redact_error, redact_text
from picsum_vision.validation import check_flag, check_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# How the remedies of this library's messages begin.
_REQUEST: Final = re.compile(
    r"(?P<mark>[:;] )(?=(allow|apt|ask|call|check|choose|connect|CREATE|give|GRANT|install|name|on Databricks|pip|raise|set|start"
    r"|unset|use|wait|write)\b|`picsum-vision)"
)


class Verdict(str, enum.Enum):
    """How a thing is. SKIPPED: it was not looked at, and the message says why."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing: its name, how it is, what was seen, and the command, SQL or setting that repairs it."""

    name: str
    verdict: Verdict
    message: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Leave out what it may quote of addresses and keys."""
        object.__setattr__(self, "message", redact_text(self.message))

    def __str__(self) -> str:
        """Return one line, and a second with the remedy."""
        line = f"{self.verdict.value:<8} {self.name:<16} {self.message}"
        return f"{line}\n{'':<25} repair: {self.remedy}" if self.remedy else line


def _found(verdict: Verdict, name: str, message: str, remedy: str = "") -> Finding:
    return Finding(name, verdict, message, remedy)


ok = functools.partial(_found, Verdict.OK)
warning = functools.partial(_found, Verdict.WARNING)
failure = functools.partial(_found, Verdict.FAILURE)
skipped = functools.partial(_found, Verdict.SKIPPED)


def failed_with(name: str, error: BaseException) -> Finding:
    """Return the failure that one of this library's errors says; what begins as a request, behind `: ` or `; `, is the remedy."""
    text = " ".join(str(error).split()) or type(error).__name__
    parted = _REQUEST.search(text)
    return failure(name, text) if parted is None else failure(name, text[: parted.start()], text[parted.end("mark") :])


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """All findings. It prints itself as lines, and shows itself as a table in a notebook."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing has failed; warnings do not count."""
        return not self.by_verdict(Verdict.FAILURE)

    def by_verdict(self, verdict: Verdict) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(each for each in self.findings if each.verdict is verdict)

    def named(self, name: str) -> Finding:
        """Return the first finding of that name; raises KeyError if there is none."""
        return {each.name: each for each in reversed(self.findings)}[name]

    @property
    def summary(self) -> str:
        """The numbers in one line."""
        counts = [(verdict.value, len(self.by_verdict(verdict))) for verdict in Verdict]
        return ", ".join(f"{number} {word}" for word, number in counts if number)

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        findings = [{**dataclasses.asdict(each), "verdict": each.verdict.value} for each in self.findings]
        return {"ok": self.ok, "findings": findings}

    def __str__(self) -> str:
        """Return a line for each finding, and the numbers."""
        return "\n".join([*map(str, self.findings), self.summary])

    def _repr_html_(self) -> str:
        rows = [(each.verdict.value, each.name, each.message, each.remedy) for each in self.findings]
        return html_table(("", "looked at", "seen", "what repairs it"), rows) + html_line(self.summary)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """The job and its surroundings; `doctor` says what a person gives."""

    config: PipelineConfig
    spark: SparkSession | None = None
    # Whether a JVM would be started on this machine; not so on Databricks, with a running session or a Spark Connect server.
    starts_spark: bool = True
    # Whether the tables' catalog is one that this library puts into the session, whose schema a run makes by itself.
    is_ours: bool = False
    probe_url: str | None = None
    ask_model: bool = False
    may_write: bool = True

    def __post_init__(self) -> None:
        """Check what a person gives."""
        check_text("probe_url", self.probe_url, optional=True)
        check_flag("ask_model", self.ask_model)
        check_flag("write", self.may_write)

    @property
    def session(self) -> SparkSession:
        """The session, where the caller knows that there is one."""
        assert self.spark is not None  # noqa: S101 - checks of the session run only where there is one
        return self.spark


Check = Callable[[Case], Iterable[Finding]]


def examined(name: str, check: Check, case: Case) -> Iterator[Finding]:
    """Yield what a check finds; one that breaks down is itself a finding, and the others go on."""
    try:
        yield from check(case)
    except PicsumVisionError as problem:
        yield failed_with(name, problem)
    except Exception as error:  # noqa: BLE001 - whatever it is, the person who asked wants to see it beside the rest
        first_line = redact_error(next(iter(str(error).strip().splitlines()), ""))
        yield failure(name, f"could not be looked at: {type(error).__name__}: {first_line}")
