"""`--quiet` and `--verbose` for every command, without a parameter in each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from picsum_vision.cli.added_flags import added_flag, shown_as
from picsum_vision.cli.loudness import Loudness, choose_loudness
from picsum_vision.errors import SettingError

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors and the answer only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Every step, and the whole error where something fails.")]


def with_loudness(command: Callable[..., int]) -> Callable[..., int]:
    """Return the command with two more flags, which are settled before it begins."""

    @functools.wraps(command)
    def call(*, quiet: bool = False, verbose: bool = False, **flags: Any) -> int:
        settle(quiet=quiet, verbose=verbose)
        return command(**flags)

    added = [added_flag("quiet", Quiet, default=False), added_flag("verbose", Verbose, default=False)]
    return shown_as(call, command, lambda own: [*own, *added])


def settle(*, quiet: bool, verbose: bool) -> None:
    """Choose how much is said; what the words before the command have chosen stands unless it is said anew."""
    if quiet and verbose:
        raise SettingError("quiet, verbose: both given; choose one")
    if quiet or verbose:
        choose_loudness(Loudness.QUIET if quiet else Loudness.VERBOSE)
