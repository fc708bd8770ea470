"""The report of a job as an HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from picsum_vision.options import DescribeOptions
from picsum_vision.report.figures import Figures
from picsum_vision.report.gallery_frame import rows_of_tables
from picsum_vision.report.output_file import write_whole
from picsum_vision.report.page import render_page
from picsum_vision.spark.read_tables import ReadTables
from picsum_vision.table_columns import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.table_names import Tables

DEFAULT_ROWS: Final = 5_000


def write_report(
    spark: SparkSession,
    tables: Tables,
    path: Path,
    *,
    max_rows: int = DEFAULT_ROWS,
    prices: DescribeOptions | None = None,
    full_urls: bool = False,
) -> Figures:
    """Write the page of what the tables hold, and return its figures. What is secret of the URLs is in it with `full_urls` only.

    Raises
    ------
    TableProblem
        If a table is not there.
    MissingExtraError
        If jinja2 is not installed.
    EnvironmentProblem
        If the file cannot be written.

    """
    store = ReadTables(spark, tables)
    figures = Figures.read(store, prices=prices or DescribeOptions())
    gallery = rows_of_tables(store, store.read("image_urls"), max_rows=max_rows)
    names = {role: tables.readable(role) for role in COLUMNS}
    write_whole(path, render_page(gallery, figures=figures.as_dict(), tables=names, full_urls=full_urls))
    return figures
