"""Where the tables are."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Final, Literal

from picsum_vision.errors import SettingError
from picsum_vision.sql_text import check_not_replaced, readable_name, unquoted
from picsum_vision.validation import check_text

DEFAULT_CATALOG: Final = "platform_catalog"
DEFAULT_SCHEMA: Final = "marketplace"
# What a job needs of its schema, and no more; examples/databricks/databricks.yml grants the same.
SCHEMA_PRIVILEGES: Final = "USE SCHEMA, SELECT, MODIFY, CREATE TABLE"

Role = Literal["image_urls", "image_codes", "image_desc"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tables:
    """The three tables' names, `catalog.schema.table`, or with `path` Delta tables in folders of it.

    A name with a dot in it stands in backticks; they are taken off.

    `image_urls (image_url)`, `image_codes (image_url, image_binary, download_outcome)`,
    `image_desc (image_url, descrizione, describe_outcome)`.
    """

    catalog: str = DEFAULT_CATALOG
    schema: str = DEFAULT_SCHEMA
    image_urls: str = "image_urls"
    image_codes: str = "image_codes"
    image_desc: str = "image_desc"
    path: str | None = None

    def __post_init__(self) -> None:
        """Check every name."""
        for setting in ("catalog", "schema", "image_urls", "image_codes", "image_desc"):
            object.__setattr__(self, setting, _name(setting, getattr(self, setting)))
        if len({self.image_urls, self.image_codes, self.image_desc}) < 3:  # noqa: PLR2004 - three tables
            raise SettingError("image_urls, image_codes, image_desc: two tables have the same name")
        check_text("path", self.path, optional=True)
        check_not_replaced("path", self.path or "")

    @property
    def table_format(self) -> str:
        """How a summary names it."""
        return "catalog" if self.path is None else "delta"

    def readable(self, role: str) -> str:
        """Return the table's name as a person writes it."""
        name = getattr(self, role, role)
        if self.path is not None:
            return os.path.join(self.path, name)  # noqa: PTH118 - may be a URI
        return readable_name(self.catalog, self.schema, name)


class _Name(str):
    """A name without its backticks, which `dataclasses.replace` hands on as it is."""

    __slots__ = ()


def _name(setting: str, value: Any) -> str:
    if isinstance(value, _Name):
        return value
    check_text(setting, value)
    name = _Name(unquoted(value))
    if any(mark in name for mark in "/\\;\n") or ("." in name and name == value) or not name.strip("."):
        raise SettingError(f"{setting}: {value!r} is not allowed; it must be one name without slashes, a dot only in backticks")
    check_not_replaced(setting, name)
    return name
