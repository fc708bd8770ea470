"""Whether the endpoint's key is there, before any image is fetched for an answer that nobody could be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picsum_vision.describing.backends import Backend, BatchChat, ChatCompletions
from picsum_vision.errors import EnvironmentProblem, SettingError
from picsum_vision.spark.conf import session_setting, workers_are_here

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def check_key(spark: SparkSession, backend: Backend) -> None:
    """Raise SettingError if there is no key where the workers will read it.

    That is known of workers on this machine only; elsewhere each row says it. The key itself is not kept.
    """
    if not isinstance(backend, (ChatCompletions, BatchChat)) or backend.api_key is None or not workers_are_here(spark):
        return
    api_key = backend.api_key
    if api_key.source == "env" and session_setting(spark, f"spark.executorEnv.{api_key.place}"):
        return
    try:
        api_key.read()
    except EnvironmentProblem as problem:
        remedy = f" (export {api_key.place}=... before Spark starts, or --api-key-env)" if api_key.source == "env" else ""
        raise SettingError(f"api_key: {problem}{remedy}") from problem
