"""From a staging table into the job's tables: what is there already stays, and of two rows for the same thing the newer one wins.

Each step comes to nothing when it is taken again, so that whoever finds a staging table may simply publish it.
"""

from __future__ import annotations

import dataclasses
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.errors import TableProblem
from picsum_vision.outcomes import DescribeStatus
from picsum_vision.sql_text import identifier, literal
from picsum_vision.table_columns import COLUMNS, KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from picsum_vision.spark.tables import TableStore


@dataclasses.dataclass(frozen=True)
class Target:
    """A table that rows go to: its role, the column with the outcome, and the fields that make two rows the same."""

    role: str
    outcome: str
    identity: tuple[str, ...]


_NUMBER: Final = "place"
PASS_COLUMN: Final = "pass_id"  # noqa: S105 - a column's name
IMAGES: Final = Target("image_codes", "download_outcome", (KEY,))
ONE_ANSWER: Final = Target("image_desc", "describe_outcome", (KEY,))
AN_ANSWER_EACH: Final = Target(
    "image_desc",
    "describe_outcome",
    (KEY, "describe_outcome.model", "describe_outcome.task", "describe_outcome.prompt_sha256"),
)


@dataclasses.dataclass(frozen=True)
class Staged:
    """The rows of one pass in a staging table; `repeats` if an address is in them more than once."""

    table: str
    pass_id: str
    repeats: bool = False


def publish(store: TableStore, staged: Staged, target: Target, *, all_new: bool) -> None:
    """Bring a pass's rows that have the target's outcome into it, in one commit; `all_new` if none of them can be there."""
    if all_new and store.append_once(target.role, _staged_rows(store, staged, target)):
        return
    if not all_new and _replaces_any(store, staged, target):
        store.sql(target.role, _merge(store, staged, target))
    else:
        store.append_anew(target.role, lambda: _not_there(store, staged, target))


def _staged_rows(store: TableStore, staged: Staged, target: Target) -> DataFrame:
    rows = store.read(staged.table).where((F.col(PASS_COLUMN) == staged.pass_id) & F.col(target.outcome).isNotNull())
    return rows.withColumn(_NUMBER, F.expr(_number(target))).where(f"{_NUMBER} = 1") if staged.repeats else rows


def _number(target: Target) -> str:
    """Return the place of a row among those for the same thing, the last one first."""
    return f"row_number() OVER (PARTITION BY {', '.join(target.identity)} ORDER BY {target.outcome}.finished_at DESC)"


def _staged_keys(store: TableStore, staged: Staged, target: Target) -> DataFrame:
    moment = F.col(f"{target.outcome}.finished_at").alias("staged_moment")
    named = [F.col(field).alias(f"staged_{number}") for number, field in enumerate(target.identity)]
    return F.broadcast(_staged_rows(store, staged, target).select(*named, moment))


def _there(store: TableStore, target: Target) -> DataFrame:
    moment = F.col(f"{target.outcome}.finished_at").alias("there_moment")
    named = [F.col(field).alias(f"there_{number}") for number, field in enumerate(target.identity)]
    return store.read(target.role).select(*named, moment)


def _both(store: TableStore, staged: Staged, target: Target) -> DataFrame:
    """Return the target's rows that are staged, too; no image and no answer is read, and the large side is not moved."""
    same = [F.col(f"there_{number}").eqNullSafe(F.col(f"staged_{number}")) for number in range(len(target.identity))]
    return _there(store, target).join(_staged_keys(store, staged, target), reduce(and_, same), "inner")


def _replaces_any(store: TableStore, staged: Staged, target: Target) -> bool:
    newer = F.col("there_moment").isNull() | (F.col("staged_moment") > F.col("there_moment"))
    keys = F.struct(*(f"staged_{number}" for number in range(len(target.identity))))
    found = _both(store, staged, target).agg(
        F.count(F.when(newer, 1)).alias("newer"), F.count(F.lit(1)).alias("rows"), F.countDistinct(keys).alias("keys")
    )
    newer_rows, rows, distinct = found.collect()[0]
    if newer_rows and rows > distinct and target == ONE_ANSWER:
        raise several_answers(store)
    return bool(newer_rows)


def several_answers(store: TableStore) -> TableProblem:
    """Return why one answer cannot take the place of the ones that are there."""
    return TableProblem(
        f"{store.tables.readable(ONE_ANSWER.role)}: has several answers for an image, so that one cannot take their place; "
        "go on with on_new_question='keep_both', or delete the rows of the questions that are not wanted"
    )


def _not_there(store: TableStore, staged: Staged, target: Target) -> DataFrame:
    """Return the staged rows without those that are there: images go through this join without being moved."""
    numbers = range(len(target.identity))
    there = _both(store, staged, target).select(*(f"staged_{number}" for number in numbers)).distinct()
    same: list[Column] = [F.col(field).eqNullSafe(F.col(f"staged_{number}")) for number, field in enumerate(target.identity)]
    return _staged_rows(store, staged, target).join(F.broadcast(there), reduce(and_, same), "left_anti")


def _merge(store: TableStore, staged: Staged, target: Target) -> str:
    columns = [name for name, _, _ in COLUMNS[target.role]]
    names = ", ".join(identifier(name) for name in columns)
    same = " AND ".join(f"t.{field} <=> s.{field}" for field in target.identity)
    moment = f"{target.outcome}.finished_at"
    assignments = ", ".join(f"t.{identifier(name)} = s.{identifier(name)}" for name in columns)
    values = ", ".join(f"s.{identifier(name)}" for name in columns)
    rows = (
        f"SELECT * FROM {store.name(staged.table)} "  # noqa: S608 - names are escaped
        f"WHERE {PASS_COLUMN} = {literal(staged.pass_id)} AND {target.outcome} IS NOT NULL"
    )
    if staged.repeats:
        rows = f"SELECT * FROM (SELECT *, {_number(target)} AS {_NUMBER} FROM ({rows})) WHERE {_NUMBER} = 1"  # noqa: S608 - the same
    return (
        f"MERGE INTO {store.name(target.role)} AS t "  # noqa: S608 - the same
        f"USING (SELECT {names} FROM ({rows})) AS s ON {same} "
        f"WHEN MATCHED AND (t.{moment} IS NULL OR s.{moment} > t.{moment}) AND {_loses_no_answer(target)} THEN UPDATE SET "
        f"{assignments} WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
    )


def _loses_no_answer(target: Target) -> str:
    """Return that an answer which is ok does not give way to there being no image to ask the same question about."""
    if target.role != ONE_ANSWER.role:
        return "true"
    there, staged = f"t.{target.outcome}", f"s.{target.outcome}"
    same = " AND ".join(f"{there}.{field} <=> {staged}.{field}" for field in ("model", "task", "prompt_sha256"))
    no_image, ok = literal(DescribeStatus.NO_IMAGE.value), literal(DescribeStatus.OK.value)
    return f"NOT ({there}.status <=> {ok} AND {staged}.status <=> {no_image} AND {same})"
