"""The notebook's `ai_query` SQL off Databricks: the same function name and parameters, answered by a backend of ours."""

from __future__ import annotations

import dataclasses
import decimal
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyspark
from pyspark.sql.functions import pandas_udf  # type: ignore[attr-defined] # its stubs do not export it

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.backends import AiQuery, BatchChat, ChatCompletions, PixelDescriber, WorkerBackend, check_backend
from picsum_vision.describing.describer import Describer
from picsum_vision.describing.direct import work_off
from picsum_vision.describing.job import TEXT_ONLY, DescribeJob
from picsum_vision.describing.model_registry import ModelRegistry, ResolvedPyFunc, settled
from picsum_vision.describing.pixel_extras import missing_for
from picsum_vision.describing.query import Query, check_parameters, read_form
from picsum_vision.describing.tasks import Describe
from picsum_vision.errors import EnvironmentProblem, ModelProblem, SettingError
from picsum_vision.options import DescribeOptions, check_no_totals
from picsum_vision.outcomes import DescribeOutcome
from picsum_vision.redaction import redact_url
from picsum_vision.spark.session_running import is_connect
from picsum_vision.validation import check_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FIRST_SPARK_WITH_NAMED_ARGUMENTS: Final = 4
_FAIL_ON_ERROR: Final = "failOnError"
_ARGUMENTS: Final = ("endpoint", "request", "returnType", _FAIL_ON_ERROR, "modelParameters", "responseFormat", "files")
_RESULT: Final = ("result", "errorMessage")
# Row by row: the answer, and why there is none. Both None: the row asks nothing.
_Answer = tuple[str | None, str | None]


def register_ai_query(
    spark: SparkSession, backend: WorkerBackend, name: str = "ai_query", *, options: DescribeOptions | None = None
) -> None:
    """Register a SQL function that takes what Databricks' `ai_query` takes and is answered by `backend`.

    `ai_query(endpoint, request, files => image_binary)` gives STRING. `endpoint` is not used: `backend` answers, whatever its
    name. Without `files` the question is about no image; `files` may be BINARY or ARRAY<BINARY>. A row whose image or request is
    NULL or empty asks nothing and gives NULL.

    A row without an answer ends the query with its status, so that a table to be overwritten keeps its rows. With
    `failOnError => false` the function gives STRUCT<result: STRING, errorMessage: STRING> instead (not on Spark Connect, where
    that is refused). `responseFormat` is 'text', 'json_object', a JSON schema or a STRUCT of one STRUCT; the answer is then JSON.
    `modelParameters => named_struct(...)` goes into the request; `max_tokens` and `temperature` win over `options`. `returnType`
    may be 'STRING' only.

    :class:`PyFunc` takes no modelParameters, nor `request` if its model takes no prompt; :class:`PixelDescriber`, which has no
    model, uses neither. Both need one image a row, and give text. Needs Spark 4, whose functions have named arguments.

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
    function = _Function(name, settled_backend, registry, asked)
    raising = function.udf(raises=True)
    if is_connect(spark):
        spark.udf.register(name, raising)
    else:
        _register_by_argument(spark, name, raising, function.udf(raises=False))


def _register_by_argument(spark: SparkSession, name: str, raising: Any, telling: Any) -> None:
    """Register both UDFs under one name; which of them a call means is decided when Spark analyses it.

    A UDF has one result type whatever its arguments, so Spark is given what it keeps of a UDF: a function from arguments to an
    expression. It runs here, in the driver, as the function of a `foreachBatch` does.
    """
    from pyspark.java_gateway import ensure_callback_server_started  # noqa: PLC0415 - not there on a client of Spark Connect

    ensure_callback_server_started(spark.sparkContext._gateway)  # type: ignore[no-untyped-call]  # noqa: SLF001 - as `foreachBatch` does
    builder = _Builder(raising._unwrapped._judf, telling._unwrapped._judf)  # noqa: SLF001 - as `spark.udf.register` does
    functions = spark._jsparkSession.sessionState().functionRegistry()  # noqa: SLF001 - no public way gives a result type by argument
    functions.createOrReplaceTempFunction(name, builder, "python_udf")


class _Builder:
    """Scala's function from the arguments of a call to its expression."""

    def __init__(self, raising: Any, telling: Any) -> None:
        self._raising = raising
        self._telling = telling

    def apply(self, arguments: Any) -> Any:
        """Return the call of the one UDF or the other."""
        for place in range(arguments.size()):
            argument, name = arguments.apply(place), _ARGUMENTS[min(place, len(_ARGUMENTS) - 1)]
            if argument.getClass().getSimpleName() == "NamedArgumentExpression":
                argument, name = argument.value(), argument.key()
            if name == _FAIL_ON_ERROR and argument.foldable() and argument.eval(None) is False:
                return self._telling.builder(arguments)
        return self._raising.builder(arguments)

    class Java:
        """What py4j is to make of it."""

        implements = ("scala.Function1",)


@dataclasses.dataclass(frozen=True)
class _Function:
    """What both UDFs have in common."""

    name: str
    backend: WorkerBackend
    registry: ModelRegistry | None
    options: DescribeOptions

    def udf(self, *, raises: bool) -> Any:
        """Return the UDF that raises where a row has no answer, or the one that tells why in the row."""

        def ai_query(*given: Any, **named: Any) -> Any:
            if self.registry is not None:
                self.registry.use()
            try:
                answers = self._answers(self._arguments(given, named), raises=raises)
            except SettingError as error:
                raise SettingError(f"{self.name}: {error}") from None
            if raises:
                return pd.Series([answer for answer, _ in answers], dtype=object)
            return pd.DataFrame(answers, columns=list(_RESULT), dtype=object)

        # Spark reads the hints to know the kind of UDF; here they are texts until somebody asks.
        ai_query.__annotations__ = {"given": pd.Series, "named": pd.Series, "return": pd.Series if raises else pd.DataFrame}
        return pandas_udf(ai_query, "string" if raises else ", ".join(f"{field} string" for field in _RESULT))

    def _arguments(self, given: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        by_place = dict(zip(_ARGUMENTS, given, strict=False))
        unknown = [name for name in named if name not in _ARGUMENTS or name in by_place]
        if unknown or len(given) > len(_ARGUMENTS) or not {"endpoint", "request"} <= (by_place | named).keys():
            taken = f"it takes {', '.join(_ARGUMENTS)}, the first two always and none twice"
            raise SettingError(f"{', '.join(unknown) or 'this call'} is not allowed; {taken}")
        return by_place | named

    def _answers(self, arguments: dict[str, Any], *, raises: bool) -> list[_Answer]:
        """Return one answer a row; rows with the same prompt and image share one question."""
        query, options = self._query(arguments, raises=raises)
        requests = [None if pd.isna(request) or not request.strip() else request for request in arguments["request"]]
        images = self._images(arguments, len(requests))
        questions = list(zip(requests, images, strict=True))
        loop_thread = LoopThread.current()
        describers: dict[str, Describer] = {}
        jobs: dict[Any, DescribeJob] = {}
        for request, image in questions:
            if request is None or not image or (request, image) in jobs:
                continue
            if request not in describers:
                task = dataclasses.replace(query, prompt=request) if _takes_prompts(self.backend) else Describe()
                describers[request] = Describer(self.backend, task, options, loop_thread)
            jobs[request, image] = describers[request].job(len(jobs), image)
        for job in work_off(list(jobs.values()), next(iter(describers.values()))) if jobs else ():
            if raises and job.answer is None and job.outcome is not None:
                hint = f"{_FAIL_ON_ERROR} => false gives NULL and the reason for such rows instead"
                raise ModelProblem(f"{self.name}: {self._why(job.outcome)}; {hint}")
        return [self._told(jobs.get(question)) for question in questions]

    def _told(self, job: DescribeJob | None) -> _Answer:
        if job is None or job.outcome is None or job.answer is not None:
            return (None if job is None else job.answer), None
        return None, self._why(job.outcome)

    def _why(self, outcome: DescribeOutcome) -> str:
        address = f"{redact_url(self.backend.base_url)}, " if isinstance(self.backend, ChatCompletions) else ""
        http = f", HTTP {outcome.http_status}" if outcome.http_status else ""
        return f"{outcome.status.value} ({address}model {self.backend.model_name!r}{http}): {outcome.message}"

    def _query(self, arguments: dict[str, Any], *, raises: bool) -> tuple[Query, DescribeOptions]:
        """Return what is asked but for the prompt; raises SettingError for what this backend does not do."""
        told = {name: _constant(name, arguments[name]) for name in _ARGUMENTS[2:-1] if arguments.get(name) is not None}
        fails = told.get(_FAIL_ON_ERROR)
        if fails is False and raises:
            raise SettingError(
                f"{_FAIL_ON_ERROR} => false is not possible here; it must be a constant, on a session that is not "
                "Spark Connect. Use describe(df, backend), whose describe_outcome tells each row's error"
            )
        if str(told.get("returnType") or "STRING").upper() != "STRING":
            raise SettingError(f"returnType: {told['returnType']!r} is not allowed; only 'STRING' is")
        form, answer = read_form(told.get("responseFormat"))
        parameters: dict[str, Any] = told.get("modelParameters") or {}
        check_parameters(parameters)
        kind = type(self.backend).__name__
        if form is not None and not isinstance(self.backend, ChatCompletions):
            raise SettingError(f"responseFormat is not allowed with {kind}, which gives text; use ChatCompletions")
        if parameters and not isinstance(self.backend, (ChatCompletions, PixelDescriber)):
            raise SettingError(f"modelParameters is not allowed with {kind}; use ChatCompletions, or leave it out")
        options = self.options
        if "max_tokens" in parameters:
            options = dataclasses.replace(options, max_output_tokens=parameters.pop("max_tokens"))
        if "temperature" in parameters:
            options = dataclasses.replace(options, temperature=parameters.pop("temperature"))
        return Query(form=form, answer=answer, parameters=json.dumps(parameters, sort_keys=True)), options

    def _images(self, arguments: dict[str, Any], rows: int) -> list[Any]:
        """Return each row's image as a backend takes it."""
        if arguments.get("files") is not None:
            return [self._image(value) for value in arguments["files"]]
        if not isinstance(self.backend, ChatCompletions):
            kind = type(self.backend).__name__
            raise SettingError(f"files is missing; {kind} answers no question without an image. Use ChatCompletions")
        return [TEXT_ONLY] * rows

    def _image(self, value: Any) -> Any:
        many = isinstance(self.backend, ChatCompletions)
        is_url = isinstance(self.backend, ChatCompletions) and self.backend.send == "url"
        if isinstance(value, np.ndarray) and many:
            return tuple(filter(None, map(self._image, value)))
        if isinstance(value, bytearray):
            value = bytes(value)
        if value is None or isinstance(value, str if is_url else bytes):
            return value
        kind = "STRING" if is_url else "BINARY"
        found = "ARRAY" if isinstance(value, np.ndarray) else type(value).__name__
        raise SettingError(f"files: {found} is not allowed; it must be {kind}{f' or ARRAY<{kind}>' if many else ''}")


def _takes_prompts(backend: WorkerBackend) -> bool:
    if isinstance(backend, ResolvedPyFunc):
        return "prompt" in backend.word_columns + backend.word_params
    return not isinstance(backend, PixelDescriber)


def _constant(name: str, values: Any) -> Any:
    """Return the one value of a column; None for NULL."""
    rows = values.to_dict("records") if isinstance(values, pd.DataFrame) else values.tolist()
    found = {json.dumps(row, default=_plain, sort_keys=True) for row in rows}
    if len(found) > 1:
        raise SettingError(f"{name}: a value for each row is not allowed; it must be a constant")
    value = json.loads(found.pop(), parse_constant=lambda _: None) if found else None
    if name == "modelParameters":
        if value is not None and not isinstance(value, dict):
            raise SettingError(f"{name}: {value!r} is not allowed; it must be named_struct('max_tokens', 100, ...)")
        # A parameter that is NULL is left to the model.
        return {key: each for key, each in (value or {}).items() if each is not None}
    if value is not None and not isinstance(value, bool if name == _FAIL_ON_ERROR else str):
        allowed = "true or false" if name == _FAIL_ON_ERROR else "a text"
        raise SettingError(f"{name}: {value!r} is not allowed; it must be {allowed}")
    return value


def _plain(value: Any) -> Any:
    """Return a number or a list of Spark's as JSON has it."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else str(value)
