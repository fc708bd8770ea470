"""What the tables lack of a job, from their keys and outcomes alone: no image is read to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from picsum_vision.outcomes import (
    DESCRIBE_CAN_CHANGE,
    DOWNLOAD_CAN_CHANGE,
    HTTP_CAN_CHANGE,
    DescribeStatus,
    DownloadStatus,
)
from picsum_vision.pipeline.question import Question
from picsum_vision.spark.tables import TableStore
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

FETCHED_AT = "fetched_at"


class Missing:
    """The rows that are still to be done, each frame by its key `image_url`."""

    def __init__(
        self, store: TableStore, asked: DataFrame, question: Question, *, retry_before_us: int | None, describe_unknown: bool
    ) -> None:
        """Compare `asked` with the tables as they are when a frame is asked for.

        Failures that can change, of before `retry_before_us` (microseconds), count as missing; None: no failure does. What fails
        in a run is not tried again in the same one.
        """
        self._store = store
        self._asked = asked
        self._question = question
        self._retry_before_us = retry_before_us
        self._describe_unknown = describe_unknown

    def images(self, *, answered: bool | None = None) -> DataFrame:
        """Return the keys without a row of image_codes; `answered`: only those that have an answer all the same, or have none."""
        keys = self._store.missing_from("image_codes", self._asked)
        if answered is None:
            return keys
        same = F.col(KEY).eqNullSafe(F.col("answered_key"))
        return keys.join(self._answers(), same, "left_semi" if answered else "left_anti")

    def failed_images(self) -> DataFrame:
        """Return the keys whose download failed for a reason that can change."""
        rows = self._store.among("image_codes", self._asked)
        return rows.where(_download_can_change() & self._is_of_before("download_outcome")).select(KEY)

    def any_has_an_answer(self, keys: DataFrame) -> bool:
        """Return whether image_desc has a row of any of the keys, whatever was asked."""
        rows = self._store.among("image_desc", keys).select(KEY)
        return bool(rows.limit(1).count())

    def answers(self, *, image_known_ok: bool = False) -> DataFrame:
        """Return the keys with a row of image_codes and no answer; `fetched_at` is the moment of the download in microseconds.

        `image_known_ok`: only those whose download went well.
        """
        images = self._store.among("image_codes", self._asked).select(
            KEY,
            F.col("download_outcome.status").alias("download_status"),
            F.unix_micros("download_outcome.finished_at").alias(FETCHED_AT),
        )
        is_ok = F.col("download_status").eqNullSafe(DownloadStatus.OK.value)
        # "There is no image" is no answer any more once there is one.
        same = F.col(KEY).eqNullSafe(F.col("answered_key")) & ~(F.col("answered_no_image") & is_ok)
        lacking = images.join(self._answers(), same, "left_anti")
        return (lacking.where(is_ok) if image_known_ok else lacking).select(KEY, FETCHED_AT)

    def _answers(self) -> DataFrame:
        status = F.coalesce(F.col("describe_outcome.status"), F.lit(DescribeStatus.OK.value))
        rows = self._store.read("image_desc").where(self._question.is_of_row(unknown_counts=not self._describe_unknown))
        if self._retry_before_us is not None:
            can_change = status.isin([word.value for word in DESCRIBE_CAN_CHANGE])
            rows = rows.where(~(can_change & self._is_of_before("describe_outcome")))
        return rows.select(F.col(KEY).alias("answered_key"), (status == DescribeStatus.NO_IMAGE.value).alias("answered_no_image"))

    def _is_of_before(self, outcome: str) -> Column:
        moment = F.unix_micros(f"{outcome}.finished_at")
        return F.coalesce(moment < F.lit(self._retry_before_us), F.lit(True))  # noqa: FBT003 - a column's value


def _download_can_change() -> Column:
    status, code = F.col("download_outcome.status"), F.col("download_outcome.http_status")
    return status.isin([word.value for word in DOWNLOAD_CAN_CHANGE]) | (
        (status == DownloadStatus.HTTP_ERROR.value) & code.isin(list(HTTP_CAN_CHANGE))
    )
