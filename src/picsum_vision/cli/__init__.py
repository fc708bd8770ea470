"""The command line. `main` is the entry point of the wheel's script."""

from __future__ import annotations

from picsum_vision.cli.entry import main as main

__all__ = ["main"]
