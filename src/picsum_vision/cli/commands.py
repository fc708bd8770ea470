"""The commands' words: names, flags and help texts. What each does stands in a file of its own."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Optional

import typer

from picsum_vision._version import __version__
from picsum_vision.cli import demo as demo_command
from picsum_vision.cli import report as report_command
from picsum_vision.cli import run as run_command
from picsum_vision.cli import serve as serve_command
from picsum_vision.cli import setup_sql as setup_sql_command
from picsum_vision.cli.entry import STOPPED, WRONG_SETTING

# Newer typers carry a click of their own: the root of its errors is found from a class that both have.
_WRONG_WORDS: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = typer.Typer(pretty_exceptions_enable=False, help="Images and their descriptions for columns of URLs, on Apache Spark.")
app.command("demo")(demo_command.demo)
app.command("run")(run_command.run)
app.command("report")(report_command.report)
app.command("setup-sql")(setup_sql_command.setup_sql)
app.command("serve-images")(serve_command.serve_images)
app.command("serve-model")(serve_command.serve_model)


def invoke(words: list[str]) -> int:
    """Run one command and return its exit code; a wrong flag is one line on stderr."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=words, prog_name="picsum-vision", standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _WRONG_WORDS as error:
        message = " ".join(error.format_message().split())
        print(f"picsum-vision: {message or 'which command? picsum-vision --help lists them'}", file=sys.stderr)
        return WRONG_SETTING
    if result == STOPPED:  # what newer typers make of Ctrl-C
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        print(f"picsum-vision {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=False)
def root(
    version: Annotated[
        Optional[bool], typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = None,
) -> None:
    """Images and their descriptions for columns of URLs, on Apache Spark."""
