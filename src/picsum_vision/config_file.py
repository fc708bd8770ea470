"""A whole job in one TOML file, or in a mapping of the same shape.

    images = 1000
    backend = { kind = "chat", base_url = "https://host/v1", model = "a-model", api_key_env = "MODEL_KEY" }
    task = { kind = "classify", labels = ["natura", "urbano"] }
    tables = { catalog = "main", schema = "pictures" }
    [download]
    total_timeout_s = 20
    headers = { Authorization = { databricks = "scope/key" } }

Keys are the names of the settings, but for two of a backend's: `model` is whatever names its model, and a key is one of
`api_key_env`, `api_key_file`, `api_key_databricks` and `api_key_databricks_oauth = { host = "https://...", client_id = "...",
client_secret = { env = "NAME" } }`. One that is unknown is an error, which names the nearest.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from picsum_vision.config import PipelineConfig
from picsum_vision.describing.backends import AiQuery, Backend, BatchChat, ChatCompletions, PixelDescriber, PyFunc
from picsum_vision.describing.extract import Extract
from picsum_vision.describing.tasks import Classify, Describe, ListObjects, ReadText, Sentiment, Task
from picsum_vision.errors import MissingExtraError, SettingError
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.secrets import Secret, Source
from picsum_vision.table_names import Tables
from picsum_vision.validation import check_choice, did_you_mean

TASKS: Final[Mapping[str, type[Task]]] = {task.name: task for task in (Describe, ListObjects, Sentiment, ReadText, Classify)}
_TASKS: Final[Mapping[str, type[Task]]] = {**TASKS, Extract.name: Extract}  # with those that no flag can say
BACKENDS: Final[Mapping[str, type[Any]]] = {
    "pixels": PixelDescriber, "chat": ChatCompletions, "batch-chat": BatchChat, "ai-query": AiQuery, "pyfunc": PyFunc,
}  # fmt: skip
KEY_SETTINGS: Final[Mapping[str, Source]] = {
    "api_key_env": "env", "api_key_file": "file",
    "api_key_databricks": "databricks", "api_key_databricks_oauth": "databricks_oauth",
}  # fmt: skip
_NAMES_THE_MODEL: Final = ("endpoint", "model_uri")
_FLAGS: Final = {"base_url": " (--endpoint-url)", "model": " (--model)"}  # of those that cannot be left out
_GROUPS: Final[Mapping[str, type[Any]]] = {"tables": Tables, "download": DownloadOptions, "describe": DescribeOptions}


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
        return tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
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


def of_kind(name: str, values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return a backend's or task's settings without what only other kinds than `kind` have; of the same kind, as they are."""
    keys: Mapping[str, Iterable[str]] = _backend_keys() if name == "backend" else _task_keys()
    first, *_ = keys  # what a file means that names none
    if values.get("kind", first) == kind:
        return dict(values)
    of_others = {key for each in keys.values() for key in each}.difference(keys.get(kind, ()))
    return {key: value for key, value in values.items() if key not in of_others}


def _group(name: str, values: Any, kind: type[Any]) -> Any:
    if not isinstance(values, Mapping):
        raise SettingError(f"{name}: {values!r} is not allowed; it must be a table of settings")
    _check_keys(f"{name}.", values, [field.name for field in dataclasses.fields(kind)])
    headers = {"headers": _headers(values["headers"])} if "headers" in values else {}
    return kind(**{**values, **headers})


def _headers(values: Any) -> dict[str, Any]:
    """Return the headers with a Secret for each value that is a table; no value is shown: it may be a key."""
    if not isinstance(values, Mapping):
        raise SettingError(
            'download.headers: it must be a table, as { Referer = "https://host/", Authorization = { env = "NAME" } }'
        )
    return {name: _header(f"download.headers.{name}", value) for name, value in values.items()}


def _header(setting: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if len(value) != 1 or not value.keys() <= set(KEY_SETTINGS.values()):
        raise SettingError(f"{setting}: it must be a text, or a table with one of {', '.join(KEY_SETTINGS.values())}")
    ((source, place),) = value.items()
    return _secret(setting, source, place)


def _table(name: str, value: Any) -> Mapping[str, Any]:
    """Accept `task = "classify"` for `task = { kind = "classify" }`."""
    if isinstance(value, str):
        return {"kind": value}
    if not isinstance(value, Mapping):
        raise SettingError(f"{name}: {value!r} is not allowed; it must be a name or a table with `kind`")
    return value


def _backend(values: Mapping[str, Any]) -> Backend:
    kind = values.get("kind", "pixels")
    check_choice("backend", kind, BACKENDS)
    arguments = _backend_keys()
    _check_keys("backend.", values, dict.fromkeys(["kind", *(key for each in arguments.values() for key in each)]))
    given = {key: value for key, value in values.items() if key != "kind" and value is not None}
    for key in given:
        if key not in arguments[kind]:
            others = ", ".join(repr(name) for name, each in arguments.items() if key in each)
            raise SettingError(
                f"backend.{key}: not used by the backend {kind!r}, only by {others}; leave it out, or choose another"
            )
    for field in dataclasses.fields(BACKENDS[kind]):
        key = _key_of(field.name)
        if field.default is field.default_factory is dataclasses.MISSING and key not in given:
            raise SettingError(f"backend.{key}: missing; the backend {kind!r} needs it{_FLAGS[key]}")
    backend: Backend = BACKENDS[kind](**{arguments[kind][key]: value for key, value in given.items()} | _api_key(given))
    return backend


def _backend_keys() -> dict[str, dict[str, str]]:
    """Return the keys of each kind of backend."""
    return {name: _arguments(each) for name, each in BACKENDS.items()}


def _task_keys() -> dict[str, list[str]]:
    """Return the keys of each kind of task."""
    return {name: [field.name for field in dataclasses.fields(each)] for name, each in _TASKS.items()}


def _arguments(kind: type[Any]) -> dict[str, str]:
    """Return the keys that a backend has in a file, each with the argument that it is for."""
    names = [field.name for field in dataclasses.fields(kind)]
    keys = {_key_of(name): name for name in names if name != "api_key"}
    return keys | (dict.fromkeys(KEY_SETTINGS, "api_key") if "api_key" in names else {})


def _key_of(argument: str) -> str:
    return "model" if argument in _NAMES_THE_MODEL else argument


def _api_key(given: Mapping[str, Any]) -> dict[str, Secret]:
    places = [key for key in KEY_SETTINGS if key in given]
    if not places:
        return {}
    if len(places) > 1:
        raise SettingError(f"{', '.join(f'backend.{key}' for key in places)}: more than one given; choose one")
    (key,) = places
    return {"api_key": _secret(f"backend.{key}", KEY_SETTINGS[key], given[key])}


def _secret(setting: str, source: Source, place: Any) -> Secret:
    try:
        if source == "databricks_oauth":
            client = _table(setting, place)
            _check_keys(f"{setting}.", client, ("host", "client_id", "client_secret"))
            made = {name: _header(f"{setting}.{name}", client.get(name)) for name in ("client_id", "client_secret")}
            return Secret.databricks_oauth(host=client.get("host", ""), **made)
        return Secret(source, place)
    except SettingError as error:
        raise SettingError(f"{setting}: {str(error).removeprefix('secret place: ')}") from None


def _task(values: Mapping[str, Any]) -> Task:
    kind = values.get("kind", "describe")
    check_choice("task", kind, _TASKS)
    settings = _task_keys()
    _check_keys("task.", values, dict.fromkeys(["kind", *(key for each in settings.values() for key in each)]))
    given = {key: value for key, value in values.items() if key != "kind" and value is not None}
    for key in given:
        if key not in settings[kind]:
            (owner,) = (name for name, each in settings.items() if key in each)
            raise SettingError(f"{key}: only for the task {owner!r}, not for {kind!r}")
    if isinstance(given.get("labels"), list):
        given["labels"] = tuple(given["labels"])
    if kind == Extract.name and not isinstance(given.get("schema"), str):
        raise SettingError(
            f'task.schema: the task {kind!r} needs its fields as a text, as in schema = "label STRING, people INT"'
        )
    return _TASKS[kind](**given)


def _check_keys(prefix: str, values: Mapping[str, Any], known: Iterable[str]) -> None:
    names = list(known)
    for key in values:
        if key not in names:
            raise SettingError(f"{prefix}{key}: no such setting{did_you_mean(key, names) or '; there are: ' + ', '.join(names)}")
