"""A few described images on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picsum_vision.redaction import shareable
from picsum_vision.spark.read_tables import ReadTables
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.table_names import Tables

_SAMPLES: Final = 10
_CHARACTERS: Final = 300
# Of the characters without a shape those that words need: in Persian and Hindi, and between emojis.
_JOINERS: Final = "\u200c\u200d"


def print_samples(spark: SparkSession, tables: Tables) -> None:
    """Print ten rows of image_desc: the address, and the description or why there is none."""
    rows = (
        ReadTables(spark, tables)
        .read("image_desc")
        .selectExpr(KEY, "descrizione", "describe_outcome.status AS status", "describe_outcome.message AS message")
    )
    for row in rows.limit(_SAMPLES).collect():
        text = one_line(row["descrizione"]) or one_line(_reason(row["status"], row["message"]))
        print(f"{one_line(shareable(row[KEY]))}\n    {text}")


def one_line(text: str | None) -> str:
    """Return a text as one line of at most 300 characters; what a terminal would obey, as an escape sequence, is replaced."""
    words = " ".join((text or "").split())
    shown = words if len(words) <= _CHARACTERS else f"{words[: _CHARACTERS - 1]}…"
    return "".join(letter if letter.isprintable() or letter in _JOINERS else "\ufffd" for letter in shown)


def _reason(status: str | None, message: str | None) -> str:
    return f"({status}: {message})" if message else f"({status or 'no description'})"
