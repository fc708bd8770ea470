"""`picsum-vision bench`: measure the job here at several sizes, and compare two such measurements."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import Shown, progress, set_down
from picsum_vision.cli.job_flags import Fraction, Number, Text
from picsum_vision.cli.loud_commands import with_loudness
from picsum_vision.cli.session import choose_tables, open_session
from picsum_vision.config_file import job_config
from picsum_vision.errors import SettingError
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.sizing.places import prepared_folder, tracking_address
from picsum_vision.sizing.settings import SizingConfig, check_politeness, rows_asked_for, sizes_from_text
from picsum_vision.table_names import Tables

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizingResult


DEFAULT_FOLDER = "picsum-vision-sizing"

bench_app = typer.Typer(pretty_exceptions_enable=False, invoke_without_command=True)


def bench(
    *,
    context: typer.Context,
    sizes: Annotated[str, typer.Option(help="How many images, as in 100,1000,5000.")] = "100,1000,5000",
    repeats: Annotated[int, typer.Option(help="How often each size is measured.")] = 3,
    stages: Annotated[str, typer.Option(help="Which of urls,download,describe,total.")] = "urls,download,describe,total",
    output: Annotated[str, typer.Option(help="The folder of results, table, plots and MLflow's file.")] = DEFAULT_FOLDER,
    tracking_uri: Annotated[Text, typer.Option(help="MLflow's store. [default: a file of SQLite in the folder]")] = None,
    experiment: Annotated[Text, typer.Option(help="MLflow's experiment. [default: picsum-vision sizing]")] = None,
    no_tracking: Annotated[bool, typer.Option("--no-tracking", help="Keep nothing in MLflow.")] = False,
    base_url: Annotated[Text, typer.Option(help="A real image host. [default: a server of this suite]")] = None,
    by: Annotated[str, typer.Option(help="id, seed or list.")] = "seed",
    width: Annotated[int, typer.Option(help="Pixels.")] = 800,
    height: Annotated[int, typer.Option(help="Pixels.")] = 600,
    backend: Annotated[Text, typer.Option(help="pixels, chat, ai-query or pyfunc. [default: a server of this suite]")] = None,
    endpoint_url: Annotated[Text, typer.Option(help="A real model, as in https://host/v1.")] = None,
    model: Annotated[Text, typer.Option(help="Its name.")] = None,
    api_key_env: Annotated[Text, typer.Option(help="The environment variable that holds its key.")] = None,
    input_price_per_million_tokens: Annotated[Fraction, typer.Option(help="For the estimate of its cost.")] = None,
    output_price_per_million_tokens: Annotated[Fraction, typer.Option(help="The same for what it writes.")] = None,
    image_latency_mean: Annotated[float, typer.Option(help="Seconds that the suite's image server waits at each hop.")] = 0.25,
    model_latency_mean: Annotated[float, typer.Option(help="Seconds that the suite's model server waits.")] = 1.0,
    download_in_flight: Annotated[
        Number, typer.Option(help="Downloads at once in one task. [default: 512, real hosts 64]")
    ] = None,
    model_in_flight: Annotated[Number, typer.Option(help="Questions at once in one task. [default: 128, real models 32]")] = None,
    requests_per_second_per_host: Annotated[Fraction, typer.Option(help="To each image host, by the whole job.")] = None,
    requests_per_minute: Annotated[Number, typer.Option(help="To the model, by the whole job.")] = None,
    tokens_per_minute: Annotated[Number, typer.Option(help="To the model, by the whole job.")] = None,
    partitions: Annotated[Number, typer.Option(help="Tasks. [default: as many as run at once]")] = None,
    notebook_images: Annotated[
        Number, typer.Option(help="For the notebook's own method; 0 leaves it out. [default: 10 a task]")
    ] = None,
    allow_private_addresses: Annotated[bool, typer.Option("--allow-private-addresses", help="Of a real image host.")] = False,
    fit_from: Annotated[Text, typer.Option(help="A result by which the sizes are predicted before they are measured.")] = None,
    serve_on: Annotated[
        str, typer.Option(help="This machine's address that the workers reach, for the suite's servers.")
    ] = "127.0.0.1",
    catalog: Annotated[Text, typer.Option(help="Where the suite's tables are. [default: platform_catalog]")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Load a real host or model without asking.")] = False,
    master: Annotated[Text, typer.Option(help="Spark's master. [default: local[*]]")] = None,
    remote: job_flags.Remote = None,
    as_json: job_flags.AsJson = False,
) -> int:
    """Measure the stages and the whole job at each size, against servers of its own with a stated latency.

    picsum-vision bench --sizes 100,1000,5000

    picsum-vision bench compare RUN RUN
    """
    if context.invoked_subcommand is not None:
        return 0
    settings: dict[str, Any] = {
        "sizes": sizes_from_text(sizes), "repeats": repeats, "stages": tuple(word.strip() for word in stages.split(",")),
        "base_url": base_url, "by": by, "width": width, "height": height,
        "backend": _backend(backend, endpoint_url, model, api_key_env),
        "download": _download(base_url, download_in_flight, requests_per_second_per_host, private=allow_private_addresses),
        "describe": _describe(
            model_in_flight, requests_per_minute, tokens_per_minute, input_price_per_million_tokens,
            output_price_per_million_tokens, own=backend is None and endpoint_url is None,
        ),
        "partitions": partitions, "image_latency_mean_s": image_latency_mean, "model_latency_mean_s": model_latency_mean,
        "notebook_images": notebook_images, "serve_on": serve_on,
    }  # fmt: skip
    result = _measure(
        settings, output=output, catalog=catalog, master=master, remote=remote, is_confirmed=yes,
        kept={"tracking": not no_tracking, "tracking_uri": tracking_uri, "experiment": experiment, "fit_from": fit_from},
    )  # fmt: skip
    print(json.dumps(result.as_dict()) if as_json else result)
    if not as_json:
        print(f"results: {Path(output).expanduser().absolute()}")
    return 0


def compare(
    *,
    before: Annotated[str, typer.Argument(metavar="RUN", help="A result's file or folder, a suite's id, or its MLflow run.")],
    after: Annotated[str, typer.Argument(metavar="RUN", help="The one to compare with it.")],
    tracking_uri: Annotated[Text, typer.Option(help="MLflow's store. [default: a file of SQLite in the folder]")] = None,
    output: Annotated[str, typer.Option(help="The folder of results, as given to bench.")] = DEFAULT_FOLDER,
    as_json: job_flags.AsJson = False,
) -> int:
    """Say what has changed between two suites, and whether it is more than noise.

    picsum-vision bench compare before/sizing.json after/sizing.json
    """
    from picsum_vision.sizing.compare import comparison, comparison_dict  # noqa: PLC0415 - only where it is used
    from picsum_vision.sizing.tracking import find_result  # noqa: PLC0415 - the same

    folder = Path(output).expanduser().absolute()
    first, second = (find_result(run, tracking_uri, folder) for run in (before, after))
    print(json.dumps(comparison_dict(first, second)) if as_json else comparison(first, second))
    return 0


bench_app.callback()(with_loudness(bench))
bench_app.command("compare")(with_loudness(compare))


def _measure(
    settings: dict[str, Any], *, output: str, catalog: str | None, master: str | None, remote: str | None,
    is_confirmed: bool, kept: dict[str, Any],
) -> SizingResult:  # fmt: skip
    names: dict[str, Any] = {} if catalog is None else {"catalog": catalog}
    config = SizingConfig(**settings, **names)  # checked before Spark is started
    check_politeness(config, rows_asked_for(config, 1, "download"))
    if kept["tracking"] and kept["tracking_uri"]:
        tracking_address(kept["tracking_uri"], Path(output))  # refused before there is a folder
    tables, here = choose_tables(
        Tables(), output=None, catalog=catalog, schema=None, table_format="iceberg", master=master, remote=remote
    )
    from picsum_vision.sizing.artefacts import require_matplotlib  # noqa: PLC0415 - an extra

    require_matplotlib()
    folder = prepared_folder(output)
    if kept["tracking"]:
        tracking_address(kept["tracking_uri"], folder)
    with progress() as say:
        say("starting Spark")
        spark = open_session(tables, None if here is None else str(folder / "tables"), master=master, remote=remote)
        from picsum_vision.sizing.run import run_sizing  # noqa: PLC0415 - Spark only where it is used

        kept["fit_from"] = (kept["fit_from"],) if kept["fit_from"] else ()
        confirm = True if is_confirmed else functools.partial(_ask, shown=say)
        return run_sizing(
            spark, settings.pop("sizes"), **settings, catalog=tables.catalog, output=folder, confirm=confirm, progress=say, **kept
        )


def _ask(estimate: str, *, shown: Callable[[Shown], None]) -> bool:
    """Ask on the terminal, on which nothing is drawn meanwhile; where nobody sits, nobody has agreed."""
    if not sys.stdin.isatty():
        return False
    with set_down(shown):
        return typer.confirm(f"{estimate}. Go on?", err=True)


def _backend(kind: str | None, endpoint_url: str | None, model: str | None, api_key_env: str | None) -> Any:
    if kind is None and endpoint_url is None:
        if model is not None or api_key_env is not None:
            raise SettingError(
                "model, api_key_env: not used by the suite's own server; give --endpoint-url or --backend with them"
            )
        return None
    values = {"kind": kind or "chat", "base_url": endpoint_url, "model": model, "api_key_env": api_key_env}
    return job_config({"backend": {name: value for name, value in values.items() if value is not None}}).backend


def _download(base_url: str | None, in_flight: int | None, per_second: float | None, *, private: bool) -> DownloadOptions | None:
    given: dict[str, Any] = {"max_in_flight_per_task": in_flight, "requests_per_second_per_host_total": per_second}
    given = {name: value for name, value in given.items() if value is not None}
    if private:
        given["allow_private_addresses"] = True
    return dataclasses.replace(SizingConfig.usual_download(base_url), **given) if given else None


def _describe(
    in_flight: int | None,
    per_minute: int | None,
    tokens: int | None,
    price_in: float | None,
    price_out: float | None,
    *,
    own: bool,
) -> DescribeOptions | None:
    given: dict[str, Any] = {
        "max_in_flight_per_task": in_flight, "requests_per_minute_total": per_minute, "tokens_per_minute_total": tokens,
        "input_price_per_million_tokens": price_in, "output_price_per_million_tokens": price_out,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(SizingConfig.usual_describe(own=own), **given) if given else None
