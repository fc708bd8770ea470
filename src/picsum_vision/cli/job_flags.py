"""The flags that several commands have, and the job that those of `run` and `doctor` make, with or without a file."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Optional, get_args

import typer

from picsum_vision.cli.added_flags import added_flag, shown_as
from picsum_vision.cli.completion import one_of
from picsum_vision.cli.session import choose_tables
from picsum_vision.config import OnNewQuestion, PipelineConfig, WhenBusy
from picsum_vision.config_file import BACKENDS, KEY_SETTINGS, TASKS, job_config, of_kind, read_config_file
from picsum_vision.describing.backends import DEFAULT_ENDPOINT
from picsum_vision.describing.tasks import DEFAULT_LABELS
from picsum_vision.errors import SettingError
from picsum_vision.options import DescribeOptions, DownloadOptions

Text = Optional[str]
Number = Optional[int]
Fraction = Optional[float]
Switch = Optional[bool]

_IN_FLIGHT: Final = f"{DownloadOptions.max_in_flight_per_task} downloads, {DescribeOptions.max_in_flight_per_task} questions"

Config = Annotated[Text, typer.Option(help="A TOML file with the whole job; a flag wins over it.")]
TablesConfig = Annotated[Text, typer.Option("--config", help="The job's TOML file, if its tables have names of its own.")]
Images = Annotated[Number, typer.Option(help="How many images. [default: 1000]")]
Start = Annotated[Number, typer.Option(help="From which number on. [default: 1]")]
By = Annotated[Text, typer.Option(help="id, seed or list. [default: id]", autocompletion=one_of("id", "seed", "list"))]
Width = Annotated[Number, typer.Option(help="Pixels, 0 to 5000. [default: 800]")]
Height = Annotated[Number, typer.Option(help="Pixels, 0 to 5000. [default: 600]")]
BaseUrl = Annotated[Text, typer.Option(help="The image host. [default: https://picsum.photos]")]
UrlsFrom = Annotated[Text, typer.Option(help="Your own URLs: a .parquet, .csv, .tsv or .txt file, or a table.")]
UrlCol = Annotated[Text, typer.Option(help="The column of --urls-from. [default: image_url]")]
Output = Annotated[Text, typer.Option(help="The folder of the tables. [default: picsum-vision-data]")]
Catalog = Annotated[Text, typer.Option(help="[default: platform_catalog]")]
Schema = Annotated[Text, typer.Option(help="[default: marketplace]")]
TableFormat = Annotated[
    Text,
    typer.Option(
        "--format",
        help="iceberg, or delta by path. [default: delta where the file says tables.path, else iceberg]",
        autocompletion=one_of("iceberg", "delta"),
    ),
]
Backend = Annotated[
    Text, typer.Option(help="pixels, chat, batch-chat, ai-query or pyfunc. [default: pixels]", autocompletion=one_of(*BACKENDS))
]
EndpointUrl = Annotated[Text, typer.Option(help="For chat and batch-chat: as in https://host/v1.")]
Model = Annotated[
    Text,
    typer.Option(help=f"A model's name, a serving endpoint, or an MLflow model URI. [default: {DEFAULT_ENDPOINT}, for ai-query]"),
]
ApiKeyEnv = Annotated[Text, typer.Option(help="The environment variable that holds the key.")]
TaskName = Annotated[
    Text,
    typer.Option(
        help="describe, objects, sentiment, text or classify; extract in --config only. [default: describe]",
        autocompletion=one_of(*TASKS),
    ),
]
Labels = Annotated[Text, typer.Option(help=f"For classify: a,b,c. [default: {','.join(DEFAULT_LABELS)}]")]
Language = Annotated[Text, typer.Option(help="Of the answer: it, en, ... [default: it]")]
Prompt = Annotated[Text, typer.Option(help="A question of your own.")]
MaxInFlight = Annotated[
    Number, typer.Option(help=f"Requests at once in one task, of downloads and of questions. [default: {_IN_FLIGHT}]")
]
Timeout = Annotated[Fraction, typer.Option(help="Seconds for one download. [default: 10]")]
Partitions = Annotated[Number, typer.Option(help="Tasks. [default: as many as run at once]")]
PerMinute = Annotated[Number, typer.Option(help="To the model, by the whole job.")]
Overwrite = Annotated[Switch, typer.Option("--overwrite", help="Empty the tables first, and do everything again.")]
KeepImages = Annotated[
    Switch,
    typer.Option("--keep-images/--no-keep-images", help="Keep the bytes in image_codes. [default: keep-images]"),
]
RetryFailed = Annotated[Switch, typer.Option("--retry-failed", help="Try again what failed and can change.")]
RetryPermanent = Annotated[Switch, typer.Option("--retry-permanent", help="Try again all that failed, as 404 or too_large.")]
NewQuestion = Annotated[
    Text,
    typer.Option(
        help="Another model, task or prompt: replace the answers, or keep_both. [default: replace]",
        autocompletion=one_of(*get_args(OnNewQuestion)),
    ),
]
DescribeUnknown = Annotated[
    Switch, typer.Option("--describe-unknown", help="Ask anew about rows with no record of their question.")
]
Busy = Annotated[
    Text,
    typer.Option(
        help="While another run is at work: wait or refuse. [default: wait]", autocompletion=one_of(*get_args(WhenBusy))
    ),
]
CheckpointInterval = Annotated[Fraction, typer.Option(help="Seconds from one commit to the next. [default: 60]")]
MinOkShare = Annotated[Fraction, typer.Option(help="Exit with 3 if fewer rows than this share are ok.")]
LogToMlflow = Annotated[Switch, typer.Option("--log-to-mlflow", help="Keep the run as an MLflow run, too.")]
AllowPrivateAddresses = Annotated[Switch, typer.Option("--allow-private-addresses", help="Reach loopback and private hosts.")]
Master = Annotated[Text, typer.Option(help="Spark's master, as in spark://host:7077. [default: local[*]]")]
Remote = Annotated[Text, typer.Option(help="Spark Connect, as in sc://host or local[2].")]
FullUrls = Annotated[
    bool, typer.Option("--full-urls", help="Keep users, passwords and queries that may be keys in the URLs that are written.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.")]

# The flags that make a job, with their types, in the order of the help.
_FLAGS: Final[Mapping[str, Any]] = {
    "config": Config, "images": Images, "start": Start, "by": By, "width": Width, "height": Height, "base_url": BaseUrl,
    "urls_from": UrlsFrom, "url_col": UrlCol, "output": Output, "catalog": Catalog, "schema": Schema,
    "table_format": TableFormat, "backend": Backend, "endpoint_url": EndpointUrl, "model": Model, "api_key_env": ApiKeyEnv,
    "task": TaskName, "labels": Labels, "language": Language, "prompt": Prompt, "max_in_flight": MaxInFlight,
    "timeout": Timeout, "partitions": Partitions, "requests_per_minute": PerMinute, "tokens_per_minute": PerMinute,
    "overwrite": Overwrite, "keep_images": KeepImages, "retry_failed": RetryFailed, "retry_permanent": RetryPermanent,
    "on_new_question": NewQuestion, "describe_unknown": DescribeUnknown, "when_busy": Busy,
    "checkpoint_interval": CheckpointInterval, "min_ok_share": MinOkShare, "log_to_mlflow": LogToMlflow,
    "allow_private_addresses": AllowPrivateAddresses, "master": Master, "remote": Remote,
}  # fmt: skip
# A setting of the job -> the flag that sets it.
_JOB: Final[Mapping[str, str]] = {
    **{
        name: name
        for name in (
            "images", "start", "by", "width", "height", "base_url", "urls_from", "url_col", "partitions", "keep_images",
            "retry_failed", "retry_permanent", "on_new_question", "describe_unknown", "when_busy", "min_ok_share",
            "log_to_mlflow",
        )
    },
    "checkpoint_interval_s": "checkpoint_interval",
}  # fmt: skip
_GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "backend": {"kind": "backend", "base_url": "endpoint_url", "model": "model", "api_key_env": "api_key_env"},
    "task": {"kind": "task", "labels": "labels", "language": "language", "prompt": "prompt"},
    "download": {
        "total_timeout_s": "timeout", "max_in_flight_per_task": "max_in_flight",
        "allow_private_addresses": "allow_private_addresses",
    },
    "describe": {
        "max_in_flight_per_task": "max_in_flight", "requests_per_minute_total": "requests_per_minute",
        "tokens_per_minute_total": "tokens_per_minute",
    },
}  # fmt: skip
_TABLES: Final = ("output", "catalog", "schema", "table_format", "master", "remote")


def with_job_flags(command: Callable[..., int]) -> Callable[..., int]:
    """Return the command with every flag of a job before its own; its first parameter is given them all, by their names."""

    @functools.wraps(command)
    def call(**given: Any) -> int:
        return command({name: given.pop(name) for name in _FLAGS}, **given)

    added = [added_flag(name, kind, None) for name, kind in _FLAGS.items()]
    return shown_as(call, command, lambda own: [*added, *own[1:]])


def job_of(flags: Mapping[str, Any]) -> tuple[PipelineConfig, str | None]:
    """Return the job that a command's flags and its file say, and the folder of its tables, None where a catalog holds them.

    `flags` are those that :func:`with_job_flags` gives; one that was not given is None.
    """
    settings = {setting: flags[flag] for setting, flag in _JOB.items()}
    settings["mode"] = "overwrite" if flags["overwrite"] else None
    groups = {name: {setting: flags[flag] for setting, flag in group.items()} for name, group in _GROUPS.items()}
    if flags["labels"] is not None:
        groups["task"]["labels"] = flags["labels"].split(",")
    of_file = read_config_file(flags["config"]) if flags["config"] else {}
    if flags["api_key_env"] is not None and isinstance(of_file.get("backend"), dict):
        # Wherever the file says that the key is, the flag says otherwise.
        of_file["backend"] = {name: value for name, value in of_file["backend"].items() if name not in KEY_SETTINGS}
    job = job_config(_merged(of_file, settings, groups))
    tables, folder = choose_tables(job.tables, **{name: flags[name] for name in _TABLES})
    return dataclasses.replace(job, tables=tables), folder


def _merged(settings: dict[str, Any], flags: dict[str, Any], groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the file's settings with the flags that were given in their place."""
    merged = settings | {name: value for name, value in flags.items() if value is not None}
    for name, values in groups.items():
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            there = merged.get(name, {})
            there = {"kind": there} if isinstance(there, str) else there
            if not isinstance(there, dict):
                raise SettingError(f"{name}: {there!r} is not allowed; it must be a table of settings")
            # Another kind of backend or task takes of the file's what it knows; what a flag says, it must know.
            of_file = of_kind(name, there, given["kind"]) if "kind" in given else there
            merged[name] = of_file | given
    return merged
