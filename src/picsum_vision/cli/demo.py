"""`picsum-vision demo`: the main job on this machine, with an image server of its own."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import progress
from picsum_vision.cli.job_flags import Number
from picsum_vision.cli.loudness import Loudness, loudness
from picsum_vision.cli.report import FILE_NAME
from picsum_vision.cli.run import exit_code, open_and_run, print_report
from picsum_vision.cli.session import choose_tables
from picsum_vision.config import PipelineConfig
from picsum_vision.errors import PortInUse
from picsum_vision.options import DownloadOptions
from picsum_vision.table_names import Tables
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency

# What a hop to the real service takes on a good day, so that the demo shows waiting that overlaps.
_HOP = Latency(mean_s=0.1)
# The same every time, so that a second demo finds the addresses of the first one.
USUAL_PORT: Final = 8462


def demo(
    *,
    images: Annotated[int, typer.Option(help="How many images.")] = 100,
    output: Annotated[str, typer.Option(help="The folder of the tables.")] = "picsum-vision-demo",
    port: Annotated[
        Number, typer.Option(help=f"Of its image server. [default: {USUAL_PORT}, or a free one where that is taken]")
    ] = None,
    as_json: job_flags.AsJson = False,
) -> int:
    """Run the main job on this machine, up to a gallery: an image server of its own, no key, no account, nothing sent anywhere.

    Run again, it does only what its tables lack.

    picsum-vision demo --images 100
    """
    tables, folder = choose_tables(Tables(), output=output, catalog=None, schema=None, table_format="iceberg")
    # Checked before a server is started, and made again with its address.
    job = PipelineConfig(images=images, by="list", tables=tables, download=DownloadOptions(allow_private_addresses=True))
    with _started(port) as server:
        spark, report = open_and_run(job, folder=folder, base_url=server.base_url)
    page = Path(output).expanduser().absolute() / FILE_NAME
    with progress() as say:
        say("making the gallery")
        from picsum_vision.report.html_file import write_report  # noqa: PLC0415 - Spark only where it is used

        write_report(spark, tables, page)
    if not as_json:
        from picsum_vision.cli.samples import print_samples  # noqa: PLC0415 - the same

        print_samples(spark, tables)
    print_report(report, as_json=as_json)
    if not as_json:
        print(f"gallery: {page}")
        print(f"look again: picsum-vision report {shlex.quote(output)}")
    return exit_code(report)


def _started(port: int | None) -> ImageServer:
    """Return the server on the port that was asked for, else on the usual one, else on a free one, which is said."""
    try:
        return ImageServer(port=USUAL_PORT if port is None else port, latency=_HOP).start()
    except PortInUse:
        if port is not None:
            raise
    if loudness() is not Loudness.QUIET:
        print(
            f"port {USUAL_PORT} is taken: on a free one the pictures have other addresses than those of a demo before it",
            file=sys.stderr,
        )
    return ImageServer(latency=_HOP).start()
