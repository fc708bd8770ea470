"""What an examination finds: a line for each thing that was looked at, and what repairs it."""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import Any, Final

from picsum_vision.html_text import html_line, html_table
from picsum_vision.redaction import redact_text

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

    @property
    def is_fine(self) -> bool:
        """Whether what hangs on it can be looked at."""
        return self in (Verdict.OK, Verdict.WARNING)


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


def ok(name: str, message: str) -> Finding:
    """Return that a thing is as it should be."""
    return Finding(name, Verdict.OK, message)


def warning(name: str, message: str, remedy: str = "") -> Finding:
    """Return that a thing may give trouble."""
    return Finding(name, Verdict.WARNING, message, remedy)


def failure(name: str, message: str, remedy: str = "") -> Finding:
    """Return that the job cannot run so."""
    return Finding(name, Verdict.FAILURE, message, remedy)


def skipped(name: str, message: str) -> Finding:
    """Return that a thing was not looked at."""
    return Finding(name, Verdict.SKIPPED, message)


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
        for each in self.findings:
            if each.name == name:
                return each
        raise KeyError(name)

    @property
    def summary(self) -> str:
        """The numbers in one line."""
        counts = [(verdict.value, len(self.by_verdict(verdict))) for verdict in Verdict]
        return ", ".join(f"{number} {word}" for word, number in counts if number)

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        findings = [
            {"name": each.name, "verdict": each.verdict.value, "message": each.message, "remedy": each.remedy}
            for each in self.findings
        ]
        return {"ok": self.ok, "findings": findings}

    def __str__(self) -> str:
        """Return a line for each finding, and the numbers."""
        return "\n".join([*map(str, self.findings), self.summary])

    def _repr_html_(self) -> str:
        rows = [(each.verdict.value, each.name, each.message, each.remedy) for each in self.findings]
        return html_table(("", "looked at", "seen", "what repairs it"), rows) + html_line(self.summary)
