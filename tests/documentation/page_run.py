"""One page's blocks, run one after the other as a reader runs them.

| a block of | is |
|---|---|
| `python` | run, in the names of the blocks before it |
| `sh` | run by a shell in the page's folder |
| `sql` | run by Spark, statement after statement |
| `output` | looked for in what the block before it said, line after line; numbers may be others, `...` is anything |
| `toml`, `json`, `yaml` | read; a TOML block with a job's settings must be a job |
| any with `title="name.ext"` | written to that file of the page's folder |
| `csv`, `text` | left alone |

Another language, or none, is an error. A page starts in an empty folder, with the names `spark`, `urls` (six addresses) and
`images` (their pictures, as `download` gives them).
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from markdown_blocks import Block, blocks_of, name_of
from reader_machine import Machine
from shell_blocks import Shell

import picsum_vision as pv
from picsum_vision.config_file import job_config

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LEFT_ALONE: Final = ("text", "csv")
_NUMBER: Final = re.compile(r"\d[\d.,:_]*")
_NUMBER_OF_IMAGES: Final = 6


class PageRun:
    """A page on its way through its blocks."""

    def __init__(self, page: Path, spark: SparkSession, machine: Machine, folder: Path) -> None:
        """Take the page, the Spark of this process, and an empty folder."""
        self._page, self._spark, self._machine, self._folder = page, spark, machine, folder
        self._said = ""
        self.names: dict[str, Any] = {}

    def run(self) -> str:
        """Run every block, and return all that they said."""
        everything = []
        with self._machine.at(self._folder, self._spark), Shell(self._folder) as self._shell:
            self.names |= self._given()
            for block in blocks_of(self._page):
                try:
                    self._run_block(block)
                except Exception as error:
                    error.add_note(f"{name_of(self._page)}: {block}") if hasattr(error, "add_note") else None
                    raise
                if block.language != "output":
                    everything.append(self._said)
        return "".join(everything)

    def _given(self) -> dict[str, Any]:
        session = pv.local_session(self._folder / "picsum-vision-data")
        urls = pv.generate_urls(session, _NUMBER_OF_IMAGES, width=160, height=120)
        return {"spark": session, "urls": urls, "images": pv.download(urls)}

    def _run_block(self, block: Block) -> None:
        code = self._machine.as_here(block.text)
        if block.language == "output":
            self._look_for(block)
            return
        self._said = ""
        if block.title is not None:
            (self._folder / block.title).write_text(code)
        if block.language == "python":
            self._said = self._python(code, block.line)
        elif block.language == "sh":
            self._said = self._shell.run(code)
        elif block.language == "sql":
            for statement in filter(str.strip, code.split(";")):
                self.names["spark"].sql(statement).collect()
        elif block.language in _READERS:
            _READERS[block.language](code)
        elif block.language not in _LEFT_ALONE:
            pytest.fail(f"{name_of(self._page)}: {block}: no such language is run here; see tests/documentation/page_run.py")

    def _python(self, code: str, line: int) -> str:
        said = io.StringIO()
        # The lines before it, so that a traceback names the page's own line.
        compiled = compile("\n" * (line - 1) + code, name_of(self._page), "exec")
        with contextlib.redirect_stdout(said):
            exec(compiled, self.names)  # noqa: S102 - our own page
        return said.getvalue()

    def _look_for(self, block: Block) -> None:
        lines = iter(_shapes(self._said))
        for wanted in _shapes(self._machine.as_here(block.text)):
            if wanted == "...":
                continue
            pattern = re.compile(re.escape(wanted).replace(r"\.\.\.", ".*"))
            found = any(pattern.fullmatch(line) for line in lines)
            assert found, f"{name_of(self._page)}: {block}: no line like {wanted!r} in its place; what was said is:\n{self._said}"


def _shapes(text: str) -> list[str]:
    """Return the lines without what differs from run to run: numbers, the widths of columns, empty lines."""
    lines = [re.sub(r"-+", "-", re.sub(r"\s+", " ", _NUMBER.sub("0", line))).strip() for line in text.splitlines()]
    return [re.sub(r" ?\| ?", "|", line) for line in lines if line]


def _read_toml(text: str) -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11")
    job_config(tomllib.loads(text))


_READERS: Final = {"toml": _read_toml, "json": json.loads, "yaml": yaml.safe_load}
