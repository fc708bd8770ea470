"""What an unexpected error was, in one line: Spark's errors are pages of Java, of which the cause stands far below."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Final

from picsum_vision.redaction import redact_text

_START_AGAIN: Final = "start it again: what was committed is kept"
_CALLED: Final = "An error occurred while calling"  # py4j's first line, which says nothing
_CAUSE: Final = "Caused by: "
_OF_PYTHON: Final = "Traceback (most recent call last):"
_LONGEST: Final = 300
# Words of Spark, Java and Python -> what has happened. The first that is found counts: a full disk or memory ends workers, too.
_KNOWN: Final = (
    (("No space left on device", "Disk quota exceeded"), "no space is left on a disk; make some"),
    (("OutOfMemoryError", "GC overhead limit exceeded"), "Spark's JVM ran out of memory"),
    (
        ("Python worker exited unexpectedly", "Python worker failed to connect back"),
        "a Python worker ended unexpectedly, as one does that is killed or finds no memory",
    ),
    (("StatusCode.UNAVAILABLE",), "Spark Connect's server does not answer any more"),
)
_JVM_IS_GONE: Final = "Spark's JVM is gone, as one is that was killed or found no memory"


class Stopped(Exception):  # noqa: N818 - what a person did, and no error
    """A command was stopped by Ctrl-C; says what it leaves behind."""


def told(error: BaseException) -> str:
    """Return what has happened: in our words where it is known, else the line of the error that tells most."""
    errors = list(_chain(error))
    texts = [_text(each) for each in errors]
    for signs, meaning in _KNOWN:
        found = next((line for text in texts for line in text.splitlines() if any(sign in line for sign in signs)), None)
        if found is not None:
            return f"{meaning}; {_START_AGAIN} ({_trimmed(found)})"
    if any(_says_that_the_jvm_is_gone(each) for each in errors):
        return f"{_JVM_IS_GONE}; {_START_AGAIN}"
    return f"unexpected {type(error).__name__}: {telling_line(texts[0])}"


def telling_line(text: str) -> str:
    """Return the line that says most: of the last cause, and of an error in a Python worker the one below its traceback."""
    lines = [line for line in text.splitlines() if line.strip()]
    causes = [number for number, line in enumerate(lines) if line.startswith(_CAUSE)]
    is_call = len(lines) > 1 and lines[0].startswith(_CALLED)
    number = causes[-1] if causes else int(is_call)
    if lines[number:] and lines[number].rstrip().endswith(_OF_PYTHON):
        number = next((later for later in range(number + 1, len(lines)) if not lines[later][0].isspace()), number)
    return _trimmed(lines[number]) if lines else ""


def _trimmed(line: str) -> str:
    return redact_text(line.strip().removeprefix(_CAUSE).lstrip(": "))[:_LONGEST]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and those that led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error of the JVM asks it for its text, and it may be gone
        return ""


def _says_that_the_jvm_is_gone(error: BaseException) -> bool:
    if type(error).__name__ == "Py4JNetworkError":
        return True
    modules = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    return isinstance(error, ConnectionError) and any(name.startswith("py4j.") for name in modules)
