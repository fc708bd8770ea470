"""`picsum-vision serve-images` and `serve-model`: the embedded servers, for trying things out."""

from __future__ import annotations

from typing import Annotated, List, Optional  # noqa: UP035 - typer reads these at run time, on Python 3.10 too

import typer

Number = Optional[int]
Fraction = Optional[float]
Text = Optional[str]
Port = Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes any free one.")]


def serve_images(
    port: Port = 0,
    image_port: Annotated[int, typer.Option(help="The port of the second host, to which the first one redirects.")] = 0,
    latency_mean_s: Annotated[float, typer.Option(help="Seconds that each hop waits on average.")] = 0.0,
    latency_sigma: Annotated[float, typer.Option(help="The spread of the waits; 0 makes all alike.")] = 0.5,
    requests_per_second: Annotated[Fraction, typer.Option(help="Refuse more than this with 429 and Retry-After.")] = None,
    burst: Annotated[Number, typer.Option(help="Requests that may come at once under that limit.")] = None,
    fault: Annotated[
        Optional[List[str]], typer.Option(help="KIND[,SETTING=VALUE...], as in status,status=500,share=0.05. May be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn by lot.")] = 0,
) -> int:
    """Serve pictures as Lorem Picsum does, until Ctrl-C; what it saw is at /-/stats.

    picsum-vision serve-images --port 8080 --latency-mean-s 0.25 --fault status,status=503,share=0.05,times=1
    """
    from picsum_vision.testing import image_server  # noqa: PLC0415 - the server's packages only where they are used

    image_server.serve_images(
        port=port,
        image_port=image_port,
        latency_mean_s=latency_mean_s,
        latency_sigma=latency_sigma,
        requests_per_second=requests_per_second,
        burst=burst,
        faults=[image_server.Fault.parse(text) for text in fault or ()],
        seed=seed,
        announce=_announce,
    )
    return 0


def serve_model(
    port: Port = 0,
    model: Annotated[str, typer.Option(help="The name that it answers to.")] = "test-vision",
    latency_mean_s: Annotated[float, typer.Option(help="Seconds that an answer takes on average.")] = 0.0,
    latency_sigma: Annotated[float, typer.Option(help="The spread of the waits; 0 makes all alike.")] = 0.5,
    requests_per_minute: Annotated[Number, typer.Option(help="Refuse more than this with 429.")] = None,
    tokens_per_minute: Annotated[Number, typer.Option(help="Refuse more than this with 429.")] = None,
    api_key_env: Annotated[Text, typer.Option(help="The environment variable with the key that it asks for.")] = None,
) -> int:
    """Serve an OpenAI-compatible model that answers from an image's pixels, until Ctrl-C; what it saw is at /-/stats.

    picsum-vision serve-model --port 8081 --latency-mean-s 1
    """
    from picsum_vision.secrets import Secret  # noqa: PLC0415 - only where it is used
    from picsum_vision.testing import model_server  # noqa: PLC0415

    model_server.serve_model(
        port=port,
        models=(model,),
        latency=model_server.Latency(mean_s=latency_mean_s, sigma=latency_sigma),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        api_key=Secret.env(api_key_env).read() if api_key_env else None,
    )
    return 0


def _announce(line: str) -> None:
    print(line, flush=True)
