"""A whole job in one TOML file, or in a mapping of the same shape.

    images = 1000
    backend = { kind = "chat", base_url = "https://host/v1", model = "a-model", api_key_env = "MODEL_KEY" }
    task = { kind = "classify", labels = ["natura", "urbano"] }
    tables = { catalog = "main", schema = "pictures" }
    [download]
    total_timeout_s = 20

Keys are the names of the settings. One that is unknown is an error, which names the nearest.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from picsum_vision.config import PipelineConfig
from picsum_vision.describing.backends import DEFAULT_ENDPOINT, AiQuery, Backend, ChatCompletions, PixelDescriber, PyFunc
from picsum_vision.describing.tasks import Classify, Describe, ListObjects, ReadText, Sentiment, Task
from picsum_vision.errors import MissingExtraError, SettingError
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.secrets import Secret
from picsum_vision.table_names import Tables
from picsum_vision.validation import check_choice, did_you_mean

TASKS: Final[Mapping[str, type[Task]]] = {task.name: task for task in (Describe, ListObjects, Sentiment, ReadText, Classify)}
BACKENDS: Final = ("pixels", "chat", "ai-query", "pyfunc")
_GROUPS: Final[Mapping[str, type[Any]]] = {"tables": Tables, "download": DownloadOptions, "describe": DescribeOptions}
_BACKEND_KEYS: Final = ("kind", "base_url", "model", "api_key_env", "api_key_file")
_TASK_KEYS: Final = ("kind", "labels", "language", "prompt")


def read_config_file(path: str | Path) -> dict[str, Any]:
    """Return the file's settings as a mapping; raises SettingError in one line."""
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - not in Python 3.10
    else:
        try:
            import tomli as tomllib  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtraError("tomli", "cli") from error
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"config: {str(path)!r} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"config: {str(path)!r} is not TOML: {error}") from error


def job_config(settings: Mapping[str, Any]) -> PipelineConfig:
    """Return the job that the mapping says."""
    known = [field.name for field in dataclasses.fields(PipelineConfig)]
    _check_keys("", settings, known)
    made: dict[str, Any] = dict(settings)
    for name, kind in _GROUPS.items():
        if name in settings:
            made[name] = _group(name, settings[name], kind)
    if "backend" in settings:
        made["backend"] = _backend(_table("backend", settings["backend"]))
    if "task" in settings:
        made["task"] = _task(_table("task", settings["task"]))
    return PipelineConfig(**made)


def _group(name: str, values: Any, kind: type[Any]) -> Any:
    if not isinstance(values, Mapping):
        raise SettingError(f"{name}: {values!r} is not allowed; it must be a table of settings")
    _check_keys(f"{name}.", values, [field.name for field in dataclasses.fields(kind)])
    return kind(**values)


def _table(name: str, value: Any) -> Mapping[str, Any]:
    """Accept `task = "classify"` for `task = { kind = "classify" }`."""
    if isinstance(value, str):
        return {"kind": value}
    if not isinstance(value, Mapping):
        raise SettingError(f"{name}: {value!r} is not allowed; it must be a name or a table with `kind`")
    return value


def _backend(values: Mapping[str, Any]) -> Backend:
    _check_keys("backend.", values, _BACKEND_KEYS)
    kind = values.get("kind", "pixels")
    check_choice("backend", kind, BACKENDS)
    if kind == "chat":
        return ChatCompletions(_needed(values, "base_url", kind), _needed(values, "model", kind), api_key=_key(values))
    for key in ("base_url", "api_key_env", "api_key_file", *(("model",) if kind == "pixels" else ())):
        if values.get(key) is not None:
            raise SettingError(f"backend.{key}: not used by the backend {kind!r}; leave it out, or use the backend 'chat'")
    if kind == "pyfunc":
        return PyFunc(_needed(values, "model", kind))
    return AiQuery(values.get("model") or DEFAULT_ENDPOINT) if kind == "ai-query" else PixelDescriber()


def _needed(values: Mapping[str, Any], key: str, kind: str) -> Any:
    if values.get(key) is None:
        flag = {"base_url": "--endpoint-url", "model": "--model"}[key]
        raise SettingError(f"backend.{key}: missing; the backend {kind!r} needs it ({flag})")
    return values[key]


def _key(values: Mapping[str, Any]) -> Secret | None:
    if values.get("api_key_env") is not None:
        return Secret.env(values["api_key_env"])
    return Secret.file(values["api_key_file"]) if values.get("api_key_file") is not None else None


def _task(values: Mapping[str, Any]) -> Task:
    _check_keys("task.", values, _TASK_KEYS)
    kind = values.get("kind", "describe")
    check_choice("task", kind, TASKS)
    given = {key: value for key, value in values.items() if key != "kind" and value is not None}
    if "labels" in given and kind != "classify":
        raise SettingError(f"labels: only for the task 'classify', not for {kind!r}")
    if "labels" in given:
        given["labels"] = tuple(given["labels"]) if isinstance(given["labels"], list) else given["labels"]
    return TASKS[kind](**given)


def _check_keys(prefix: str, values: Mapping[str, Any], known: Iterable[str]) -> None:
    names = list(known)
    for key in values:
        if key not in names:
            raise SettingError(f"{prefix}{key}: no such setting{did_you_mean(key, names) or '; there are: ' + ', '.join(names)}")
