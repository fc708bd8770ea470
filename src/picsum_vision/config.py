"""The settings of a whole job."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from picsum_vision.describing.backends import AiQuery, Backend, BatchChat, ChatCompletions, PixelDescriber, check_backend
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.errors import SettingError
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.table_names import Tables
from picsum_vision.urls import LOREM_PICSUM, By, PicsumUrls
from picsum_vision.validation import check_choice, check_flag, check_integer, check_number, check_text

Mode = Literal["complete", "overwrite"]
WhenBusy = Literal["wait", "refuse"]
OnNewQuestion = Literal["replace", "keep_both"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PipelineConfig:
    """One job: which images, into which tables, described by whom.

    Parameters
    ----------
    images, start, by, width, height, base_url
        Which pictures of Lorem Picsum; see :func:`picsum_vision.generate_urls`.
    urls_from, url_col
        Any list of image URLs instead: a table's name, or a file (Parquet, CSV with a header, text with one URL a line).
    tables
        Where the three tables are.
    backend, task
        Who describes, and what is asked.
    download, describe
        How images are fetched, and how the model is asked.
    partitions
        How many tasks work; None: as many as run at once.
    checkpoint_interval_s
        What is done is committed about this often, in seconds; a job that is ended loses at most so much.
    mode
        "complete" does what the tables lack; "overwrite" empties them first, as the notebook does, and does everything again.
    keep_images
        Whether the bytes are kept in image_codes. Without them an image is described in the worker that fetched it.
    retry_failed
        Whether rows that failed in an earlier run for a reason that can change are tried again.
    retry_permanent
        Whether all that failed in an earlier run is tried again, also where nothing but a change of the picture, the model or the
        settings can help, as with `http_error` 404, `too_large` or `refused`.
    on_new_question
        What becomes of an answer when another model, task or prompt is asked: "replace" puts the new one in its place,
        "keep_both" keeps a row for each question.
    describe_unknown
        Whether answers that do not know their question, as the notebook's, are asked for anew.
    when_busy
        What a run does while another one is at work on the same tables: "wait" for it, or "refuse" with TableProblem.
    log_to_mlflow
        Whether the run is kept as an MLflow run, too, beside its row in `image_runs`.
    min_ok_share
        The share of rows, 0 to 1, whose description must be ok for the job to count as a success.

    """

    images: int = 1000
    start: int = 1
    by: By = "id"
    width: int = 800
    height: int = 600
    base_url: str = LOREM_PICSUM
    urls_from: str | None = None
    url_col: str = "image_url"
    tables: Tables = dataclasses.field(default_factory=Tables)
    backend: Backend = dataclasses.field(default_factory=PixelDescriber)
    task: Task = dataclasses.field(default_factory=Describe)
    download: DownloadOptions = dataclasses.field(default_factory=DownloadOptions)
    describe: DescribeOptions = dataclasses.field(default_factory=DescribeOptions)
    partitions: int | None = None
    checkpoint_interval_s: float = 60
    mode: Mode = "complete"
    keep_images: bool = True
    retry_failed: bool = False
    retry_permanent: bool = False
    on_new_question: OnNewQuestion = "replace"
    describe_unknown: bool = False
    when_busy: WhenBusy = "wait"
    log_to_mlflow: bool = False
    min_ok_share: float | None = None

    def __post_init__(self) -> None:
        """Check every setting, and that they fit together."""
        check_integer("images", self.images, minimum=1)
        check_text("urls_from", self.urls_from, optional=True)
        check_text("url_col", self.url_col)
        _ = self.urls  # checks start, by, width, height and base_url
        for name, value, kind in (
            ("tables", self.tables, Tables),
            ("download", self.download, DownloadOptions),
            ("describe", self.describe, DescribeOptions),
        ):
            if not isinstance(value, kind):
                raise SettingError(f"{name}: {type(value).__name__} is not allowed; it must be {kind.__name__}(...)")
        check_backend(self.backend, self.task)
        if isinstance(self.backend, (ChatCompletions, BatchChat)) and self.backend.send == "url":
            raise SettingError(
                "send: 'url' is not allowed in a job, which describes the bytes that it downloads; leave it out, or let "
                "describe(df, backend, image_col=...) send the addresses of a column"
            )
        check_integer("partitions", self.partitions, minimum=1, maximum=100_000, optional=True)
        check_number("checkpoint_interval_s", self.checkpoint_interval_s, above=0)
        check_choice("mode", self.mode, get_args(Mode))
        check_flag("keep_images", self.keep_images)
        check_flag("retry_failed", self.retry_failed)
        check_flag("retry_permanent", self.retry_permanent)
        check_choice("on_new_question", self.on_new_question, get_args(OnNewQuestion))
        check_choice("when_busy", self.when_busy, get_args(WhenBusy))
        check_flag("describe_unknown", self.describe_unknown)
        check_flag("log_to_mlflow", self.log_to_mlflow)
        check_number("min_ok_share", self.min_ok_share, minimum=0, maximum=1, optional=True)
        if isinstance(self.backend, (AiQuery, BatchChat)) and not self.keep_images:
            name = type(self.backend).__name__
            raise SettingError(
                f"keep_images: false is not allowed with {name}, which reads the images from the table; leave it out"
            )

    @property
    def urls(self) -> PicsumUrls:
        """The pictures of Lorem Picsum that are asked for."""
        return PicsumUrls(
            count=self.images, start=self.start, by=self.by, width=self.width, height=self.height, base_url=self.base_url
        )
