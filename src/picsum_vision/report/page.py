"""One HTML file with everything in it: style, script, data and thumbnails; it asks no network for anything."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from picsum_vision._version import __version__
from picsum_vision.errors import MissingExtraError
from picsum_vision.redaction import shareable
from picsum_vision.report.script_data import script_json

if TYPE_CHECKING:
    from picsum_vision.report.gallery_rows import GalleryRows

STYLES: Final = ("theme.css", "page.css", "gallery.css", "large_view.css", "figures.css")
# In this order, as one script: each file uses those before it.
SCRIPTS: Final = (
    *("data.js", "words.js", "elements.js", "switches.js", "charts.js", "figures.js"),
    *("filters.js", "gallery.js", "large_view.js", "keyboard.js", "main.js"),
)
_THUMBNAILS_A_BLOCK: Final = 250


def render_page(
    gallery: GalleryRows,
    *,
    figures: Mapping[str, Any] | None = None,
    tables: Mapping[str, str] | None = None,
    full_urls: bool = False,
) -> str:
    """Return the page; without `figures` it is the gallery alone. `full_urls` leaves in it what is secret of its URLs.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.

    """
    try:
        import jinja2  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("jinja2", "report") from error
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    words = json.loads(asset("words.json"))
    style, script = joined(STYLES), f'(() => {{\n"use strict";\n{joined(SCRIPTS)}}})();\n'
    data = {
        "made_us": round(dt.datetime.now(dt.timezone.utc).timestamp() * 1_000_000),
        "version": __version__,
        "tables": dict(tables or {}),
        "figures": figures,
        "gallery": gallery.as_dict(),
        "thumbnails_a_block": _THUMBNAILS_A_BLOCK,
    }
    if not full_urls:
        data = shareable(data)
    return environment.from_string(asset("page.html")).render(
        words=words["en"],
        words_json=script_json(words),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data_json=script_json(data),
        thumbnail_blocks=[script_json(block) for block in _blocks(gallery.thumbnails())],
        has_figures=figures is not None,
    )


def asset(name: str) -> str:
    """Return one of the package's own files."""
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def joined(names: tuple[str, ...]) -> str:
    """Return the files one behind the other."""
    return "\n".join(asset(name) for name in names)


def _blocks(thumbnails: list[str | None]) -> list[list[str | None]]:
    """Return the thumbnails in blocks, each read only when one of its pictures is shown."""
    return [thumbnails[first : first + _THUMBNAILS_A_BLOCK] for first in range(0, len(thumbnails), _THUMBNAILS_A_BLOCK)]


def _hash(text: str) -> str:
    """Return what the page's policy knows its own script and style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
