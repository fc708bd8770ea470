"""From the shell's words to an exit code: one line for every error, never a stack trace.

0: every row has an outcome, and any is ok; 3: the asked share of ok rows was missed; 2: a setting is wrong; 1: it could not
run, or no row is ok; 130: stopped by Ctrl-C. With `--json` an error is an object as well: `{"state": "failed", "error": "..."}`.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from typing import Final

from picsum_vision.cli.failures import Stopped, told
from picsum_vision.cli.loudness import Loudness, loudness
from picsum_vision.errors import PicsumVisionError, SettingError
from picsum_vision.redaction import redact_text, redact_traceback

WRONG_SETTING: Final = 2
COULD_NOT_RUN: Final = 1
STOPPED: Final = 130
_STOPPED_JOB: Final = "stopped; what was committed is kept, and the next run goes on from there"
_AFTER_STOP: Final = {
    "run": _STOPPED_JOB,
    "demo": _STOPPED_JOB,
    "export": "stopped; this export is not finished",
    "bench": "stopped; what was measured is in the folder of the results",
}
_TRACEBACK_VARIABLE: Final = "PICSUM_VISION_TRACEBACK"


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; end the process unless all is well.

    A wheel task of Databricks calls this inside its own process and takes any SystemExit, also that of 0, for a failure.
    """
    _print_what_can_be_printed()
    code = run(sys.argv[1:] if words is None else words)
    if code:
        sys.exit(code)


def run(words: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        from picsum_vision.cli import commands  # noqa: PLC0415 - needs the extra
    except ImportError as error:
        if error.name not in ("typer", "rich", "click"):
            raise
        return _say(f"{error.name} is not installed: pip install 'picsum-vision[cli]'", COULD_NOT_RUN)
    try:
        return commands.invoke(list(words))
    except Stopped as stopped:
        return _say(f"stopped; {stopped}", STOPPED)
    except KeyboardInterrupt:
        return _say(_stopped(words), STOPPED)
    except PicsumVisionError as error:
        _show_causes(error)
        message, code = str(error), WRONG_SETTING if isinstance(error, SettingError) else COULD_NOT_RUN
    except Exception as error:  # noqa: BLE001 - the last resort: a person at a terminal gets one line
        message, code = _unexpected(error), COULD_NOT_RUN
    if code == COULD_NOT_RUN and "--json" in words:
        print(json.dumps({"state": "failed", "error": " ".join(message.split())}))
    return _say(message, code)


def _stopped(words: Sequence[str]) -> str:
    """Return what a command that was stopped leaves behind, as far as there is anything to say."""
    command, *further = [word for word in words if not word.startswith("-")] or [""]
    return "stopped" if command == "bench" and "compare" in further else _AFTER_STOP.get(command, "stopped")


def _print_what_can_be_printed() -> None:
    """Show a letter that the encoding of stdout has not as a question mark; stderr has a way of its own."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a notebook's is none
        sys.stdout.reconfigure(errors="replace")


def _show_causes(error: PicsumVisionError) -> None:
    """Print what lies behind the one line, where somebody wants to know."""
    behind = error.__cause__ or error.__context__
    if _is_whole_error_wanted() and behind is not None:
        print(redact_traceback(behind), end="", file=sys.stderr)


def _unexpected(error: Exception) -> str:
    if _is_whole_error_wanted():
        print(redact_traceback(error), end="", file=sys.stderr)
    return f"{told(error)} (all of it with --verbose)"


def _is_whole_error_wanted() -> bool:
    return bool(os.environ.get(_TRACEBACK_VARIABLE)) or loudness() is Loudness.VERBOSE


def _say(message: str, code: int) -> int:
    print(f"picsum-vision: {redact_text(' '.join(message.split()))}", file=sys.stderr)
    return code
