"""What a message tells people to install, to give or to call is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import picsum_vision as pv

SOURCE = Path(pv.__file__).parent
# Of every command, and of `mlflow ui`.
FOREIGN_FLAGS = {"--help", "--backend-store-uri"}


def texts() -> Iterator[tuple[str, str]]:
    """Yield each text of the source with the file it is in; what is filled in later is `{}`."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
                yield f"{file.relative_to(SOURCE)}:{node.lineno}", "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{file.relative_to(SOURCE)}:{node.lineno}", node.value


def requirements() -> dict[str, set[str]]:
    """Return the packages that each extra brings, also by way of another extra."""
    found: dict[str, set[str]] = {extra: set() for extra in metadata.metadata("picsum-vision").get_all("Provides-Extra") or []}
    for line in metadata.requires("picsum-vision") or []:
        if extra := re.search(r"extra == ['\"](\w+)['\"]", line):
            found[extra[1]] |= set(re.findall(r"[\w-]+", line.split(";")[0].partition(">")[0].partition("=")[0]))
    for brought in found.values():
        brought.update(*(found[other] for other in brought & found.keys()))
    return found


def words_of(pattern: str) -> set[tuple[str, str]]:
    return {(found, where) for where, text in texts() for found in re.findall(pattern, text)}


def commands() -> dict[str, Any]:
    import typer

    from picsum_vision.cli.commands import app

    def below(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
        yield name, group
        for each, command in getattr(group, "commands", {}).items():
            yield from below(command, f"{name} {each}".strip())

    return dict(below(typer.main.get_command(app)))


def test_extras_are_there() -> None:
    """Each extra that a text names is one of the distribution's, and brings the package that is missing."""
    extras = requirements()
    named = words_of(r"picsum-vision\[([\w,-]+)\]") | words_of(r"\bextra `(\w+)`") | words_of(r"\(extra (\w+)")
    assert len(named) > 10
    assert {(extra, where) for each, where in named for extra in each.split(",") if extra not in extras} == set()
    missing = []
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MissingExtraError":
                package, extra = (argument.value if isinstance(argument, ast.Constant) else None for argument in node.args)
                if extra is not None and (extra not in extras or (package is not None and package not in extras[extra])):
                    missing.append((file.name, package, extra))
    assert missing == []


def test_flags_are_there() -> None:
    """Each flag that a text names is one that some command takes."""
    flags = {
        flag for command in commands().values() for option in command.params for flag in (*option.opts, *option.secondary_opts)
    }
    named = words_of(r"(?<![\w-])(--[a-z][a-z-]+[a-z])\b")
    assert len(named) > 100
    assert {(flag, where) for flag, where in named if flag not in flags | FOREIGN_FLAGS} == set()


def test_commands_are_there() -> None:
    """Each command that a text tells people to call is one."""
    known = set(commands())
    named = words_of(r"`picsum-vision ([a-z][a-z -]*[a-z])\b") | words_of(r"picsum-vision ([a-z][a-z-]*[a-z])\b(?= --)")
    assert len(named) > 10
    assert {(name, where) for name, where in named if name not in known and name.split()[0] not in known} == set()


def test_names_are_there() -> None:
    """Each kind of Secret that a text names can be made."""
    named = words_of(r"\bSecret\.(\w+)")
    assert {(name, where) for name, where in named if not hasattr(pv.Secret, name)} == set()
