"""Data as a page's script reads them, whatever texts are in them."""

from __future__ import annotations

import json
from typing import Any, Final

# What could end a <script> element, open a comment in it, or begin an entity; in JSON all of them stand in texts only.
_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def script_json(data: Any) -> str:
    """Return the data as JSON in plain ASCII without a `<`: no text in it can be taken for markup."""
    return json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)
