"""What a person sees while a command runs: a moving line on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.status import Status

_stderr = Console(stderr=True, highlight=False)


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows one line of progress."""
    if quiet:
        yield lambda _: None
    elif _stderr.is_terminal:
        with Status("starting", console=_stderr) as status:
            yield status.update
    else:
        began_s = time.monotonic()
        yield lambda line: print(f"[{time.monotonic() - began_s:6.1f} s] {line}", file=sys.stderr, flush=True)
