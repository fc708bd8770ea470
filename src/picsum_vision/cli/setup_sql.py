"""`picsum-vision setup-sql`: the statements that prepare a catalog, for whoever has the rights."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from picsum_vision.setup_script import setup_script
from picsum_vision.table_names import DEFAULT_CATALOG, DEFAULT_SCHEMA, Tables

Text = Optional[str]


def setup_sql(
    catalog: Annotated[str, typer.Option(help="The catalog.")] = DEFAULT_CATALOG,
    schema: Annotated[str, typer.Option(help="The schema.")] = DEFAULT_SCHEMA,
    grant_to: Annotated[
        Text,
        typer.Option(help="Who runs the job: a user, group or service principal."),
    ] = None,
) -> int:
    """Print the SQL that makes catalog, schema, tables and a volume, and grants what the job needs.

    picsum-vision setup-sql --catalog main --schema pictures --grant-to data-engineers
    """
    print(setup_script(Tables(catalog=catalog, schema=schema), grant_to=grant_to))
    return 0
