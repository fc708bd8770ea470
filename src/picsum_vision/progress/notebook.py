"""Progress in a notebook: one line and a bar, put in the place of the last ones."""

from __future__ import annotations

import html
import sys
from typing import Any, Final

from picsum_vision.progress.tracker import Show
from picsum_vision.run_progress import WORDS, ProgressEvent

_BAR: Final = '<progress max="{total}" value="{done}" style="width:16em;vertical-align:middle" aria-label="{label}"></progress> '


def notebook_progress() -> Show | None:
    """Return what shows progress in the notebook that runs this code, None where there is none: a script, a test, a job's log."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return NotebookProgress() if shell is not None and hasattr(shell, "kernel") else None


class NotebookProgress:
    """Shows events in the cell that was running when the first one came, each in the place of the one before."""

    look_every_s = 1.0

    def __init__(self) -> None:
        """Show nothing yet."""
        self._handle: Any = None
        self._last_message = ""

    def __call__(self, event: ProgressEvent) -> None:
        """Show the event."""
        from IPython.display import display  # noqa: PLC0415 - there in notebooks only

        show: Any = display  # IPython's has no types
        self._last_message = event.message or self._last_message
        shown = {"text/plain": str(event), "text/html": as_html(event, self._last_message)}
        if self._handle is None:
            self._handle = show(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def as_html(event: ProgressEvent, message: str) -> str:
    """Return the bar where there is something to count, and a line of text."""
    words = WORDS[event.step]
    bar = "" if event.rows_total is None else _BAR.format(total=event.rows_total or 1, done=event.rows_done, label=words)
    texts = [f"{words} {event.count}".rstrip(), *event.figures, *([message] if message and not event.rows_total else [])]
    return f'<div style="font-family:sans-serif">{bar}{html.escape(", ".join(texts))}</div>'
