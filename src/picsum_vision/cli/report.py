"""`picsum-vision report`: what the tables hold, as text and as a page with the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import progress
from picsum_vision.cli.existing_tables import choose_existing_tables
from picsum_vision.cli.job_flags import Text
from picsum_vision.cli.session import open_session
from picsum_vision.options import DescribeOptions
from picsum_vision.report.output_file import check_output_file
from picsum_vision.report.text import table_summary
from picsum_vision.validation import check_integer

Price = Optional[float]

FILE_NAME = "report.html"
_MOST_IMAGES = 20_000


def report(
    folder: Annotated[Text, typer.Argument(help="The folder of the tables, as given to --output.")] = None,
    catalog: Annotated[Text, typer.Option(help="The catalog of the tables.")] = None,
    schema: job_flags.Schema = None,
    config: job_flags.TablesConfig = None,
    output: Annotated[Text, typer.Option(help="The HTML file. [default: report.html in the folder of the tables]")] = None,
    images: Annotated[int, typer.Option(help="How many images the gallery shows at most.")] = 5_000,
    input_price_per_million_tokens: Annotated[Price, typer.Option(help="For the cost: the model's price.")] = None,
    output_price_per_million_tokens: Annotated[Price, typer.Option(help="The same for what it writes.")] = None,
    master: Annotated[Text, typer.Option(help="Spark's master.")] = None,
    remote: Annotated[Text, typer.Option(help="Spark Connect.")] = None,
    *,
    full_urls: job_flags.FullUrls = False,
) -> int:
    """Say what became of every image: rows by status, ten descriptions, and one HTML file with figures and a gallery.

    picsum-vision report picsum-vision-demo --output report.html
    """
    check_integer("images", images, minimum=1, maximum=_MOST_IMAGES)
    prices = DescribeOptions(
        input_price_per_million_tokens=input_price_per_million_tokens,
        output_price_per_million_tokens=output_price_per_million_tokens,
    )
    tables, folder = choose_existing_tables("report", folder, catalog, schema, config=config, remote=remote)
    path = check_output_file(output or str(Path(folder or "") / FILE_NAME))
    with progress() as say:
        say("starting Spark")
        spark = open_session(tables, folder, master=master, remote=remote, read_only=True)
        say("reading the tables")
        from picsum_vision.report.html_file import write_report  # noqa: PLC0415 - Spark only where it is used

        figures = write_report(spark, tables, path, max_rows=images, prices=prices, full_urls=full_urls)
    from picsum_vision.cli.samples import print_samples  # noqa: PLC0415 - the same

    print_samples(spark, tables)
    print(table_summary(figures, tables))
    print(f"gallery: {path}")
    return 0
