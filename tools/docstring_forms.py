"""An extension of griffe, which reads the docstrings for the reference, for two forms that it takes otherwise than meant.

Sphinx's roles become plain code. Parameters that share a paragraph (`width, height`) get one each: griffe would give all of them
the first one's default.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|mod|meth):`~?([^`]+)`")
_SHARED = re.compile(r"^(?P<names>\w+(?:, \w+)+)\n(?P<text>(?: +\S.*\n?)+)", re.MULTILINE)


class DocstringForms(griffe.Extension):
    """Change every docstring before it is read."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:  # noqa: ARG002 - griffe's own signature
        """Change the docstring of a module, class, function or value."""
        if obj.docstring is not None:
            obj.docstring.value = _SHARED.sub(_apart, _ROLE.sub(r"`\1`", obj.docstring.value))


def _apart(shared: re.Match[str]) -> str:
    text = shared["text"].rstrip("\n")
    return "\n".join(f"{name}\n{text}" for name in shared["names"].split(", ")) + "\n"
