"""The commands' words: names, flags and help texts. What each does stands in a file of its own."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Optional

import typer

from picsum_vision._version import __version__
from picsum_vision.cli import bench as bench_command
from picsum_vision.cli import demo as demo_command
from picsum_vision.cli import doctor as doctor_command
from picsum_vision.cli import export as export_command
from picsum_vision.cli import help_texts
from picsum_vision.cli import plan as plan_command
from picsum_vision.cli import report as report_command
from picsum_vision.cli import run as run_command
from picsum_vision.cli import serve as serve_command
from picsum_vision.cli import setup_sql as setup_sql_command
from picsum_vision.cli.entry import STOPPED, WRONG_SETTING
from picsum_vision.cli.loud_commands import Quiet, Verbose, settle, with_loudness
from picsum_vision.cli.loudness import Loudness, choose_loudness

# Newer typers carry a click of their own: the root of its errors is found from a class that both have.
_WRONG_WORDS: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = typer.Typer(pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})
app.command("demo")(with_loudness(demo_command.demo))
app.command("run")(with_loudness(run_command.run))
app.command("report")(with_loudness(report_command.report))
app.add_typer(bench_command.bench_app, name="bench")
app.command("plan")(with_loudness(plan_command.plan))
app.command("doctor")(with_loudness(doctor_command.doctor))
app.command("export")(with_loudness(export_command.export))
app.command("setup-sql")(with_loudness(setup_sql_command.setup_sql))
app.command("serve-images")(with_loudness(serve_command.serve_images))
app.command("serve-model")(with_loudness(serve_command.serve_model))


def invoke(words: list[str]) -> int:
    """Run one command and return its exit code; a wrong flag is one line on stderr."""
    choose_loudness(Loudness.NORMAL)
    command = typer.main.get_command(app)
    help_texts.finish(command)
    try:
        result = command.main(args=words, prog_name="picsum-vision", standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _WRONG_WORDS as error:
        print(f"picsum-vision: {_in_one_line(error)}", file=sys.stderr)
        return WRONG_SETTING
    if result == STOPPED:  # what newer typers make of Ctrl-C
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _in_one_line(error: Any) -> str:
    """Return what is wrong with the words, and where the right ones stand."""
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "picsum-vision"
    return f"{message or 'which command?'} (see {where} --help)"


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        print(f"picsum-vision {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=False)
def root(
    *,
    version: Annotated[  # noqa: ARG001 - its callback has done the work
        Optional[bool], typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Print the version.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Images and their descriptions for columns of URLs, on Apache Spark.

    picsum-vision demo

    picsum-vision run --urls-from mine.csv --url-col photo --output mine

    Words that Tab completes: picsum-vision --install-completion
    """
    settle(quiet=quiet, verbose=verbose)
