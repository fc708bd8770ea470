"""Who is asked about an image.

A backend is a small value that travels to the workers; clients and models are made where they run. There are two kinds, and they
are not forced into one protocol: `AiQuery` is planned on the driver as a Spark expression, the others work in the workers.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from picsum_vision.describing.tasks import Describe, ReadText, Task
from picsum_vision.errors import SettingError
from picsum_vision.secrets import Secret
from picsum_vision.urls import check_base_url
from picsum_vision.validation import check_choice, check_flag, check_integer, check_number, check_text

DEFAULT_ENDPOINT: Final = "databricks-llama-4-maverick"
# What a text is written in -> Tesseract's name for it, and the end of the system package's.
OCR_LANGUAGES: Final = {
    "it": "ita", "en": "eng", "de": "deu", "es": "spa", "fr": "fra", "nl": "nld", "pl": "pol", "pt": "por", "tr": "tur",
}  # fmt: skip
# What of a task an MLflow model can be told, by the name of its input or param.
TASK_WORDS: Final = ("prompt", "language")
_ENDPOINT: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_LONGEST_METADATA: Final = 512
_MODEL_URI: Final = re.compile(r"(models|runs|mlflow-artifacts|file|s3|gs|dbfs|abfss?|wasbs?|https?):/.+")


@dataclasses.dataclass(frozen=True)
class AiQuery:
    """The platform's own `ai_query` function: the platform runs the model. `endpoint` is a serving endpoint's name.

    Needs Databricks (a serverless warehouse or Runtime 15.4 and later), or :func:`picsum_vision.register_ai_query` elsewhere.
    """

    endpoint: str = DEFAULT_ENDPOINT
    function: str = "ai_query"

    def __post_init__(self) -> None:
        """Check the endpoint's name: it becomes a literal of a SQL expression."""
        for setting, value in (("endpoint", self.endpoint), ("function", self.function)):
            if not isinstance(value, str) or not _ENDPOINT.fullmatch(value):
                raise SettingError(f"{setting}: {value!r} is not allowed; it must be a name of letters, digits, '-', '_' and '.'")

    @property
    def model_name(self) -> str:
        """What `describe_outcome.model` says."""
        return self.endpoint


@dataclasses.dataclass(frozen=True)
class ChatCompletions:
    """Any OpenAI-compatible endpoint. `base_url` is what the model's maker gives, as in `https://host/v1`.

    Also Databricks' `https://workspace/serving-endpoints` with the endpoint as `model`, and a whole `.../invocations` address.
    `api_key` is
    where the workers read the key. `max_images_per_request` is the model's own limit where a row has several images. `send` "url"
    sends the addresses of a STRING column instead of bytes, for models that fetch images themselves.
    """

    base_url: str
    model: str
    _: dataclasses.KW_ONLY
    api_key: Secret | None = None
    max_images_per_request: int = 500
    send: Literal["bytes", "url"] = "bytes"

    def __post_init__(self) -> None:
        """Check every setting."""
        _check_chat_endpoint(self)

    @property
    def model_name(self) -> str:
        """What `describe_outcome.model` says."""
        return self.model


@dataclasses.dataclass(frozen=True)
class BatchChat:
    """A batch endpoint as OpenAI has it (`/files` and `/batches`): half the price, answers within `completion_window`.

    `base_url`, `model`, `api_key`, `max_images_per_request` and `send` as for :class:`ChatCompletions`. Each task uploads its
    questions in files of at most `max_requests_per_file` and `max_bytes_per_file`, looks at their batches every
    `poll_interval_s`, and waits at most `max_wait_s`; rows that are not answered by then are `timeout`, and a later run
    collects them. What was submitted under the name `job` is found on the endpoint by its content and never submitted again;
    `state` is a folder that all workers see, for endpoints that cannot list their batches. Prices are multiplied by
    `price_factor`.
    """

    base_url: str
    model: str
    _: dataclasses.KW_ONLY
    api_key: Secret | None = None
    max_images_per_request: int = 500
    send: Literal["bytes", "url"] = "bytes"
    job: str = "picsum-vision"
    completion_window: str = "24h"
    poll_interval_s: float = 60
    max_wait_s: float = 93_600
    max_requests_per_file: int = 50_000
    max_bytes_per_file: int = 200_000_000
    state: str | None = None
    price_factor: float = 0.5

    def __post_init__(self) -> None:
        """Check every setting."""
        _check_chat_endpoint(self)
        check_text("job", self.job)
        if len(self.job) > _LONGEST_METADATA:
            raise SettingError(f"job: {self.job!r} is not allowed; it must have at most {_LONGEST_METADATA} characters")
        check_text("completion_window", self.completion_window)
        check_number("poll_interval_s", self.poll_interval_s, above=0)
        check_number("max_wait_s", self.max_wait_s, minimum=0)
        check_integer("max_requests_per_file", self.max_requests_per_file, minimum=1)
        check_integer("max_bytes_per_file", self.max_bytes_per_file, minimum=10_000)
        check_text("state", self.state, optional=True)
        check_number("price_factor", self.price_factor, minimum=0)

    @property
    def model_name(self) -> str:
        """What `describe_outcome.model` says."""
        return self.model


@dataclasses.dataclass(frozen=True)
class PyFunc:
    """An MLflow model, loaded once per worker process: `models:/name@alias`, `runs:/...`, or a folder that workers see.

    It is asked with a DataFrame of one BINARY column (`image_column`, the only one of its signature if None) and answers with one
    text a row. The task's prompt and language go to the inputs or params of its signature that are named `prompt` and `language`;
    `params` are further params of the signature. A batch has at most `max_batch_images` images and `max_batch_bytes` bytes, and
    waits at most `max_batch_wait_ms` after its first image.
    """

    model_uri: str
    _: dataclasses.KW_ONLY
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    image_column: str | None = None
    max_batch_images: int = 32
    max_batch_bytes: int = 64_000_000
    max_batch_wait_ms: int = 20

    def __post_init__(self) -> None:
        """Check every setting."""
        object.__setattr__(self, "params", _plain_params(self.params))
        check_text("image_column", self.image_column, optional=True)
        check_integer("max_batch_images", self.max_batch_images, minimum=1)
        check_integer("max_batch_bytes", self.max_batch_bytes, minimum=1)
        check_integer("max_batch_wait_ms", self.max_batch_wait_ms, minimum=0, maximum=60_000)
        check_text("model_uri", self.model_uri)
        if not _MODEL_URI.fullmatch(self.model_uri) and not self.model_uri.startswith(("/", "./")):
            raise SettingError(
                f"model_uri: {self.model_uri!r} is not allowed; it must be like models:/name@alias, runs:/id/path or a path"
            )

    @property
    def model_name(self) -> str:
        """What `describe_outcome.model` says."""
        return self.model_uri


@dataclasses.dataclass(frozen=True)
class PixelDescriber:
    """The embedded default: no model and no network; it says in plain words only what it can measure in the pixels.

    `faces`: frontal faces are counted as well, with OpenCV's cascade (extra `faces`). The task :class:`ReadText` is answered by
    Tesseract (extra `ocr`, and the system package tesseract-ocr on every worker).
    """

    _: dataclasses.KW_ONLY
    faces: bool = False

    def __post_init__(self) -> None:
        """Check every setting."""
        check_flag("faces", self.faces)

    @property
    def model_name(self) -> str:
        """What `describe_outcome.model` says."""
        return "pixels+faces" if self.faces else "pixels"


ChatBackend = ChatCompletions | BatchChat
WorkerBackend = ChatCompletions | PyFunc | PixelDescriber
Backend = AiQuery | BatchChat | WorkerBackend


def check_backend(backend: Backend, task: Task) -> None:
    """Refuse what is no backend or task, and what the backend cannot do, before anything is started."""
    if not isinstance(backend, (AiQuery, BatchChat, ChatCompletions, PyFunc, PixelDescriber)):
        raise SettingError(
            f"backend: {type(backend).__name__} is not allowed; it must be AiQuery, BatchChat, ChatCompletions, PyFunc or "
            "PixelDescriber"
        )
    if not isinstance(task, Task):
        raise SettingError(f"task: {type(task).__name__} is not allowed; it must be Describe(), ListObjects(), Classify(), ...")
    if isinstance(backend, PixelDescriber):
        _check_pixel_task(backend, task)


def _check_chat_endpoint(backend: ChatBackend) -> None:
    """Check what all chat endpoints have in common, and leave the path of one of their routes out of the address."""
    check_integer("max_images_per_request", backend.max_images_per_request, minimum=1)
    check_choice("send", backend.send, ("bytes", "url"))
    address = check_base_url("base_url", backend.base_url)
    object.__setattr__(backend, "base_url", address.removesuffix("/chat/completions"))
    check_text("model", backend.model)
    if backend.api_key is not None and not isinstance(backend.api_key, Secret):
        # The value is not shown: it may be the key itself.
        raise SettingError("api_key: not a Secret; write Secret.env('NAME_OF_THE_VARIABLE'), never the key itself")


def _plain_params(params: Any) -> dict[str, Any]:
    """Return a copy that nobody changes: what is asked has to be the same in every process."""
    if not isinstance(params, Mapping) or not all(isinstance(name, str) for name in params):
        raise SettingError(f"params: {type(params).__name__} is not allowed; it must be a mapping of names to values")
    for word in TASK_WORDS:
        if word in params:
            raise SettingError(f"params: {word!r} is not allowed; it is the task's, as in Describe({word}=...)")
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(params), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise SettingError(f"params: not allowed ({error}); values must be texts, numbers, lists, as JSON has them") from None
    return plain


def _check_pixel_task(backend: PixelDescriber, task: Task) -> None:
    if not isinstance(task, (Describe, ReadText)):
        raise SettingError(
            f"task: {task.name!r} needs a vision model, and PixelDescriber has none; use ChatCompletions, AiQuery or PyFunc"
            " (PixelDescriber has Describe, and ReadText with the extra ocr)"
        )
    if isinstance(task, Describe) and task.language not in ("it", "en"):
        raise SettingError(f"language: {task.language!r} is not allowed; PixelDescriber writes it and en")
    if isinstance(task, ReadText) and task.language.partition("-")[0].lower() not in OCR_LANGUAGES:
        raise SettingError(f"language: {task.language!r} is not allowed; PixelDescriber reads {', '.join(OCR_LANGUAGES)}")
    if isinstance(task, ReadText) and backend.faces:
        raise SettingError("faces: a ReadText task counts no faces; leave it out")
    if task.prompt is not None:
        raise SettingError("prompt: PixelDescriber answers no questions; use ChatCompletions, AiQuery or PyFunc, or leave it out")
