"""Several images for one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, StructType

from picsum_vision.errors import ColumnError, SettingError
from picsum_vision.spark.by_position import ByPosition
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
    keys, order, image_col = [own_name(df, key) for key in keys], [own_name(df, key) for key in order], own_name(df, image_col)
    _check_columns(df, {"by": keys, "order_by": order})
    if column_kinds(df).get(image_col) != "string":
        check_input("image_col", df, image_col, "binary")
    check_integer("max_images", max_images, minimum=1)
    check_text("output_col", output_col)
    taken = [*keys, "group_number", output_col]
    if len({name.lower() for name in taken}) < len(taken):
        raise ColumnError(f"output_col: {output_col!r}: the columns of the result must differ; they are {', '.join(taken)}")
    rows = ByPosition(df)
    inner, image = [rows.name(key) for key in keys], rows.name(image_col)
    inner_order = [F.col(rows.name(column)) for column in order]
    window = Window.partitionBy(*inner).orderBy(*(inner_order or [F.lit(0)]))
    needed = rows.df.select(*dict.fromkeys([*inner, *(rows.name(column) for column in order), image])).where(
        F.col(image).isNotNull()
    )
    numbered = needed.withColumn(_NUMBER, F.row_number().over(window) - 1)
    arrays = numbered.groupBy(*inner, F.floor(F.col(_NUMBER) / max_images).cast("int")).agg(
        # A list is collected in any order; its place in front of each image puts it back.
        F.sort_array(F.collect_list(F.struct(_NUMBER, F.col(image).alias("image"))))["image"]
    )
    return arrays.toDF(*taken)


def _check_columns(df: DataFrame, asked: dict[str, list[str]]) -> None:
    kinds = {field.name: field.dataType for field in df.schema.fields}
    for setting, columns in asked.items():
        for column in columns:
            if column not in kinds:
                raise ColumnError(f"{setting}: no column {column!r}; there are: {', '.join(df.columns)}")
            if not _has_order(kinds[column]):
                told = f"{setting}: column {column!r} is {kinds[column].simpleString()}, which Spark cannot put in order"
                raise ColumnError(f"{told}; take another one, or its text: to_json({column}), CAST({column} AS STRING)")


def _has_order(kind: DataType) -> bool:
    """Return whether Spark sorts and groups by a type."""
    if isinstance(kind, StructType):
        return all(_has_order(field.dataType) for field in kind.fields)
    if isinstance(kind, ArrayType):
        return _has_order(kind.elementType)
    return kind.typeName() not in {"map", "variant", "interval"}
