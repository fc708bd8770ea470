"""DataFrame in, DataFrame out: download, describe, and both in one stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql.types import DataType

from picsum_vision.describing.backends import AiQuery, Backend, BatchChat, ChatCompletions, check_backend
from picsum_vision.describing.job_terms import DRIVER_NOTE, terms_of_stage
from picsum_vision.describing.pixel_extras import missing_for
from picsum_vision.describing.task_bounds import task_bounds
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.errors import SettingError
from picsum_vision.options import DescribeOptions, DownloadOptions, totals_set
from picsum_vision.spark.ai_query import describe_with_ai_query
from picsum_vision.spark.batch_stage import BatchStage, in_buckets
from picsum_vision.spark.beacon import current_beacon, told
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.by_position import ByPosition
from picsum_vision.spark.columns import check_input, check_output
from picsum_vision.spark.describe_stage import DescribeStage
from picsum_vision.spark.download_stage import DownloadStage
from picsum_vision.spark.fused_stage import FusedStage
from picsum_vision.spark.image_input import check_images
from picsum_vision.spark.schemas import DOWNLOADED, NOTED, described
from picsum_vision.spark.sharing import number_of_tasks, spread, tasks_at_once
from picsum_vision.validation import check_integer, check_text

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    Stage = DownloadStage | DescribeStage | FusedStage

_ANSWER: Final = "answer"  # until the columns have the names that the user gives them


def download(
    df: DataFrame, *, url_col: str = "image_url", options: DownloadOptions | None = None, partitions: int | None = None
) -> DataFrame:
    """Fetch the image behind each URL.

    Parameters
    ----------
    df
        Any DataFrame with a STRING column `url_col`. NULL, empty and broken URLs are rows like any other.
    options
        How to fetch; :class:`DownloadOptions` with its defaults if None.
    partitions
        Into how many tasks the rows are spread; None leaves them as they are.

    Returns
    -------
    DataFrame
        Every input row once, in any order, with every input column, plus `image_binary BINARY` (NULL unless the status is ok) and
        `download_outcome STRUCT<status, http_status, ...>`. Nothing is fetched before an action, and each action fetches again:
        write the result to a table.

    Raises
    ------
    ColumnError
        If `url_col` is missing or no string, or a column to be added is there already.

    """
    return downloaded(df, url_col=url_col, options=options, partitions=partitions)


def downloaded(
    df: DataFrame,
    *,
    url_col: str = "image_url",
    options: DownloadOptions | None = None,
    partitions: int | None = None,
    stop_after_s: float | None = None,
) -> DataFrame:
    """Return what :func:`download` does; with `stop_after_s` a task leaves the rows that it does not get to in that time.

    What a row has not got to is NULL.
    """
    options = _or_default(options, DownloadOptions, "options")
    _check_partitions(partitions)
    url_col = check_input("url_col", df, url_col, "string")
    check_output(df, DOWNLOADED)
    rows = ByPosition(df)
    spread_df, share = spread(rows.df, partitions, share_needed=options.requests_per_second_per_host_total is not None)
    stage = DownloadStage(options=options, share=share)
    return rows.restored(_through(rows, spread_df, stage, url_col, DOWNLOADED, stop_after_s), DOWNLOADED)


def describe(
    df: DataFrame,
    backend: Backend,
    *,
    image_col: str = "image_binary",
    output_col: str = "descrizione",
    task: Task | None = None,
    options: DescribeOptions | None = None,
    partitions: int | None = None,
    outcome_col: str = "describe_outcome",
) -> DataFrame:
    """Ask a vision model about each image.

    Parameters
    ----------
    df
        Any DataFrame with a BINARY column `image_col`; for :class:`ChatCompletions` and :class:`BatchChat` also ARRAY<BINARY>,
        several images in one question, or with `send="url"` their addresses. NULL and empty images are rows like any other
        (`no_image`).
    backend
        :class:`AiQuery`, :class:`ChatCompletions`, :class:`BatchChat`, :class:`PyFunc` or :class:`PixelDescriber`.
    output_col
        The answer's column, typed by the task: STRING for :class:`Describe`.
    task
        What is asked; the notebook's Italian description if None.
    options, partitions
        How to ask, and into how many tasks the rows are spread.
    outcome_col
        The outcome's column: another name for each of several requests over the same rows.

    Returns
    -------
    DataFrame
        Every input row once, in any order, with every input column, plus `output_col` and `outcome_col`. Nothing is asked
        before an action, and each action asks, and pays, again (a sort even twice): write the result to a table.

    Raises
    ------
    ColumnError, SettingError
        If a column or a setting is wrong.
    MissingExtraError, EnvironmentProblem
        If an extra or a program that the backend needs is not installed here.
    ModelProblem
        If the session has no such function as `ai_query`.

    """
    return described_by(
        df,
        backend,
        image_col=image_col,
        output_col=output_col,
        task=task,
        options=options,
        partitions=partitions,
        outcome_col=outcome_col,
    )


def described_by(
    df: DataFrame,
    backend: Backend,
    *,
    image_col: str = "image_binary",
    output_col: str = "descrizione",
    task: Task | None = None,
    options: DescribeOptions | None = None,
    partitions: int | None = None,
    outcome_col: str = "describe_outcome",
    stop_after_s: float | None = None,
) -> DataFrame:
    """Return what :func:`describe` does; for `stop_after_s` see :func:`downloaded`. Platforms and batch endpoints know none."""
    task, options = _check_question(df, backend, task, options)
    _check_partitions(partitions)
    image_col = check_images(df, image_col, backend)
    names = _answer_names(output_col, outcome_col)
    check_output(df, names)
    rows = ByPosition(df)
    if isinstance(backend, AiQuery):
        return rows.restored(describe_with_ai_query(rows.df, backend, rows.name(image_col), _ANSWER, task, options), names)
    if isinstance(backend, BatchChat):
        return rows.restored(_describe_in_batches(rows, backend, image_col, task, options, partitions), [*names, *_notes()])
    is_told = isinstance(backend, ChatCompletions)
    bounds = task_bounds(options, backend, task)
    spread_df, share = spread(rows.df, partitions, share_needed=_has_total(options), may_be_told=is_told, bounds=bounds)
    stage = DescribeStage(backend=backend, task=task, options=options, output_col=_ANSWER, share=share)
    return rows.restored(_through(rows, spread_df, stage, image_col, _added(task), stop_after_s), [*names, *_notes()])


def download_and_describe(
    df: DataFrame,
    backend: Backend,
    *,
    keep_images: bool = False,
    url_col: str = "image_url",
    output_col: str = "descrizione",
    task: Task | None = None,
    download_options: DownloadOptions | None = None,
    describe_options: DescribeOptions | None = None,
    partitions: int | None = None,
    outcome_col: str = "describe_outcome",
) -> DataFrame:
    """Fetch and describe in one stage: an image is described while others download.

    As :func:`download` and :func:`describe` one after the other, but the bytes never leave the worker unless `keep_images`, and
    the time is about the longer of the two, not the sum. With :class:`AiQuery`, which the platform plans, and
    :class:`BatchChat`, which wants all images at once, it is the two one after the other.
    """
    return fetched_and_described(
        df,
        backend,
        keep_images=keep_images,
        url_col=url_col,
        output_col=output_col,
        task=task,
        download_options=download_options,
        describe_options=describe_options,
        partitions=partitions,
        outcome_col=outcome_col,
    )


def fetched_and_described(
    df: DataFrame,
    backend: Backend,
    *,
    keep_images: bool,
    url_col: str = "image_url",
    output_col: str = "descrizione",
    task: Task | None = None,
    download_options: DownloadOptions | None = None,
    describe_options: DescribeOptions | None = None,
    partitions: int | None = None,
    outcome_col: str = "describe_outcome",
    stop_after_s: float | None = None,
) -> DataFrame:
    """Return what :func:`download_and_describe` does; for `stop_after_s` see :func:`downloaded`."""
    task, describe_options = _check_question(df, backend, task, describe_options)
    download_options = _or_default(download_options, DownloadOptions, "download_options")
    _check_partitions(partitions)
    url_col = check_input("url_col", df, url_col, "string")
    names = [*DOWNLOADED, *_answer_names(output_col, outcome_col)]
    check_output(df, names)
    if isinstance(backend, (AiQuery, BatchChat)):
        images = download(df, url_col=url_col, options=download_options, partitions=partitions)
        answered = describe(
            images,
            backend,
            output_col=output_col,
            task=task,
            options=describe_options,
            partitions=partitions,
            outcome_col=outcome_col,
        )
        return answered if keep_images else answered.drop("image_binary")
    rows, added = ByPosition(df), {**DOWNLOADED, **_added(task)}
    if not keep_images:
        del added["image_binary"]
        names.remove("image_binary")
    share_needed = _has_total(describe_options) or download_options.requests_per_second_per_host_total is not None
    is_told = isinstance(backend, ChatCompletions)
    bounds = task_bounds(describe_options, backend, task)
    spread_df, share = spread(rows.df, partitions, share_needed=share_needed, may_be_told=is_told, bounds=bounds)
    stage = FusedStage(
        download=DownloadStage(options=download_options, share=share),
        describe=DescribeStage(backend=backend, task=task, options=describe_options, output_col=_ANSWER, share=share),
        keep_images=keep_images,
    )
    return rows.restored(_through(rows, spread_df, stage, url_col, added, stop_after_s), [*names, *_notes()])


def _notes() -> dict[str, DataType]:
    """Return what the driver of a job is told beside the answer; nothing outside of a job."""
    return {DRIVER_NOTE: NOTED} if terms_of_stage().in_job else {}


def _added(task: Task) -> dict[str, DataType]:
    return {**described(task, _ANSWER), **_notes()}


def _answer_names(output_col: str, outcome_col: str) -> list[str]:
    check_text("output_col", output_col)
    check_text("outcome_col", outcome_col)
    if output_col.lower() == outcome_col.lower():
        raise SettingError(f"outcome_col: {outcome_col!r} is not allowed; it must be another name than output_col")
    return [output_col, outcome_col]


def _describe_in_batches(  # noqa: PLR0917 - describe's own, checked
    rows: ByPosition, backend: BatchChat, image_col: str, task: Task, options: DescribeOptions, partitions: int | None
) -> DataFrame:
    # No more than run at once, if no number is given: a task that waits for its turn would submit nothing for hours.
    spark, column = rows.df.sparkSession, rows.name(image_col)
    of_buckets = number_of_tasks(spark, partitions, task_bounds(options, backend, task))
    together = min(of_buckets, tasks_at_once(spark))
    stage = BatchStage(
        backend=backend,
        task=task,
        options=options,
        image_col=column,
        output_col=_ANSWER,
        share=1 / together,
        terms=terms_of_stage(),
        of_buckets=of_buckets,
    )

    beacon = current_beacon()

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        return told(stage.process(iter(batches)), beacon, ["describe_outcome"])

    return rows.mapped(in_buckets(rows.df, column, of_buckets), work, _added(task))


def _through(  # noqa: PLR0917 - what each of the transforms has at hand
    rows: ByPosition, df: DataFrame, stage: Stage, column: str, added: Mapping[str, DataType], stop_after_s: float | None
) -> DataFrame:
    beacon, names, column = current_beacon(), tuple(added), rows.name(column)

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        return told(ArrowBridge[Any](stage.open(), column).process(iter(batches), stop_after_s), beacon, names)

    return rows.mapped(df, work, added)


def _check_question(
    df: DataFrame, backend: Backend, task: Task | None, options: DescribeOptions | None
) -> tuple[Task, DescribeOptions]:
    task = Describe() if task is None else task
    check_backend(backend, task)
    # A client of Spark Connect knows nothing of the machines that work; there the rows say what is missing.
    problem = None if ".connect." in type(df).__module__ else missing_for(backend, task)
    if problem is not None:
        raise problem
    return task, _or_default(options, DescribeOptions, "options")


def _or_default(options: Any, kind: type[Any], setting: str) -> Any:
    if options is None:
        return kind()
    if not isinstance(options, kind):
        raise SettingError(f"{setting}: {type(options).__name__} is not allowed; it must be {kind.__name__}(...)")
    return options


def _check_partitions(partitions: int | None) -> None:
    check_integer("partitions", partitions, minimum=1, maximum=100_000, optional=True)


def _has_total(options: DescribeOptions) -> bool:
    return bool(totals_set(options))
