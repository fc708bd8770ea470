"""The tables of a job that has run, by the folder or the catalog that they are in."""

from __future__ import annotations

from pathlib import Path

from picsum_vision.errors import SettingError
from picsum_vision.table_names import DEFAULT_SCHEMA, Tables


def choose_existing_tables(command: str, folder: str | None, catalog: str | None, schema: str | None) -> Tables:
    """Return the tables that `command` is to read; raises SettingError where the folder holds none."""
    if (folder is None) == (catalog is None):
        raise SettingError(f"{command}: give either the folder of the tables or --catalog (and --schema)")
    if folder is None:
        return Tables(catalog=catalog or "", schema=schema or DEFAULT_SCHEMA)
    return _tables_in(command, Path(folder).expanduser(), schema or DEFAULT_SCHEMA)


def _tables_in(command: str, folder: Path, schema: str) -> Tables:
    """Return which tables the folder holds: Delta tables lie in it, Iceberg's in a folder of the schema."""
    if not folder.is_dir():
        raise SettingError(f"{command}: {str(folder)!r} is no folder; give the one that --output named")
    if (folder / "image_desc" / "_delta_log").is_dir():
        return Tables(path=str(folder.absolute()))
    if (folder / schema / "image_desc" / "metadata").is_dir():
        return Tables(schema=schema)
    raise SettingError(
        f"{command}: {str(folder)!r} holds no tables of a run; start one with: picsum-vision run --output {str(folder)!r}"
    )
