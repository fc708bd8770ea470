"""`picsum-vision demo`: the main job on this machine, with an image server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import progress
from picsum_vision.cli.report import FILE_NAME
from picsum_vision.cli.run import open_and_run, print_report
from picsum_vision.cli.session import choose_tables
from picsum_vision.config import PipelineConfig
from picsum_vision.options import DownloadOptions
from picsum_vision.table_names import Tables
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency

# What a hop to the real service takes on a good day, so that the demo shows waiting that overlaps.
_HOP_S = 0.1


def demo(
    images: Annotated[int, typer.Option(help="How many images.")] = 100,
    output: Annotated[str, typer.Option(help="The folder of the tables.")] = "picsum-vision-demo",
    as_json: job_flags.AsJson = False,  # noqa: FBT002 - typer's way
) -> int:
    """Run the main job on this machine, up to a gallery: an image server of its own, no key, no account, nothing sent anywhere.

    picsum-vision demo --images 100
    """
    tables, folder = choose_tables(Tables(), output=output, catalog=None, schema=None, table_format="iceberg")
    # Checked before a server is started, and made again with its address.
    job = PipelineConfig(images=images, by="list", tables=tables, download=DownloadOptions(allow_private_addresses=True))
    with ImageServer(latency=Latency(mean_s=_HOP_S)) as server:
        spark, report = open_and_run(job, folder=folder, base_url=server.base_url)
    page = Path(output).absolute() / FILE_NAME
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
        print(f"look again: picsum-vision report {output}")
    return 0
