"""Images and their descriptions for columns of URLs, on Apache Spark.

Importing this package loads neither Spark nor MLflow nor an HTTP client: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from picsum_vision._version import __version__ as __version__

if TYPE_CHECKING:
    from picsum_vision.config import PipelineConfig as PipelineConfig
    from picsum_vision.describing.backends import AiQuery as AiQuery
    from picsum_vision.describing.backends import BatchChat as BatchChat
    from picsum_vision.describing.backends import ChatCompletions as ChatCompletions
    from picsum_vision.describing.backends import PixelDescriber as PixelDescriber
    from picsum_vision.describing.backends import PyFunc as PyFunc
    from picsum_vision.describing.extract import Extract as Extract
    from picsum_vision.describing.model_logging import log_describer as log_describer
    from picsum_vision.describing.tasks import Classify as Classify
    from picsum_vision.describing.tasks import Describe as Describe
    from picsum_vision.describing.tasks import ListObjects as ListObjects
    from picsum_vision.describing.tasks import ReadText as ReadText
    from picsum_vision.describing.tasks import Sentiment as Sentiment
    from picsum_vision.diagnosis.doctor import doctor as doctor
    from picsum_vision.diagnosis.finding import Diagnosis as Diagnosis
    from picsum_vision.errors import ColumnError as ColumnError
    from picsum_vision.errors import EnvironmentProblem as EnvironmentProblem
    from picsum_vision.errors import ImageSourceError as ImageSourceError
    from picsum_vision.errors import JavaProblem as JavaProblem
    from picsum_vision.errors import JobCancelled as JobCancelled
    from picsum_vision.errors import MissingExtraError as MissingExtraError
    from picsum_vision.errors import ModelProblem as ModelProblem
    from picsum_vision.errors import PicsumVisionError as PicsumVisionError
    from picsum_vision.errors import PortInUse as PortInUse
    from picsum_vision.errors import SettingError as SettingError
    from picsum_vision.errors import TableProblem as TableProblem
    from picsum_vision.exporting.export import ExportReport as ExportReport
    from picsum_vision.exporting.export import export as export
    from picsum_vision.fetching.asynchronous import fetch_images_async as fetch_images_async
    from picsum_vision.fetching.results import FetchedImage as FetchedImage
    from picsum_vision.fetching.sync import fetch_images as fetch_images
    from picsum_vision.options import DescribeOptions as DescribeOptions
    from picsum_vision.options import DownloadOptions as DownloadOptions
    from picsum_vision.outcomes import DescribeStatus as DescribeStatus
    from picsum_vision.outcomes import DownloadStatus as DownloadStatus
    from picsum_vision.pipeline import run_pipeline as run_pipeline
    from picsum_vision.pipeline import run_stream as run_stream
    from picsum_vision.report.notebook import display_gallery as display_gallery
    from picsum_vision.run_progress import ProgressEvent as ProgressEvent
    from picsum_vision.run_report import RunReport as RunReport
    from picsum_vision.secrets import Secret as Secret
    from picsum_vision.sizing.plan import Plan as Plan
    from picsum_vision.sizing.plan import plan as plan
    from picsum_vision.sizing.result import SizingResult as SizingResult
    from picsum_vision.sizing.run import run_sizing as run_sizing
    from picsum_vision.spark.ai_query_function import register_ai_query as register_ai_query
    from picsum_vision.spark.estimate import CostEstimate as CostEstimate
    from picsum_vision.spark.estimate import estimate_cost as estimate_cost
    from picsum_vision.spark.generate import generate_urls as generate_urls
    from picsum_vision.spark.grouping import group_images as group_images
    from picsum_vision.spark.image_formats import as_binary_files as as_binary_files
    from picsum_vision.spark.image_formats import as_spark_images as as_spark_images
    from picsum_vision.spark.load_images import load_images as load_images
    from picsum_vision.spark.session import local_session as local_session
    from picsum_vision.spark.transforms import describe as describe
    from picsum_vision.spark.transforms import download as download
    from picsum_vision.spark.transforms import download_and_describe as download_and_describe
    from picsum_vision.spark.udf import download_udf as download_udf
    from picsum_vision.table_names import Tables as Tables

_HOME_OF = {
    "AiQuery": "describing.backends",
    "BatchChat": "describing.backends",
    "ChatCompletions": "describing.backends",
    "Classify": "describing.tasks",
    "ColumnError": "errors",
    "CostEstimate": "spark.estimate",
    "Describe": "describing.tasks",
    "DescribeOptions": "options",
    "DescribeStatus": "outcomes",
    "Diagnosis": "diagnosis.finding",
    "DownloadOptions": "options",
    "DownloadStatus": "outcomes",
    "EnvironmentProblem": "errors",
    "ExportReport": "exporting.export",
    "Extract": "describing.extract",
    "FetchedImage": "fetching.results",
    "ImageSourceError": "errors",
    "JavaProblem": "errors",
    "ListObjects": "describing.tasks",
    "MissingExtraError": "errors",
    "JobCancelled": "errors",
    "ModelProblem": "errors",
    "PicsumVisionError": "errors",
    "PipelineConfig": "config",
    "PixelDescriber": "describing.backends",
    "Plan": "sizing.plan",
    "PortInUse": "errors",
    "ProgressEvent": "run_progress",
    "PyFunc": "describing.backends",
    "ReadText": "describing.tasks",
    "RunReport": "run_report",
    "Secret": "secrets",
    "Sentiment": "describing.tasks",
    "SettingError": "errors",
    "SizingResult": "sizing.result",
    "TableProblem": "errors",
    "Tables": "table_names",
    "as_binary_files": "spark.image_formats",
    "as_spark_images": "spark.image_formats",
    "describe": "spark.transforms",
    "display_gallery": "report.notebook",
    "doctor": "diagnosis.doctor",
    "download": "spark.transforms",
    "download_and_describe": "spark.transforms",
    "download_udf": "spark.udf",
    "estimate_cost": "spark.estimate",
    "export": "exporting.export",
    "fetch_images": "fetching.sync",
    "fetch_images_async": "fetching.asynchronous",
    "generate_urls": "spark.generate",
    "group_images": "spark.grouping",
    "load_images": "spark.load_images",
    "local_session": "spark.session",
    "log_describer": "describing.model_logging",
    "plan": "sizing.plan",
    "register_ai_query": "spark.ai_query_function",
    "run_pipeline": "pipeline",
    "run_sizing": "sizing.run",
    "run_stream": "pipeline",
}

__all__ = [
    "AiQuery",
    "BatchChat",
    "ChatCompletions",
    "Classify",
    "ColumnError",
    "CostEstimate",
    "Describe",
    "DescribeOptions",
    "DescribeStatus",
    "Diagnosis",
    "DownloadOptions",
    "DownloadStatus",
    "EnvironmentProblem",
    "ExportReport",
    "Extract",
    "FetchedImage",
    "ImageSourceError",
    "JavaProblem",
    "JobCancelled",
    "ListObjects",
    "MissingExtraError",
    "ModelProblem",
    "PicsumVisionError",
    "PipelineConfig",
    "PixelDescriber",
    "Plan",
    "PortInUse",
    "ProgressEvent",
    "PyFunc",
    "ReadText",
    "RunReport",
    "Secret",
    "Sentiment",
    "SettingError",
    "SizingResult",
    "TableProblem",
    "Tables",
    "__version__",
    "as_binary_files",
    "as_spark_images",
    "describe",
    "display_gallery",
    "doctor",
    "download",
    "download_and_describe",
    "download_udf",
    "estimate_cost",
    "export",
    "fetch_images",
    "fetch_images_async",
    "generate_urls",
    "group_images",
    "load_images",
    "local_session",
    "log_describer",
    "plan",
    "register_ai_query",
    "run_pipeline",
    "run_sizing",
    "run_stream",
]


def __getattr__(name: str) -> Any:
    """Load a public name from where it lives."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_HOME_OF[name]}")
    except ImportError as error:
        if error.name not in ("pyspark", "pyspark.sql"):
            raise
        from picsum_vision.errors import MissingExtraError  # noqa: PLC0415 - only where something is missing

        raise MissingExtraError("pyspark", "local") from error
    value = getattr(module, name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    """Name what there is, loaded or not."""
    return sorted({*globals(), *__all__})
