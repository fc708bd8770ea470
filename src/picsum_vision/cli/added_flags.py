"""Flags that a command has beside the parameters that it was written with."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

Command = Callable[..., int]


def added_flag(name: str, kind: Any, default: Any) -> inspect.Parameter:
    """Return a parameter as typer reads it; `kind` is its type with typer's option."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def shown_as(call: Command, command: Command, change: Callable[[list[inspect.Parameter]], list[inspect.Parameter]]) -> Command:
    """Return `call` with the parameters of `command`, changed: they are what typer makes its flags of.

    Their types are resolved here: typer would look for the names that they are written with in the module of `call`.
    """
    kinds = typing.get_type_hints(command, include_extras=True)
    own = [each.replace(annotation=kinds[name]) for name, each in inspect.signature(command).parameters.items()]
    parameters = change(own)
    call.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]  # what typer reads
    call.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": int}
    return call
