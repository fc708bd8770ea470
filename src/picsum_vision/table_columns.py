"""The columns of the tables, with what a reader of the catalog is told of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from picsum_vision.outcomes import DESCRIBE_OUTCOME_DDL, DOWNLOAD_OUTCOME_DDL
from picsum_vision.sql_text import identifier, literal

Column = tuple[str, str, str]  # name, SQL type, comment
KEY: Final = "image_url"
_URL_COLUMN: Final = (KEY, "STRING", "Address of the image; the key")
COLUMNS: Final = {
    "image_urls": (_URL_COLUMN,),
    "image_codes": (
        _URL_COLUMN,
        ("image_binary", "BINARY", "The image as it was fetched; NULL unless download_outcome.status is ok"),
        ("download_outcome", DOWNLOAD_OUTCOME_DDL, "What became of the download: status, HTTP status, attempts, size, digest"),
    ),
    "image_desc": (
        _URL_COLUMN,
        ("descrizione", "STRING", "Answer of the model; NULL where there is none, see describe_outcome.status"),
        ("describe_outcome", DESCRIBE_OUTCOME_DDL, "What became of the question: status, model, tokens, attempts"),
    ),
}
COMMENTS: Final = {
    "image_urls": "Images that were asked for",
    "image_codes": "Images as they were fetched, one row an address",
    "image_desc": "Descriptions of the images, one row an address",
}


def column_list(columns: Iterable[Column]) -> str:
    """Return the columns as CREATE TABLE has them."""
    return ", ".join(f"{identifier(name)} {kind} COMMENT {literal(comment)}" for name, kind, comment in columns)
