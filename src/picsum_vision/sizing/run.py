"""`run_sizing`: warm up, the notebook's method on a share, then each size and stage as often as asked, kept as it goes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from picsum_vision.describing.backends import Backend, ChatCompletions
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.errors import EnvironmentProblem, ModelProblem, PicsumVisionError
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.redaction import redact_text
from picsum_vision.sizing import notebook_method
from picsum_vision.sizing.artefacts import require_matplotlib, write_artefacts
from picsum_vision.sizing.fit import Fit, default_fit, fit_named, fit_results, predictions
from picsum_vision.sizing.places import only_suite_in, prepared_folder, tracking_address
from picsum_vision.sizing.result import (
    STAGES,
    NotebookFigures,
    SizeFigures,
    SizingResult,
    StageFigures,
    StageName,
    keep_result_before,
    read_latest,
)
from picsum_vision.sizing.settings import Confirm, SizingConfig, check_list, checked_load, share_of_images, warm_up_images
from picsum_vision.sizing.stages import Stages
from picsum_vision.sizing.target import environment, open_target, settings_of
from picsum_vision.sizing.tracking import Say, Tracking
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.transforms import download as downloaded
from picsum_vision.table_names import DEFAULT_CATALOG
from picsum_vision.urls import By
from picsum_vision.validation import check_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

DEFAULT_FOLDER = "picsum-vision-sizing"


def run_sizing(
    spark: SparkSession,
    sizes: Sequence[int] | int = (100, 1_000, 5_000),
    *,
    repeats: int = 3,
    stages: Sequence[StageName] = STAGES,
    output: str | Path = DEFAULT_FOLDER,
    tracking: bool = True,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    base_url: str | None = None,
    by: By = "seed",
    width: int = 800,
    height: int = 600,
    backend: Backend | None = None,
    task: Task | None = None,
    download: DownloadOptions | None = None,
    describe: DescribeOptions | None = None,
    partitions: int | None = None,
    checkpoint_interval_s: float = 60,
    image_latency_mean_s: float = 0.25,
    model_latency_mean_s: float = 1.0,
    latency_sigma: float = 0.5,
    notebook_images: int | None = None,
    catalog: str = DEFAULT_CATALOG,
    serve_on: str = "127.0.0.1",
    fit_from: Sequence[str | Path] = (),
    confirm: Confirm = False,
    progress: Callable[[str], None] | None = None,
) -> SizingResult:
    """Measure the job at several sizes, keep the figures in MLflow and in `output`, and return them.

    Parameters
    ----------
    sizes, repeats, stages
        How many images, how often each, and which of "urls", "download", "describe" and "total" (the whole `run_pipeline`).
    output
        A folder of the driver for results, table and plots, one suite's at a time; MLflow's SQLite file as well, unless another
        store is named.
    tracking, tracking_uri, experiment
        Whether and where runs are kept in MLflow: the URI, else MLFLOW_TRACKING_URI, else the workspace on Databricks, else
        SQLite in `output`.
    base_url, by, width, height
        A real image host in the place of the embedded one; see :func:`picsum_vision.generate_urls`.
    backend, task
        A real model in the place of the embedded one, and what is asked.
    download, describe, partitions, checkpoint_interval_s
        As in :class:`picsum_vision.PipelineConfig`. Against the embedded servers 512 downloads and 128 questions may be in
        flight in each task unless given; a stated limit is the embedded server's limit, too.
    image_latency_mean_s, model_latency_mean_s, latency_sigma
        How long the embedded servers wait: for each of a picture's two hops, and for an answer; lognormal.
    notebook_images
        On how many images the notebook's own method is measured; 0 leaves it out. Ten a task unless given.
    catalog
        Where the tables of the suite are: in schemas of their own, which are dropped.
    serve_on
        The address of this machine on which the embedded servers listen: one that the workers reach.
    fit_from
        Results by whose constants the sizes are predicted, in the place of the library's own.
    confirm
        What is asked before a real host or model is loaded: True, or a function that is given one line and returns whether
        to go on.

    Raises
    ------
    SettingError
        If a setting is wrong, a load is not confirmed, or a public service would be asked for more than is polite; before any
        work.
    MissingExtraError
        If MLflow or matplotlib is missing: pip install 'picsum-vision[bench]'.
    EnvironmentProblem, ModelProblem
        If host or model refuse all rows. What was measured until then is in `output`.

    """
    config = SizingConfig(
        sizes=sizes,  # type: ignore[arg-type]  # the config makes a tuple of it
        repeats=repeats,
        stages=stages,  # type: ignore[arg-type]  # the same
        base_url=base_url,
        by=by,
        width=width,
        height=height,
        backend=backend,
        task=task or Describe(),
        download=download,
        describe=describe,
        partitions=partitions,
        checkpoint_interval_s=checkpoint_interval_s,
        image_latency_mean_s=image_latency_mean_s,
        model_latency_mean_s=model_latency_mean_s,
        latency_sigma=latency_sigma,
        notebook_images=notebook_images,
        catalog=catalog,
        serve_on=serve_on,
    )
    require_matplotlib()
    check_text("experiment", experiment, optional=True)
    folder, say = prepared_folder(output), progress or (lambda _: None)
    with only_suite_in(folder):
        uri = tracking_address(tracking_uri, folder) if tracking else None
        latest = None if fit_from else read_latest(folder, say)
        fit = fit_named(fit_from) if fit_from else (latest and fit_results([latest])) or default_fit()
        config = checked_load(config, tasks_at_once(spark), confirm)
        # On Databricks an experiment's name is a place in the workspace.
        usual = "/Shared/picsum-vision-sizing" if (uri or "").startswith("databricks") else "picsum-vision sizing"
        kept = Tracking(uri, experiment or usual, folder / "mlflow-artifacts", say)
        return Suite(spark, config, folder, tracking=kept, fit=fit, say=say).run()


@dataclasses.dataclass
class Suite:
    """One run of the suite in one session. By `fit` sizes are predicted before they are measured."""

    spark: SparkSession
    config: SizingConfig
    folder: Path
    tracking: Tracking
    fit: Fit
    say: Say
    has_written: bool = False

    def __post_init__(self) -> None:
        """Begin a result."""
        self.tasks = self.config.tasks_of(tasks_at_once(self.spark))
        self.result = SizingResult(
            suite=uuid.uuid4().hex[:12],
            started_at=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
            settings={},
            environment=environment(self.spark),
            folder=str(self.folder),
        )

    def run(self) -> SizingResult:
        """Measure everything; what was measured is kept, however it ends."""
        config, result = self.config, self.result
        with open_target(config) as target:
            result.settings = settings_of(config, target, tasks_at_once(self.spark))
            check_list(config, target.base_url, share_of_images(config, self.tasks))
            self.tracking.begin(result)
            try:
                self._measure(Stages(self.spark, config, target))
            except BaseException as error:
                result.problem = str(error) if isinstance(error, PicsumVisionError) else f"ended early: {type(error).__name__}"
                raise
            finally:
                self._finish()
        return result

    def _measure(self, stages: Stages) -> None:
        config = self.config
        rows = warm_up_images(config, self.tasks)
        self._measure_stages(stages, rows, self.result.cold, f"warming up with {rows:,} images")
        self._measure_notebook(stages)
        self._keep()
        for images in config.sizes:
            size = SizeFigures(images=images)
            self.result.sizes.append(size)
            status = "FAILED"
            try:
                for number in range(config.repeats):
                    size.repeats.append({})
                    said = f"{images:,} images, repeat {number + 1} of {config.repeats}"
                    self._measure_stages(stages, images, size.repeats[-1], said)
                status = "FINISHED"
            finally:
                self.tracking.size(size, status)

    def _measure_stages(self, stages: Stages, images: int, kept: dict[str, StageFigures], said: str) -> None:
        with stages.schema() as where:
            for stage in self.config.stages:
                self.say(f"{said}: {stage}")
                figures = kept[stage] = stages.measure(stage, where, images)
                self._keep()
                if not figures.rows_ok and stage != "urls":
                    # More of the same would tell nothing, and load a host that refuses.
                    kind = EnvironmentProblem if figures.refused_at == "download" else ModelProblem
                    raise kind(f"{figures.problem}; what was measured until then is in {self.folder}")

    def _measure_notebook(self, stages: Stages) -> None:
        """Measure download and question of the notebook's method as often as the sizes are, with as many tasks."""
        config, backend, tasks = self.config, stages.target.backend, self.tasks
        images = share_of_images(config, tasks)
        if not images:
            return
        figures = NotebookFigures(images=images, client=notebook_method.client_of_workers(self.spark), tasks=tasks)
        self.result.notebook = figures
        for number in range(config.repeats):
            self.say(f"the notebook's method on {images} images, one request at a time in {tasks} tasks, repeat {number + 1}")
            # Dealt out evenly, these and the pictures below: the notebook is measured at its best.
            urls = stages.urls(images).repartition(tasks)
            _time(figures, "download", urls, notebook_method.downloaded(), images)
            if not isinstance(backend, ChatCompletions):
                figures.left_out["describe"] = f"{type(backend).__name__} is no HTTP endpoint"
                continue
            # Its questions are about images that are there already: they stand in the query's own plan.
            pictures = downloaded(urls, options=config.download_options).where("image_binary IS NOT NULL").select("image_binary")
            came = [(bytes(row[0]),) for row in pictures.collect()]
            held = self.spark.createDataFrame(came, "image_binary BINARY").repartition(tasks)
            answer = notebook_method.described(backend, config.task.full_prompt, config.describe_options.max_output_tokens)
            _time(figures, "describe", held, answer, len(came))

    def _keep(self) -> None:
        """Write the result; that of the suite before is kept under its name."""
        if not self.has_written:
            keep_result_before(self.folder)
            self.has_written = True
        self.result.write(self.folder)

    def _finish(self) -> None:
        """Compare with what was predicted, learn from what was measured, and write tables and plots."""
        result = self.result
        if not self.has_written:  # nothing was measured, and the suite before keeps the folder
            self.tracking.end(result, [])
            return
        result.predictions = predictions(result, self.fit)
        fit = fit_results([result])
        result.fit = None if fit is None else dataclasses.asdict(fit)
        self._keep()
        self.tracking.end(result, write_artefacts(result, self.folder))
        self._keep()


def _time(figures: NotebookFigures, stage: str, rows: DataFrame, column: Column, number: int) -> None:
    """Measure one of its stages; where its way of dealing with errors makes the job fail, that is what is told of it."""
    began_s = time.monotonic()
    try:
        ok = rows.select(column.alias("out")).agg(F.count(F.when(F.length("out") > 0, 1)).alias("ok")).collect()[0]["ok"]
    except PySparkException as error:
        figures.left_out[stage] = f"its job failed ({redact_text(' '.join(str(error).split()))[-200:]})"
        for kept in (figures.seconds, figures.rows, figures.rows_ok):
            kept.pop(stage, None)
        return
    if stage not in figures.left_out:
        figures.seconds.setdefault(stage, []).append(round(time.monotonic() - began_s, 4))
        figures.rows.setdefault(stage, []).append(number)
        figures.rows_ok.setdefault(stage, []).append(ok)
