"""Whether a host asks not to use its picture for artificial intelligence."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final

_REFUSALS: Final = {"noai", "noimageai"}
_OUR_NAME: Final = "picsum-vision"
_WITH_A_VALUE: Final = ("max-image-preview", "max-snippet", "max-video-preview", "unavailable_after")
# An agent has no blank in its name; what stands before the colons of a date has.
_AGENT: Final = re.compile(r"([^\s:/]+)(?:/[^\s:]*)?\s*:\s*(.*)", re.DOTALL)
_PRODUCT: Final = re.compile(r"^[^\s/()]+|[^\s/();,]+(?=/)")


def opted_out(header_values: Iterable[str], user_agent: str) -> bool:
    """Return whether the values of `X-Robots-Tag` forbid it to everybody or to us, under our name or one in `user_agent`.

    A value is a list of directives, `noindex, noai`, or such a list for a named agent, `picsum-vision: noai`; a name, with a
    version or without, holds for all directives behind it up to the next name. Some directives have a value of their own,
    `max-image-preview: large`.
    """
    meant = _names(user_agent)
    for value in header_values:
        agent = "*"
        for part in value.lower().split(","):
            directive = part.strip()
            named = _AGENT.fullmatch(directive)
            if named is not None and named[1] not in _WITH_A_VALUE:
                agent, directive = named.groups()
            if directive in _REFUSALS and agent in meant:
                return True
    return False


@functools.lru_cache(maxsize=16)
def _names(user_agent: str) -> frozenset[str]:
    """Return the names under which we are spoken to: everybody's, the library's, and the products that the User-Agent names."""
    return frozenset({"*", _OUR_NAME, *_PRODUCT.findall(user_agent.lower())})
