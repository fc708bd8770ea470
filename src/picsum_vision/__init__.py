"""Images and their descriptions for columns of URLs, on Apache Spark.

Importing this package loads neither Spark nor MLflow nor an HTTP client; each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from picsum_vision._version import __version__

if TYPE_CHECKING:
    from picsum_vision.config import PipelineConfig as PipelineConfig
    from picsum_vision.describing.backends import AiQuery as AiQuery
    from picsum_vision.describing.backends import ChatCompletions as ChatCompletions
    from picsum_vision.describing.backends import PixelDescriber as PixelDescriber
    from picsum_vision.describing.backends import PyFunc as PyFunc
    from picsum_vision.describing.tasks import Classify as Classify
    from picsum_vision.describing.tasks import Describe as Describe
    from picsum_vision.describing.tasks import ListObjects as ListObjects
    from picsum_vision.describing.tasks import ReadText as ReadText
    from picsum_vision.describing.tasks import Sentiment as Sentiment
    from picsum_vision.errors import ColumnError as ColumnError
    from picsum_vision.errors import EnvironmentProblem as EnvironmentProblem
    from picsum_vision.errors import ImageSourceError as ImageSourceError
    from picsum_vision.errors import JavaProblem as JavaProblem
    from picsum_vision.errors import MissingExtraError as MissingExtraError
    from picsum_vision.errors import ModelProblem as ModelProblem
    from picsum_vision.errors import PicsumVisionError as PicsumVisionError
    from picsum_vision.errors import PortInUse as PortInUse
    from picsum_vision.errors import SettingError as SettingError
    from picsum_vision.errors import TableProblem as TableProblem
    from picsum_vision.options import DescribeOptions as DescribeOptions
    from picsum_vision.options import DownloadOptions as DownloadOptions
    from picsum_vision.outcomes import DescribeStatus as DescribeStatus
    from picsum_vision.outcomes import DownloadStatus as DownloadStatus
    from picsum_vision.pipeline import run_pipeline as run_pipeline
    from picsum_vision.run_report import RunReport as RunReport
    from picsum_vision.secrets import Secret as Secret
    from picsum_vision.spark.ai_query_function import register_ai_query as register_ai_query
    from picsum_vision.spark.generate import generate_urls as generate_urls
    from picsum_vision.spark.session import local_session as local_session
    from picsum_vision.spark.transforms import describe as describe_images
    from picsum_vision.spark.transforms import download as download_images
    from picsum_vision.table_names import Tables as Tables

_HOME_OF = {
    "AiQuery": "describe.backends",
    "ChatCompletions": "describe.backends",
    "Classify": "describe.tasks",
    "ColumnError": "errors",
    "Describe": "describe.tasks",
    "DescribeOptions": "options",
    "DescribeStatus": "outcomes",
    "DownloadOptions": "options",
    "DownloadStatus": "outcomes",
    "EnvironmentProblem": "errors",
    "ImageSourceError": "errors",
    "JavaProblem": "errors",
    "ListObjects": "describe.tasks",
    "MissingExtraError": "errors",
    "ModelProblem": "errors",
    "PicsumVisionError": "errors",
    "PipelineConfig": "config",
    "PixelDescriber": "describe.backends",
    "PortInUse": "errors",
    "PyFunc": "describe.backends",
    "ReadText": "describe.tasks",
    "RunReport": "run_report",
    "Secret": "secrets",
    "Sentiment": "describe.tasks",
    "SettingError": "errors",
    "TableProblem": "errors",
    "Tables": "table_names",
}
