"""Which columns may be described, by which backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from picsum_vision.describing.backends import Backend, BatchChat, ChatCompletions
from picsum_vision.errors import ColumnError, SettingError
from picsum_vision.spark.columns import check_input, column_kinds, own_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def check_images(df: DataFrame, image_col: Any, backend: Backend) -> str:
    """Return how the DataFrame writes the column's name; refuse one that the backend cannot be asked about.

    BINARY is for all of them. ARRAY<BINARY>, and STRING or ARRAY<STRING> with `send="url"`, are for chat endpoints.
    """
    name = own_name(df, image_col)
    kind = column_kinds(df).get(name, "binary") if isinstance(name, str) else "binary"
    is_chat = isinstance(backend, (ChatCompletions, BatchChat))
    sends_urls = isinstance(backend, (ChatCompletions, BatchChat)) and backend.send == "url"
    if sends_urls:
        if kind not in ("string", "array<string>"):
            raise ColumnError(f"image_col: column {image_col!r} is {kind}; with send='url' it must be string or array<string>")
    elif kind == "array<binary>":
        if not is_chat:
            raise SettingError(
                f"image_col: column {image_col!r} has several images a row; only ChatCompletions and BatchChat take them"
            )
    elif kind == "string" and is_chat:
        raise ColumnError(
            f"image_col: column {image_col!r} is string; it must be binary, or the backend ChatCompletions(..., send='url')"
        )
    else:
        check_input("image_col", df, image_col, "binary")
    return str(name)
