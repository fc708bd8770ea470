"""How each address that was asked for stands, from keys and outcomes alone: no image is read to know it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from picsum_vision.outcomes import (
    DESCRIBE_CAN_CHANGE,
    DOWNLOAD_CAN_CHANGE,
    HTTP_CAN_CHANGE,
    DescribeStatus,
    DownloadStatus,
)
from picsum_vision.pipeline.question import Question
from picsum_vision.redaction import redact_url
from picsum_vision.spark.tables import TableStore
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

FETCHED_AT: Final = "fetched_at"
_SUMS: Final = ("bytes", "bytes_sent", "input_tokens", "output_tokens")
_SAID: Final = ("http_status", "message")  # of a failure, beside its status
_ABOUT_ANSWERS: Final = {
    "describe_status": "status",
    "bytes_sent": "image_bytes_sent",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
}


class Todo(str, Enum):
    """What is to be done about an address."""

    FETCH_AND_ASK = "fetch_and_ask"  # there is nothing of it
    FETCH = "fetch"  # its answer is there, but somebody took away the image, or its download is to be tried again
    FETCH_AGAIN = "fetch_again"  # it failed, and is to be tried again
    ASK = "ask"  # there is an image or its failure, and no answer
    NOTHING = "nothing"


_ASKED_ABOUT: Final = (Todo.FETCH_AND_ASK, Todo.FETCH_AGAIN, Todo.ASK)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What counts as done.

    Failures of before `retry_before_us` (microseconds) do not, if they can change or `retry_permanent` is set; None: all do. What
    fails in a run is not tried again in the same one. An answer that does not know its question counts unless `describe_unknown`.
    `several_answers`: an address may have a row of image_desc for each question.
    """

    question: Question
    retry_before_us: int | None = None
    retry_permanent: bool = False
    describe_unknown: bool = False
    several_answers: bool = False


class Standing:
    """The addresses of a job as its tables have them at the moment when a frame is evaluated."""

    def __init__(self, store: TableStore, asked: DataFrame, wanted: Wanted) -> None:
        """Compare `asked`, distinct addresses in `image_url`, with the tables."""
        self._store = store
        self._asked = asked
        self._wanted = wanted

    def keys(self, todo: Todo, *, image_is_ok: bool = False, among: DataFrame | None = None) -> DataFrame:
        """Return the addresses that this is to be done about; `fetched_at` is the moment of the download in microseconds.

        `image_is_ok`: only those whose download went well. `among`: only those that this has in `image_url`, too.
        """
        rows = self.rows().where(F.col("todo") == todo.value)
        if image_is_ok:
            rows = rows.where(F.col("download_status") == DownloadStatus.OK.value)
        if among is not None:
            wanted = among.select(F.col(KEY).alias("wanted_key"))
            rows = rows.join(wanted, F.col(KEY).eqNullSafe(F.col("wanted_key")), "left_semi")
        return rows.select(KEY, FETCHED_AT)

    def any_has_an_answer(self, keys: DataFrame) -> bool:
        """Return whether image_desc has a row of any of the keys, whatever was asked."""
        return bool(self._store.among("image_desc", keys).select(KEY).take(1))

    def any_has_several_answers(self) -> bool:
        """Return whether image_desc has several rows of an address that is to be asked about."""
        asked = self.rows().where(F.col("todo").isin([todo.value for todo in _ASKED_ABOUT])).select(KEY)
        several = self._store.read("image_desc").groupBy(F.col(KEY).alias("answer_key")).count().where("count > 1")
        return bool(asked.join(several, F.col(KEY).eqNullSafe(F.col("answer_key")), "left_semi").take(1))

    def survey(self) -> Survey:
        """Count the addresses by what is to be done and by what became of them, in one query."""
        listed = self._store.read("image_urls").select(F.col(KEY).alias("listed_key"), F.lit(True).alias("is_listed")).distinct()  # noqa: FBT003 - a column's value
        rows = self.rows().join(listed, F.col(KEY).eqNullSafe(F.col("listed_key")), "left")
        groups = rows.groupBy("is_listed", "todo", "download_status", "describe_status")
        sums = (F.sum(name).alias(name) for name in _SUMS)
        return Survey([row.asDict() for row in groups.agg(F.count(F.lit(1)).alias("rows"), *sums).collect()])

    def commonest_failure(self) -> str:
        """Return on one line what most of the rows failed of, with an example and what helps."""
        of_download = F.coalesce(F.col("download_status") != DownloadStatus.OK.value, F.lit(True))  # noqa: FBT003 - a column's value
        both = [(F.col(f"download_{name}"), F.col(f"describe_{name}"), name) for name in ("status", *_SAID)]
        said = (F.when(of_download, download).otherwise(describe).alias(name) for download, describe, name in both)
        failed = self.rows().select(KEY, of_download.alias("of_download"), *said)
        example = F.min(F.struct(KEY, "message")).alias("example")
        groups = failed.groupBy("of_download", "status", "http_status").agg(F.count(F.lit(1)).alias("rows"), example)
        all_rows, most = groups.agg(F.sum("rows"), F.max(F.struct("rows", *groups.columns[:3], "example"))).collect()[0]
        can_change = DOWNLOAD_CAN_CHANGE if most.of_download else DESCRIBE_CAN_CHANGE
        passes = most.status in can_change or (most.of_download and most.http_status in HTTP_CAN_CHANGE)
        code = "" if most.http_status is None else f" (HTTP {most.http_status})"
        stage = "downloads" if most.of_download else "descriptions"
        again = "--retry-failed (retry_failed=True)" if passes else "--retry-permanent (retry_permanent=True)"
        address = redact_url(str(most.example[KEY]))
        return (
            f"{most.rows:,} of {all_rows:,} {stage} failed with {most.status}{code}, for example {address}: "
            f"{most.example.message or most.status}; try again with {again}"
        )

    def rows(self) -> DataFrame:
        """Return the addresses with what is to be done, both statuses and the sums' summands."""
        images, answers = self._images(), self._answers()
        rows = self._asked.join(images, F.col(KEY).eqNullSafe(F.col("image_key")), "left")
        rows = rows.join(answers, F.col(KEY).eqNullSafe(F.col("answer_key")), "left")
        return rows.withColumn("todo", self._todo())

    def _images(self) -> DataFrame:
        outcome = "download_outcome"
        rows = self._store.read("image_codes").select(
            F.col(KEY).alias("image_key"),
            # A row of the notebook has no outcome: it is done, and nothing is known of how.
            F.coalesce(F.col(f"{outcome}.status"), F.lit(DownloadStatus.OK.value)).alias("download_status"),
            F.unix_micros(f"{outcome}.finished_at").alias(FETCHED_AT),
            F.col(f"{outcome}.bytes").alias("bytes"),
            self._is_to_be_tried_again(outcome, _download_can_change()).alias("fetch_again"),
            *(F.col(f"{outcome}.{field}").alias(f"download_{field}") for field in _SAID),
        )
        # The notebook appended, so that its tables may have an address twice.
        return rows.dropDuplicates(["image_key"])

    def _answers(self) -> DataFrame:
        outcome = "describe_outcome"
        can_change = F.col(f"{outcome}.status").isin([word.value for word in DESCRIBE_CAN_CHANGE])
        never_fails = [DescribeStatus.OK.value, DescribeStatus.NO_IMAGE.value]
        again = self._is_to_be_tried_again(outcome, can_change) & ~F.col(f"{outcome}.status").isin(never_fails)
        rows = self._store.read("image_desc").where(
            self._wanted.question.is_of_row(unknown_counts=not self._wanted.describe_unknown)
        )
        answers = rows.select(
            F.col(KEY).alias("answer_key"),
            *(F.col(f"{outcome}.{field}").alias(name) for name, field in _ABOUT_ANSWERS.items()),
            *(F.col(f"{outcome}.{field}").alias(f"describe_{field}") for field in _SAID),
            F.coalesce(again, F.lit(False)).alias("ask_again"),  # noqa: FBT003 - a column's value
        ).fillna(DescribeStatus.OK.value, ["describe_status"])
        # The same; and one that does not know its question may stand beside one that does.
        return answers.dropDuplicates(["answer_key"])

    def _todo(self) -> Column:
        has_image, is_ok = F.col("download_status").isNotNull(), F.col("download_status") == DownloadStatus.OK.value
        # "There is no image" is no answer any more once there is one.
        no_image = F.col("describe_status") == DescribeStatus.NO_IMAGE.value
        has_answer = F.col("describe_status").isNotNull() & ~F.col("ask_again")
        # Asked about again, what was paid for would be paid for twice, or lost where the download fails once more.
        needs_image = ~has_image | F.col("fetch_again")
        return (
            F.when(needs_image & has_answer & ~no_image, Todo.FETCH.value)
            .when(~has_image, Todo.FETCH_AND_ASK.value)
            .when(F.col("fetch_again"), Todo.FETCH_AGAIN.value)
            .when(~has_answer | (no_image & is_ok), Todo.ASK.value)
            .otherwise(Todo.NOTHING.value)
        )

    def _is_to_be_tried_again(self, outcome: str, can_change: Column) -> Column:
        if self._wanted.retry_before_us is None:
            return F.lit(False)  # noqa: FBT003 - a column's value
        moment = F.unix_micros(f"{outcome}.finished_at")
        is_old = F.coalesce(moment < F.lit(self._wanted.retry_before_us), F.lit(True))  # noqa: FBT003 - a column's value
        failed = F.col(f"{outcome}.status") != "ok"
        again = failed if self._wanted.retry_permanent else failed & can_change
        return F.coalesce(again & is_old, F.lit(False))  # noqa: FBT003 - a column's value


class Survey:
    """The addresses counted: how many there are to be done, and what became of the others."""

    @classmethod
    def of_new_tables(cls, rows: int) -> Survey:
        """Return how so many addresses stand in tables that were just made."""
        nothing = dict.fromkeys(("is_listed", "download_status", "describe_status", *_SUMS))
        return cls([{**nothing, "todo": Todo.FETCH_AND_ASK.value, "rows": rows}] if rows else [])

    def __init__(self, groups: Iterable[Mapping[str, Any]]) -> None:
        """Take groups by `todo`, `download_status` and `describe_status`, with `rows` and the sums."""
        self._groups = list(groups)

    @property
    def rows(self) -> int:
        """How many addresses were asked for."""
        return sum(group["rows"] for group in self._groups)

    def left(self, todo: Todo) -> int:
        """Return how many addresses this is to be done about."""
        return sum(group["rows"] for group in self._groups if group["todo"] == todo.value)

    @property
    def asks(self) -> bool:
        """Whether anything is to be asked about."""
        return any(self.left(todo) for todo in _ASKED_ABOUT)

    @property
    def lists_all(self) -> bool:
        """Whether image_urls has them all."""
        return all(group["is_listed"] for group in self._groups)

    @property
    def has_only_new(self) -> bool:
        """Whether nothing is to be done but about addresses of which there is nothing."""
        return all(group["todo"] in {Todo.FETCH_AND_ASK.value, Todo.NOTHING.value} for group in self._groups)

    def after(self, passes: Iterable[Mapping[str, Any]]) -> Survey:
        """Return how the addresses stand when the new ones have gone through these passes, and the others are as they were."""
        known = [group for group in self._groups if group["todo"] == Todo.NOTHING.value]
        return Survey([*known, *({**group, "todo": Todo.NOTHING.value} for group in passes)])

    @property
    def is_nothing_ok(self) -> bool:
        """Whether no address has an answer that is ok."""
        return DescribeStatus.OK.value not in self.by_status("describe_status")

    @property
    def could_be_tried_again(self) -> int:
        """How many addresses nothing is to be done about, although they failed for a reason that can change."""
        return sum(group["rows"] for group in self._groups if group["todo"] == Todo.NOTHING.value and _failed_for_now(group))

    def by_status(self, column: str) -> dict[str, int]:
        """Return the rows by `download_status` or `describe_status`, the most frequent first."""
        counts: dict[str, int] = {}
        for group in self._groups:
            if group[column] is not None:
                counts[group[column]] = counts.get(group[column], 0) + group["rows"]
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def total(self, figure: str) -> int | None:
        """Return a sum over all rows, None where no row has the figure."""
        known = [group[figure] for group in self._groups if group[figure] is not None]
        return sum(known) if known else None


def _failed_for_now(group: Mapping[str, Any]) -> bool:
    # Of http_error some can change and some cannot; a survey does not tell them apart.
    return group["download_status"] in DOWNLOAD_CAN_CHANGE or (
        group["describe_status"] in DESCRIBE_CAN_CHANGE and group["download_status"] == DownloadStatus.OK.value
    )


def _download_can_change() -> Column:
    status, code = F.col("download_outcome.status"), F.col("download_outcome.http_status")
    return status.isin([word.value for word in DOWNLOAD_CAN_CHANGE]) | (
        (status == DownloadStatus.HTTP_ERROR.value) & code.isin(list(HTTP_CAN_CHANGE))
    )
