"""`picsum-vision export`: the images of a job with their descriptions, as other image tools read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picsum_vision.cli import job_flags
from picsum_vision.cli.console import progress
from picsum_vision.cli.existing_tables import choose_existing_tables
from picsum_vision.cli.job_flags import Number, Text
from picsum_vision.cli.session import open_session
from picsum_vision.exporting.plan import DEFAULT_LIMITS, LAYOUTS
from picsum_vision.validation import check_choice

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from picsum_vision.table_names import Tables


_IMAGES = ", ".join(f"{layout} {limits.max_images:,}" for layout, limits in DEFAULT_LIMITS.items())
_BYTES = ", ".join(f"{layout} {limits.max_bytes:,}" for layout, limits in DEFAULT_LIMITS.items())


def export(
    *,
    to: Annotated[str, typer.Option(help="webdataset, huggingface or files.")],
    path: Annotated[str, typer.Option(help="The folder to write; on a cluster one that all workers share.")],
    folder: Annotated[Text, typer.Argument(help="The folder of the tables, as given to --output.")] = None,
    catalog: Annotated[Text, typer.Option(help="The catalog of the tables.")] = None,
    schema: job_flags.Schema = None,
    config: job_flags.TablesConfig = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Take the place of an earlier export.")] = False,
    split: Annotated[str, typer.Option(help="The word that names start with: train, validation, test.")] = "train",
    max_images_per_shard: Annotated[
        Number, typer.Option(help=f"When a tar, a Parquet file or a folder is full. [default: {_IMAGES}]")
    ] = None,
    max_bytes_per_shard: Annotated[Number, typer.Option(help=f"The same in bytes. [default: {_BYTES}]")] = None,
    partitions: Annotated[Number, typer.Option(help="Into how many tasks the rows are spread.")] = None,
    master: Annotated[Text, typer.Option(help="Spark's master.")] = None,
    remote: Annotated[Text, typer.Option(help="Spark Connect.")] = None,
    full_urls: job_flags.FullUrls = False,
    as_json: job_flags.AsJson = False,
) -> int:
    """Write the images with their descriptions as WebDataset tars, a Hugging Face data set or plain files.

    picsum-vision export picsum-vision-demo --to webdataset --path shards
    """
    check_choice("to", to, LAYOUTS)
    tables, folder = choose_existing_tables("export", folder, catalog, schema, config=config, remote=remote)
    settings: dict[str, Any] = {
        "mode": "overwrite" if overwrite else "error", "split": split, "max_images_per_shard": max_images_per_shard,
        "max_bytes_per_shard": max_bytes_per_shard, "partitions": partitions, "full_urls": full_urls,
    }  # fmt: skip
    with progress() as say:
        say("starting Spark")
        spark = open_session(tables, folder, master=master, remote=remote, read_only=True)
        from picsum_vision.exporting.export import export as write  # noqa: PLC0415 - Spark only where it is used

        say("writing the files")
        report = write(images_with_answers(spark, tables), to, path, **settings)  # type: ignore[arg-type]
    print(json.dumps(report.as_dict()) if as_json else report)
    return 0


def images_with_answers(spark: SparkSession, tables: Tables) -> DataFrame:
    """Return the images of the tables, each with its newest answer."""
    from picsum_vision.spark.newest_answers import newest_answers  # noqa: PLC0415 - Spark only where it is used
    from picsum_vision.spark.tables import TableStore  # noqa: PLC0415 - Spark only where it is used
    from picsum_vision.table_columns import KEY  # noqa: PLC0415

    store = TableStore(spark, tables)
    return store.read("image_codes").join(newest_answers(store.read("image_desc")), KEY, "left")
