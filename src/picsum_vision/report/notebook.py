"""The gallery in a notebook."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.errors import ColumnError
from picsum_vision.report.gallery_frame import gallery_row, outcome_fields, size_for
from picsum_vision.report.gallery_rows import GalleryRows
from picsum_vision.report.output_file import check_output_file, write_whole
from picsum_vision.report.page import render_page
from picsum_vision.spark.by_position import ByPosition
from picsum_vision.spark.columns import check_input
from picsum_vision.spark.thumbnails import with_thumbnails
from picsum_vision.validation import check_flag, check_integer, check_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A notebook keeps its outputs in its own file, and platforms refuse large ones.
_BYTES_OF_ALL: Final = 6_000_000
_MOST_ROWS: Final = 2_000
_HEIGHT_PX: Final = 760


class Gallery:
    """Images with their descriptions, as one page: a notebook shows it, and `save` writes it."""

    def __init__(self, page: str, rows: int) -> None:
        """Take the page, and how many rows it shows."""
        self.page = page
        self.rows = rows

    def save(self, path: str) -> Path:
        """Write the page as an HTML file and return its path; raises SettingError or EnvironmentProblem if that cannot be."""
        target = check_output_file(path)
        write_whole(target, self.page)
        return target

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, which reaches nothing of the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" sandbox="allow-scripts allow-popups allow-popups-to-escape-sandbox" '
            f'title="picsum-vision" style="width:100%;height:{_HEIGHT_PX}px;border:0"></iframe>'
        )

    def __repr__(self) -> str:
        """Say what it is."""
        return f"Gallery of {self.rows:,} images; .save('gallery.html') writes it"


def display_gallery(
    df: DataFrame,
    *,
    max_rows: int = 200,
    url_col: str = "image_url",
    image_col: str = "image_binary",
    text_col: str = "descrizione",
    full_urls: bool = False,
) -> Gallery:
    """Return a gallery of a DataFrame's images, to be the last line of a notebook's cell.

    Parameters
    ----------
    df
        Rows with any of: a STRING column `url_col`, a BINARY column `image_col`, a column `text_col` of text or a typed answer,
        and the columns `download_outcome` and `describe_outcome`. One of `image_col` and `text_col` must be there. It is
        evaluated once; what has not been written to a table yet is fetched, asked and paid for.
    max_rows
        How many rows are shown, in the DataFrame's order; 1 to 2,000.
    full_urls
        Whether users, passwords, fragments and queries that may be keys stay in the URLs; a notebook's file keeps its outputs.

    Raises
    ------
    ColumnError, SettingError
        If a column or a setting is wrong.
    MissingExtraError
        If jinja2 is not installed (extra `report`).

    """
    check_integer("max_rows", max_rows, minimum=1, maximum=_MOST_ROWS)
    check_flag("full_urls", full_urls)
    shown = _columns(df.limit(max_rows), url_col, image_col, text_col)
    if "image" in shown.columns:
        shown = with_thumbnails(shown, "image", size_for(max_rows, bytes_of_all=_BYTES_OF_ALL))
    rows = [row.asDict(recursive=True) for row in shown.collect()]
    gallery = GalleryRows(rows=tuple(gallery_row(row.get("url"), row) for row in rows), of_rows=len(rows))
    return Gallery(render_page(gallery, full_urls=full_urls), len(rows))


def _columns(df: DataFrame, url_col: str, image_col: str, text_col: str) -> DataFrame:
    kinds = dict(df.dtypes)
    for setting, column in (("url_col", url_col), ("image_col", image_col), ("text_col", text_col)):
        check_text(setting, column)
    if image_col not in kinds and text_col not in kinds:
        raise ColumnError(f"image_col, text_col: neither {image_col!r} nor {text_col!r} is there; there are: {', '.join(kinds)}")
    rows = ByPosition(df)
    columns = []
    if url_col in kinds:
        check_input("url_col", df, url_col, "string")
        columns.append(rows.column(url_col).alias("url"))
    if image_col in kinds:
        check_input("image_col", df, image_col, "binary")
        columns.append(rows.column(image_col).alias("image"))
    if text_col in kinds:
        is_nested = kinds[text_col].startswith(("struct", "array", "map", "variant"))
        text = F.to_json(rows.column(text_col)) if is_nested else rows.column(text_col).cast("string")
        columns.append(text.alias("text"))
    outcomes = (("download_outcome", "download"), ("describe_outcome", "describe"))
    return rows.df.select(
        *columns, *(outcome_fields(rows.df, rows.name(name)).alias(alias) for name, alias in outcomes if name in kinds)
    )
