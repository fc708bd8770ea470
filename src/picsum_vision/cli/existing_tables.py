"""The tables of a job that has run, by the folder or the catalog that they are in."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from picsum_vision.cli.session import DEFAULT_OUTPUT, on_databricks
from picsum_vision.config_file import job_config, read_config_file
from picsum_vision.errors import SettingError
from picsum_vision.table_names import Tables


def choose_existing_tables(
    command: str,
    folder: str | None,
    catalog: str | None,
    schema: str | None,
    *,
    config: str | None = None,
    remote: str | None = None,
) -> tuple[Tables, str | None]:
    """Return the tables that `command` is to read, and the folder that holds them, None where a catalog does.

    `config` is the file of the job that made them, for names of one's own. Raises SettingError where the folder holds none.
    """
    if (folder is None) == (catalog is None) and (folder is not None or config is None):
        raise SettingError(
            f"{command}: give either the folder of the tables or --catalog (and --schema), or the job's file with --config"
        )
    of_file = Tables() if config is None else job_config(read_config_file(config)).tables
    named = dataclasses.replace(of_file, catalog=catalog or of_file.catalog, schema=schema or of_file.schema)
    if catalog is not None or (folder is None and (on_databricks() or (remote or "").startswith("sc://"))):
        return dataclasses.replace(named, path=None), None
    place = folder or named.path or DEFAULT_OUTPUT
    return _tables_in(command, Path(place).expanduser(), named), place


def _tables_in(command: str, folder: Path, named: Tables) -> Tables:
    """Return which tables the folder holds: Delta tables lie in it, Iceberg's in a folder of the schema."""
    if not folder.is_dir():
        raise SettingError(f"{command}: {str(folder)!r} is no folder; give the one that --output named")
    if (folder / named.image_desc / "_delta_log").is_dir():
        return dataclasses.replace(named, path=str(folder.absolute()))
    if (folder / named.schema / named.image_desc / "metadata").is_dir():
        return dataclasses.replace(named, path=None)
    raise SettingError(
        f"{command}: {str(folder)!r} holds no tables of a run; start one with: picsum-vision run --output {str(folder)!r}, "
        "or give the --schema or --config that it had"
    )
