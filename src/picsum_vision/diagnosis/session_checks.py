"""The session itself, and the platform's `ai_query` in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pyspark

from picsum_vision.describing.backends import AiQuery
from picsum_vision.diagnosis.case import Case, Check
from picsum_vision.diagnosis.finding import Finding, failed_with, ok, skipped, warning
from picsum_vision.diagnosis.memory_checks import check_reading
from picsum_vision.diagnosis.table_checks import check_tables
from picsum_vision.diagnosis.worker_checks import check_workers
from picsum_vision.errors import PicsumVisionError
from picsum_vision.spark.ai_query_probe import probe_ai_query
from picsum_vision.spark.conf import session_setting
from picsum_vision.spark.session_running import is_connect
from picsum_vision.spark.transforms import describe
from picsum_vision.spark.url_sources import urls_from

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def check_session(case: Case) -> Iterator[Finding]:
    """Look at the session's kind and version."""
    spark: SparkSession = case.session
    kind = "Spark Connect" if is_connect(spark) else "classic"
    server, client = spark.version, pyspark.__version__
    if is_connect(spark) and server.split(".")[:2] != client.split(".")[:2]:
        newer = f"pip install 'pyspark[connect]=={'.'.join(server.split('.')[:2])}.*'"
        yield warning("session", f"{kind}: the server is Spark {server}, the client {client}", newer)
    else:
        yield ok("session", f"{kind}, Spark {server}")
    if session_setting(spark, "spark.speculation") == "true":
        twice = "spark.speculation is on: the rows of a task that Spark repeats are fetched, asked about and paid for twice"
        yield warning("speculation", twice, "set spark.speculation to false in the cluster's configuration")


def check_source(case: Case) -> Iterator[Finding]:
    """Look whether the job's own list of addresses can be read."""
    config = case.config
    if config.urls_from is None:
        yield skipped("url source", "the job makes its addresses itself")
        return
    try:
        rows = urls_from(case.session, config.urls_from, config.url_col).rows
    except PicsumVisionError as problem:
        yield failed_with("url source", problem)
        return
    words = f"{config.urls_from} can be read by its column {config.url_col!r}"
    yield ok("url source", words) if rows else warning("url source", f"{words}, and is empty")


def check_ai_query(case: Case) -> Iterator[Finding]:
    """Plan a question with `ai_query`; with `ask_model` ask it."""
    backend = case.config.backend
    if not isinstance(backend, AiQuery):
        yield skipped("ai_query", "not needed by this job")
        return
    try:
        if case.ask_model:
            probe_ai_query(case.session, backend)
            yield ok("ai_query", f"{backend.endpoint} has answered one question")
            return
        nothing = case.session.createDataFrame([], "image BINARY")
        _ = describe(nothing, backend, image_col="image", output_col="answer", task=case.config.task).schema
        yield ok("ai_query", f"{backend.function} is there and takes files; --ask-model asks {backend.endpoint}")
    except PicsumVisionError as problem:
        yield failed_with("ai_query", problem)


SESSION_CHECKS: Final[dict[str, Check]] = {
    "session": check_session,
    "tables": check_tables,
    "url source": check_source,
    "ai_query": check_ai_query,
    "worker python": check_workers,
    "read batches": check_reading,
}
