"""Whether a host asks not to use its picture for artificial intelligence."""

from __future__ import annotations

from collections.abc import Iterable

_REFUSALS = {"noai", "noimageai"}
_OUR_NAME = "picsum-vision"


def opted_out(header_values: Iterable[str]) -> bool:
    """Return whether the values of `X-Robots-Tag` forbid it to everybody or to us.

    A value is a list of directives, `noindex, noai`, or such a list for a named agent, `picsum-vision: noai`; a name holds for
    all directives behind it up to the next name.
    """
    for value in header_values:
        agent = ""
        for part in value.lower().split(","):
            name, colon, directive = part.strip().partition(":")
            agent, directive = (name.strip(), directive.strip()) if colon else (agent, name)
            if directive in _REFUSALS and agent in ("", "*", _OUR_NAME):
                return True
    return False
