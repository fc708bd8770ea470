"""What Spark has against something, as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from picsum_vision.redaction import redact_text

_LONGEST: Final = 200


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
