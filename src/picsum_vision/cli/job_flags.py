"""A job's settings from its file and from flags, and the flags that several commands have."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from picsum_vision.cli.completion import one_of
from picsum_vision.errors import SettingError

Text = Optional[str]
Number = Optional[int]
Fraction = Optional[float]
Switch = Optional[bool]

Config = Annotated[Text, typer.Option(help="A TOML file with the whole job; a flag wins over it.")]
BaseUrl = Annotated[Text, typer.Option(help="The image host. [default: https://picsum.photos]")]
UrlCol = Annotated[Text, typer.Option(help="The column of --urls-from. [default: image_url]")]
Output = Annotated[Text, typer.Option(help="The folder of the tables. [default: picsum-vision-data]")]
Catalog = Annotated[Text, typer.Option(help="[default: platform_catalog]")]
Schema = Annotated[Text, typer.Option(help="[default: marketplace]")]
TableFormat = Annotated[
    str, typer.Option("--format", help="iceberg, or delta by path.", autocompletion=one_of("iceberg", "delta"))
]
EndpointUrl = Annotated[Text, typer.Option(help="For chat: as in https://host/v1.")]
Model = Annotated[Text, typer.Option(help="A model's name, a serving endpoint, or an MLflow model URI.")]
ApiKeyEnv = Annotated[Text, typer.Option(help="The environment variable that holds the key.")]
Labels = Annotated[Text, typer.Option(help="For classify: a,b,c.")]
Language = Annotated[Text, typer.Option(help="Of the answer: it, en, ... [default: it]")]
Timeout = Annotated[Fraction, typer.Option(help="Seconds for one download. [default: 10]")]
AllowPrivateAddresses = Annotated[Switch, typer.Option("--allow-private-addresses", help="Reach loopback and private hosts.")]
Remote = Annotated[Text, typer.Option(help="Spark Connect, as in sc://host or local[2].")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.")]


def merged(settings: dict[str, Any], flags: dict[str, Any], groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the file's settings with the flags that were given in their place."""
    merged = settings | {name: value for name, value in flags.items() if value is not None}
    for name, values in groups.items():
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            there = merged.get(name, {})
            there = {"kind": there} if isinstance(there, str) else there
            if not isinstance(there, dict):
                raise SettingError(f"{name}: {there!r} is not allowed; it must be a table of settings")
            merged[name] = there | given
    return merged
