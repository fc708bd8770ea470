"""`run_sizing`: the suite for a notebook or a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from picsum_vision.describing.backends import Backend
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.sizing.artefacts import require_matplotlib
from picsum_vision.sizing.fit import default_fit, fit_named, fit_results
from picsum_vision.sizing.load import Confirm, checked_load
from picsum_vision.sizing.places import default_experiment, only_suite_in, prepared_folder, tracking_address
from picsum_vision.sizing.result import STAGES, SizingResult, StageName, read_latest
from picsum_vision.sizing.settings import SizingConfig, checked_sizes, checked_stages
from picsum_vision.sizing.suite import Suite
from picsum_vision.sizing.tracking import Tracking
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.table_names import DEFAULT_CATALOG
from picsum_vision.urls import By
from picsum_vision.validation import check_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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
        sizes=checked_sizes(sizes),
        repeats=repeats,
        stages=checked_stages(stages),
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
    folder = prepared_folder(output)
    with only_suite_in(folder):
        uri = tracking_address(tracking_uri, folder) if tracking else None
        say = progress or (lambda _: None)
        if fit_from:
            fit = fit_named(fit_from)
        else:
            latest = read_latest(folder, say)
            fit = (fit_results([latest]) if latest is not None else None) or default_fit()
        config = checked_load(config, tasks_at_once(spark), confirm)
        kept = Tracking(uri, experiment or default_experiment(uri or ""), folder / "mlflow-artifacts", say)
        return Suite(spark, config, folder, tracking=kept, fit=fit, progress=say).run()
