"""`picsum-vision plan`: time, memory, storage, tokens and cost of a job, and the limit that binds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, List, Optional  # noqa: UP035 - typer reads these at run time, on Python 3.10 too

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.completion import one_of
from picsum_vision.cli.job_flags import Fraction, Number
from picsum_vision.config_file import TASKS
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.validation import check_choice

_LATEST = Path("picsum-vision-sizing") / "sizing.json"


def plan(
    *,
    images: Annotated[int, typer.Option(help="How many images.")],
    image_latency: Annotated[float, typer.Option(help="Mean seconds for one image, over all its hops.")] = 0.5,
    model_latency: Annotated[Fraction, typer.Option(help="Mean seconds for one answer. [default: 1, for pixels 0]")] = None,
    latency_sigma: Annotated[float, typer.Option(help="How far they spread (lognormal).")] = 0.5,
    tasks: Annotated[Number, typer.Option(help="Tasks that run at once: the cluster's cores. [default: this machine's]")] = None,
    download_in_flight: Annotated[Number, typer.Option(help="Downloads at once in one task. [default: 64]")] = None,
    model_in_flight: Annotated[Number, typer.Option(help="Questions at once in one task. [default: 32]")] = None,
    requests_per_second_per_host: Annotated[Fraction, typer.Option(help="That each image host allows.")] = None,
    requests_per_minute: Annotated[Number, typer.Option(help="That the model allows.")] = None,
    tokens_per_minute: Annotated[Number, typer.Option(help="That the model allows.")] = None,
    width: Annotated[int, typer.Option(help="Pixels.")] = 800,
    height: Annotated[int, typer.Option(help="Pixels.")] = 600,
    image_bytes: Annotated[Number, typer.Option(help="Bytes of an image. [default: from its pixels]")] = None,
    backend: Annotated[
        str, typer.Option(help="chat, ai-query, pyfunc or pixels.", autocompletion=one_of("chat", "ai-query", "pyfunc", "pixels"))
    ] = "chat",
    model: Annotated[str, typer.Option(help="By whose rule an image's tokens are counted.")] = "",
    task: Annotated[str, typer.Option(help="describe, objects, sentiment, text or classify.")] = "describe",
    output_tokens: Annotated[Number, typer.Option(help="Tokens of one answer. [default: the task's usual ones]")] = None,
    input_price_per_million_tokens: Annotated[Fraction, typer.Option(help="For the cost.")] = None,
    output_price_per_million_tokens: Annotated[Fraction, typer.Option(help="The same for what it writes.")] = None,
    checkpoint_interval: Annotated[float, typer.Option(help="Seconds between commits.")] = 60,
    keep_images: Annotated[bool, typer.Option("--keep-images/--no-keep-images", help="Whether the bytes are kept.")] = True,
    fit_from: Annotated[
        Optional[List[str]],
        typer.Option(
            help=f"A result of bench, for the model's constants; may be repeated. [default: {_LATEST}, if it has a whole job]"
        ),
    ] = None,
    as_json: job_flags.AsJson = False,
) -> int:
    """Say how long a job would take, what would bind it, and what it would need and cost; nothing is started.

    picsum-vision plan --images 1000000 --model-latency 2.5 --requests-per-minute 6000 --tasks 32
    """
    from picsum_vision.sizing.plan import plan as planned  # noqa: PLC0415 - only where it is used

    check_choice("task", task, TASKS)
    download: dict[str, Any] = {
        "max_in_flight_per_task": download_in_flight, "requests_per_second_per_host_total": requests_per_second_per_host,
    }  # fmt: skip
    describe: dict[str, Any] = {
        "max_in_flight_per_task": model_in_flight, "requests_per_minute_total": requests_per_minute,
        "tokens_per_minute_total": tokens_per_minute, "input_price_per_million_tokens": input_price_per_million_tokens,
        "output_price_per_million_tokens": output_price_per_million_tokens,
    }  # fmt: skip
    found = planned(
        images,
        image_latency_s=image_latency,
        model_latency_s=model_latency,
        latency_sigma=latency_sigma,
        tasks=tasks,
        download=DownloadOptions(**_given(download)),
        describe=DescribeOptions(**_given(describe)),
        width=width,
        height=height,
        image_bytes=image_bytes,
        backend=backend,
        model=model,
        task=TASKS[task](),
        output_tokens_per_image=output_tokens,
        checkpoint_interval_s=checkpoint_interval,
        keep_images=keep_images,
        fit_from=tuple(fit_from) if fit_from else _latest(),
    )
    print(json.dumps(found.as_dict()) if as_json else found)
    return 0


def _latest() -> tuple[str, ...]:
    """Return the last result here, if there is one and it can be used: what nobody has named is no reason to refuse."""
    from picsum_vision.sizing.fit import fit_results  # noqa: PLC0415 - only where it is used
    from picsum_vision.sizing.result import read_latest  # noqa: PLC0415 - only where it is used

    latest = read_latest(_LATEST.parent, lambda line: print(f"picsum-vision: {line}", file=sys.stderr))
    return (str(_LATEST),) if latest is not None and fit_results([latest]) else ()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
