"""Who asks not to be used is heard, in whatever form it is said; what is said to others is not for us."""

from __future__ import annotations

import pytest

from picsum_vision.downloading.opt_out import opted_out
from picsum_vision.options import DEFAULT_USER_AGENT


@pytest.mark.parametrize(
    "value",
    [
        "noai",
        "NoAI",
        "noindex, noimageai",
        "*: noai",
        "picsum-vision: noai",
        "picsum-vision: noindex, noai",
        "Picsum-Vision/1.0: noai",
        "otherbot: noindex, picsum-vision: noai",
        "max-image-preview:large, noai",
        "max-snippet: -1, max-video-preview: 5, noimageai",
        "unavailable_after: 25 Jun 2030 15:00:00 PST, noimageai",
        "unavailable_after: Tuesday, 25 Jun 2030 15:00:00 PST, noimageai",
        "unavailable_after: 2030-06-25T15:00:00+01:00, noai",
        "picsum-vision: max-image-preview: large, noai",
    ],
)
def test_what_forbids_it(value: str) -> None:
    """Directives with a value, dates with colons and commas, and versions of names do not hide what stands beside them."""
    assert opted_out(["index", value], DEFAULT_USER_AGENT)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "all",
        "noindex",
        "otherbot: noai",
        "otherbot/2.0: noindex, noimageai",
        "otherbot: max-image-preview:large, noai",
        "otherbot: unavailable_after: 25 Jun 2030 15:00:00 PST, noai",
        "picsum-vision: noindex, otherbot: noai",
        "picsum: noai",
        "noaiplease",
    ],
)
def test_what_does_not(value: str) -> None:
    """Other directives, and what is said to another agent, forbid nothing."""
    assert not opted_out([value], DEFAULT_USER_AGENT)


@pytest.mark.parametrize(
    "user_agent",
    ["acme-bot", "Acme-Bot/2.0 (+https://acme.example)", "Mozilla/5.0 (compatible; acme-bot/2; +https://acme.example)"],
)
def test_the_name_of_a_user_agent_of_ones_own(user_agent: str) -> None:
    """Who calls himself otherwise is heard under that name too, and under no other."""
    assert opted_out(["acme-bot: noai"], user_agent)
    assert opted_out(["ACME-BOT/1.0: noindex, noimageai"], user_agent)
    assert opted_out(["picsum-vision: noai"], user_agent)
    assert not opted_out(["acme: noai"], user_agent)
