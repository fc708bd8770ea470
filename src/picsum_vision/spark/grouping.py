"""Several images for one question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from picsum_vision.errors import ColumnError, SettingError
from picsum_vision.spark.columns import check_input, column_kinds, own_name
from picsum_vision.validation import check_integer, check_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NUMBER = "picsum_vision_number"


def group_images(
    df: DataFrame,
    by: str | list[str],
    *,
    image_col: str = "image_binary",
    max_images: int = 5,
    order_by: str | list[str] | None = None,
    output_col: str = "images",
) -> DataFrame:
    """Put the images of each key into arrays of at most `max_images`, for questions about several images at once.

    Parameters
    ----------
    df
        Any DataFrame with a BINARY column `image_col` (or a STRING one, of addresses). Rows whose image is NULL are left out.
    by
        The column or columns whose value the images of a question share.
    max_images
        Images in one array at most; a key with more of them has several rows. Some platforms take 5 in a request, others 500.
    order_by
        The column or columns by which a key's images are ordered; in any order if None.

    Returns
    -------
    DataFrame
        One row an array: the key's columns, `group_number` from 0 within the key, and `output_col`, to be given to
        :func:`describe` as its `image_col`.

    Raises
    ------
    ColumnError, SettingError
        If a column or a setting is wrong.

    """
    keys = [by] if isinstance(by, str) else list(by)
    order = [order_by] if isinstance(order_by, str) else list(order_by or [])
    if not keys:
        raise SettingError("by: [] is not allowed; it must be at least one column")
    _check_columns(df, {"by": keys, "order_by": order})
    if column_kinds(df).get(own_name(df, image_col)) != "string":
        check_input("image_col", df, image_col, "binary")
    check_integer("max_images", max_images, minimum=1)
    check_text("output_col", output_col)
    columns: list[Any] = [*order] or [F.lit(0)]
    window = Window.partitionBy(*keys).orderBy(*columns)
    number = F.row_number().over(window) - 1
    numbered = df.where(F.col(image_col).isNotNull()).withColumn(_NUMBER, number)
    arrays = numbered.groupBy(*keys, F.floor(F.col(_NUMBER) / max_images).cast("int").alias("group_number")).agg(
        # A list is collected in any order; its place in front of each image puts it back.
        F.sort_array(F.collect_list(F.struct(_NUMBER, F.col(image_col).alias("image")))).alias(output_col)
    )
    return arrays.withColumn(output_col, F.col(f"{output_col}.image"))


def _check_columns(df: DataFrame, asked: dict[str, list[str]]) -> None:
    for setting, columns in asked.items():
        for column in columns:
            if own_name(df, column) not in df.columns:
                raise ColumnError(f"{setting}: no column {column!r}; there are: {', '.join(df.columns)}")
