"""`picsum-vision report`: what the tables hold, as text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from picsum_vision.cli.console import progress
from picsum_vision.cli.session import open_session
from picsum_vision.errors import SettingError
from picsum_vision.table_names import DEFAULT_SCHEMA, Tables

Text = Optional[str]


def report(
    folder: Annotated[Text, typer.Argument(help="The folder of the tables, as given to --output.")] = None,
    catalog: Annotated[Text, typer.Option(help="The catalog of the tables.")] = None,
    schema: Annotated[Text, typer.Option(help="[default: marketplace]")] = None,
    master: Annotated[Text, typer.Option(help="Spark's master.")] = None,
    remote: Annotated[Text, typer.Option(help="Spark Connect.")] = None,
) -> int:
    """Say what became of every image: rows by status, and ten descriptions.

    picsum-vision report picsum-vision-demo
    """
    if (folder is None) == (catalog is None):
        raise SettingError("report: give either the folder of the tables or --catalog (and --schema)")
    tables = (
        _tables_in(Path(folder), schema) if folder is not None else Tables(catalog=catalog or "", schema=schema or DEFAULT_SCHEMA)
    )
    with progress() as say:
        say("starting Spark")
        spark = open_session(tables, folder, master=master, remote=remote)
        say("reading the tables")
        from picsum_vision.report.text import table_summary  # noqa: PLC0415 - Spark only where it is used

        summary = table_summary(spark, tables)
    from picsum_vision.cli.samples import print_samples  # noqa: PLC0415

    print_samples(spark, tables)
    print(summary)
    return 0


def _tables_in(folder: Path, schema: str | None) -> Tables:
    """Return which tables the folder holds: Delta tables lie in it, Iceberg's in a folder of the schema."""
    if not folder.is_dir():
        raise SettingError(f"report: {str(folder)!r} is no folder; give the one that --output named")
    if (folder / "image_desc" / "_delta_log").is_dir():
        return Tables(path=str(folder.absolute()))
    schema = schema or DEFAULT_SCHEMA
    if (folder / schema / "image_desc" / "metadata").is_dir():
        return Tables(schema=schema)
    raise SettingError(
        f"report: {str(folder)!r} holds no tables of a run; start one with: picsum-vision run --output {str(folder)!r}"
    )
