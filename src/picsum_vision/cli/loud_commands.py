"""`--quiet` and `--verbose` for every command, without a parameter in each."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

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

    # Resolved here: typer would look for the names that the annotations are written with in this module.
    kinds = {**typing.get_type_hints(command, include_extras=True), "quiet": Quiet, "verbose": Verbose}
    there = [each.replace(annotation=kinds[name]) for name, each in inspect.signature(command).parameters.items()]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kinds[name])
        for name in ("quiet", "verbose")
    ]
    call.__signature__ = inspect.Signature([*there, *added], return_annotation=int)  # type: ignore[attr-defined]  # what typer reads
    call.__annotations__ = kinds
    return call


def settle(*, quiet: bool, verbose: bool) -> None:
    """Choose how much is said; what the words before the command have chosen stands unless it is said anew."""
    if quiet and verbose:
        raise SettingError("quiet, verbose: both given; choose one")
    if quiet or verbose:
        choose_loudness(Loudness.QUIET if quiet else Loudness.VERBOSE)
