"""The notebook's `ai_query` SQL off Databricks: the same function name and parameters, answered by a backend of ours."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyspark
from pyspark.sql.functions import pandas_udf  # type: ignore[attr-defined] # its stubs do not export it

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.backends import AiQuery, BatchChat, PixelDescriber, WorkerBackend, check_backend
from picsum_vision.describing.describer import Describer
from picsum_vision.describing.direct import work_off
from picsum_vision.describing.model_registry import ResolvedPyFunc, settled
from picsum_vision.describing.pixel_extras import missing_for
from picsum_vision.describing.tasks import Describe
from picsum_vision.errors import EnvironmentProblem, SettingError
from picsum_vision.options import DescribeOptions, check_no_totals
from picsum_vision.validation import check_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.describing.job import DescribeJob

_FIRST_SPARK_WITH_NAMED_ARGUMENTS = 4


def register_ai_query(
    spark: SparkSession, backend: WorkerBackend, name: str = "ai_query", *, options: DescribeOptions | None = None
) -> None:
    """Register a SQL function that takes what Databricks' `ai_query` takes and is answered by `backend`.

    `ai_query(endpoint, request, files => image_binary)` gives STRING, NULL where the image is NULL or no answer came. The
    other named
    arguments (returnType, failOnError, modelParameters, responseFormat) are accepted and not used; neither is `endpoint`. With
    :class:`PixelDescriber` or a :class:`PyFunc` whose model takes no prompt, `request` is not used either. Needs Spark 4, whose
    functions have named arguments.

    Raises
    ------
    EnvironmentProblem
        On a Spark older than 4.
    SettingError
        If the backend is none that works in workers, or `options` has a bound of the whole job (`..._total`), which the tasks
        of somebody else's query cannot share.
    ModelProblem
        If :class:`PyFunc`'s model is not there or takes no images.

    """
    if int(pyspark.__version__.split(".", 1)[0]) < _FIRST_SPARK_WITH_NAMED_ARGUMENTS:
        raise EnvironmentProblem(
            f"register_ai_query: needs Spark 4 for named arguments; this is {pyspark.__version__}. Use describe(df, ...)"
        )
    if isinstance(backend, BatchChat):
        raise SettingError("backend: BatchChat is not allowed; an answer in SQL cannot wait for a batch. Use describe(df, ...)")
    if isinstance(backend, AiQuery):
        raise SettingError(
            "backend: AiQuery is not allowed; it is the platform's own function. Use ChatCompletions, PyFunc or PixelDescriber"
        )
    check_backend(backend, Describe())
    problem = missing_for(backend, Describe())
    if problem is not None:
        raise problem
    check_text("name", name)
    settled_backend, registry = settled(backend)
    asked = options or DescribeOptions()
    check_no_totals(asked, where="for a function in SQL")

    def ai_query(  # noqa: PLR0917 - Databricks' own parameters
        endpoint: pd.Series,  # noqa: ARG001
        request: pd.Series,
        returnType: pd.Series | None = None,  # noqa: ARG001, N803
        failOnError: pd.Series | None = None,  # noqa: ARG001, N803
        modelParameters: pd.Series | None = None,  # noqa: ARG001, N803
        responseFormat: pd.Series | None = None,  # noqa: ARG001, N803
        files: pd.Series | None = None,
    ) -> pd.Series:
        images = [None] * len(request) if files is None else files.tolist()
        if registry is not None:
            registry.use()
        return pd.Series(_answers(settled_backend, asked, request.tolist(), images), dtype=object)

    # Spark reads the hints to know the kind of UDF; here they are texts until somebody asks.
    parameters = ("endpoint", "request", "returnType", "failOnError", "modelParameters", "responseFormat", "files", "return")
    ai_query.__annotations__ = dict.fromkeys(parameters, pd.Series)
    spark.udf.register(name, pandas_udf(ai_query, "string"))


def _answers(backend: WorkerBackend, options: DescribeOptions, prompts: list[Any], images: list[Any]) -> list[str | None]:
    """Return one answer a row; rows with the same prompt and picture share one question."""
    loop_thread = LoopThread.current()
    tasks = [Describe(prompt=prompt or None) if _takes_prompts(backend) else Describe() for prompt in prompts]
    describers = {task: Describer(backend, task, options, loop_thread) for task in set(tasks)}
    jobs: dict[Hashable, DescribeJob] = {}
    for question in zip(tasks, images, strict=True):
        if question not in jobs:
            task, image = question
            jobs[question] = describers[task].job(len(jobs), None if image is None else bytes(image))
    if jobs:
        work_off(list(jobs.values()), next(iter(describers.values())))
    return [jobs[question].answer for question in zip(tasks, images, strict=True)]


def _takes_prompts(backend: WorkerBackend) -> bool:
    if isinstance(backend, ResolvedPyFunc):
        return "prompt" in backend.word_columns + backend.word_params
    return not isinstance(backend, PixelDescriber)
