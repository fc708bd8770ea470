"""What a person sees while a command runs: a bar on a terminal, sparse lines elsewhere; always on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from picsum_vision.cli.loudness import Loudness, loudness
from picsum_vision.progress.lines import ProgressLines
from picsum_vision.run_progress import WORDS, ProgressEvent

Shown = ProgressEvent | str


@contextlib.contextmanager
def progress() -> Iterator[Callable[[Shown], None]]:
    """Yield a function that shows progress: a job's events, or a line of words."""
    if loudness() is Loudness.QUIET:
        yield lambda _: None
    elif is_a_person_at(sys.stderr.isatty()):
        with TerminalProgress(keep_messages=loudness() is Loudness.VERBOSE) as shown:
            yield shown
    else:
        yield _Lines()


@contextlib.contextmanager
def set_down(shown: Callable[[Shown], None]) -> Iterator[None]:
    """Take what moves off the terminal for the time of the block, in which a person is asked."""
    if not isinstance(shown, TerminalProgress):
        yield
        return
    shown.stop()
    try:
        yield
    finally:
        shown.start()


def is_a_person_at(terminal: bool) -> bool:  # noqa: FBT001 - a stream's fact
    """Return whether a stream can show a line that moves: a terminal that is not called dumb."""
    return terminal and os.environ.get("TERM", "") != "dumb"


class Lines:
    """Prints on stdout; the first word of a line in a colour where a terminal shows it and NO_COLOR does not forbid it."""

    def __init__(self) -> None:
        """Look at stdout as it is now."""
        self._console = Console(highlight=False, soft_wrap=True)

    def print(self, line: str, colour: str) -> None:
        """Print a line."""
        text = Text(line)
        text.stylize(colour, 0, line.find(" "))
        self._console.print(text)


class _Lines(ProgressLines):
    def __call__(self, event: Shown) -> None:
        """Write a job's event if it is worth a line, and words always."""
        if isinstance(event, str):
            self.write(event)
        else:
            super().__call__(event)


class TerminalProgress:
    """A bar with figures while there is something to count, else a spinner with words. Nothing of it stays but what failed."""

    look_every_s = 0.5

    def __init__(self, console: Console | None = None, *, keep_messages: bool = False) -> None:
        """Draw on stderr, or on `console`; `keep_messages` leaves each message above the bar."""
        self._console = console or Console(stderr=True, highlight=False)
        self._keep_messages = keep_messages
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> TerminalProgress:  # noqa: PYI034 - Self is not in Python 3.10
        """Begin to draw."""
        self._task = self._bar.add_task("starting", total=None, figures="")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self.stop()

    def start(self) -> None:
        """Draw, also again after `stop`."""
        self._bar.start()

    def stop(self) -> None:
        """Take away what is drawn."""
        self._bar.stop()

    def __call__(self, event: Shown) -> None:
        """Draw an event, or a line of words."""
        assert self._task is not None  # noqa: S101 - only within the block
        if isinstance(event, str):
            self._bar.update(self._task, description=event, total=None, figures="")
            return
        if event.message and self._keep_messages:
            self._console.print(f"[{event.elapsed_s:6.1f} s] {event.message}", markup=False)
        if event.rows_total is None:
            self._bar.update(self._task, description=event.message or WORDS[event.step], total=None, figures="")
            return
        self._bar.update(
            self._task,
            description=f"{WORDS[event.step]} {event.count}",
            total=event.rows_total,
            completed=event.rows_done,
            figures=", ".join(event.figures),
        )
