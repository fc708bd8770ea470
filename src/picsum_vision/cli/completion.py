"""What the Tab key offers behind a flag."""

from __future__ import annotations

from collections.abc import Callable


def one_of(*words: str) -> Callable[[str], list[str]]:
    """Return what typer asks for the words that begin like the one on the line."""

    def offered(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return offered
