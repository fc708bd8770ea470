"""A suite's result, in values that travel as JSON: one file, written anew after each measurement, so that nothing is lost."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

from picsum_vision.errors import SettingError

StageName = Literal["urls", "download", "describe", "total"]
STAGES: Final[tuple[StageName, ...]] = get_args(StageName)
FILE_NAME: Final = "sizing.json"
_FORMAT: Final = "picsum-vision sizing 1"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageFigures:
    """One stage measured once.

    `seconds` of wall time until the rows are in their table. `latency_ms` has mean, p50, p95 and p99 of `elapsed_ms` of the rows
    that are ok: of downloads, or of questions, without the wait for their first turn; `total` has them for both. `cpu_seconds`
    and `peak_memory_mb` are those of this machine's processes by kind, None where the workers are elsewhere. `questions` are the
    rows that were asked about: fewer than rows where rows share an answer or have no image, None for stages that ask nothing.
    `series` has, for moments in seconds since the start at `began_at_s` (Unix time), the rows done and the rows being worked on.
    Where no row is ok, `problem` says why in one line, and `refused_at` whether at the "download" or at "describe".
    """

    rows: int
    rows_ok: int
    seconds: float
    by_status: dict[str, int] = dataclasses.field(default_factory=dict)
    latency_ms: dict[str, float] = dataclasses.field(default_factory=dict)
    questions: int | None = None
    bytes: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    cpu_seconds: dict[str, float] | None = None
    peak_memory_mb: dict[str, float] | None = None
    began_at_s: float | None = None
    series: tuple[tuple[float, int, int], ...] = ()
    problem: str | None = None
    refused_at: str | None = None

    def metrics(self) -> dict[str, float]:
        """Return the single figures by name; the names are the same for every run."""
        cpu = None if self.cpu_seconds is None else sum(value for kind, value in self.cpu_seconds.items() if kind != "servers")
        figures: dict[str, float | None] = {
            "seconds": self.seconds,
            "images_per_second": self.rows_ok / self.seconds if self.seconds > 0 else 0.0,
            "rows_ok": self.rows_ok,
            "rows_failed": self.rows - self.rows_ok,
            **{name: getattr(self, name) for name in ("questions", "bytes", "input_tokens", "output_tokens", "cost")},
            "cpu_seconds": cpu,
            **{f"latency_{name}_ms": value for name, value in self.latency_ms.items()},
            **{f"peak_memory_mb.{kind}": value for kind, value in (self.peak_memory_mb or {}).items()},
        }
        return {name: float(value) for name, value in figures.items() if value is not None}


@dataclasses.dataclass(kw_only=True)
class SizeFigures:
    """One size: for each repeat, the stages."""

    images: int
    repeats: list[dict[str, StageFigures]] = dataclasses.field(default_factory=list)

    def of(self, stage: str) -> list[StageFigures]:
        """Return the stage's measurements, as many as there are."""
        return [repeat[stage] for repeat in self.repeats if stage in repeat]

    def figures(self, stage: str, statuses: Iterable[str] = ()) -> dict[str, list[float]]:
        """Return the stage's single figures by name, each in the repeats that have it, and the rows of `statuses`."""
        found: dict[str, list[float]] = {}
        for each in self.of(stage):
            for name, value in (each.metrics() | {f"status.{name}": each.by_status.get(name, 0) for name in statuses}).items():
                found.setdefault(name, []).append(value)
        return found

    def values(self, stage: str, metric: str = "seconds") -> list[float]:
        """Return one figure in each repeat that has it."""
        return self.figures(stage).get(metric, [])


@dataclasses.dataclass(kw_only=True)
class NotebookFigures:
    """The notebook's own method on a share: one request at a time in each task.

    `rows` are those that a stage was given in each repeat: questions are asked about the images that came.
    """

    images: int
    client: str
    tasks: int
    seconds: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    rows: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    rows_ok: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(kw_only=True)
class SizingResult:
    """What :func:`picsum_vision.run_sizing` returns. `problem` says why a suite ended early, None if it did not."""

    suite: str
    started_at: str
    settings: dict[str, Any]
    environment: dict[str, Any]
    sizes: list[SizeFigures] = dataclasses.field(default_factory=list)
    cold: dict[str, StageFigures] = dataclasses.field(default_factory=dict)
    notebook: NotebookFigures | None = None
    predictions: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    fit: dict[str, Any] | None = None
    tracking: dict[str, Any] = dataclasses.field(default_factory=dict)
    folder: str | None = None
    problem: str | None = None

    def size(self, images: int) -> SizeFigures | None:
        """Return one size's figures."""
        return next((size for size in self.sizes if size.images == images), None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for :meth:`from_dict`."""
        return {"format": _FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], where: str = "result") -> SizingResult:
        """Return what :meth:`as_dict` wrote; raises SettingError for anything else."""
        if not isinstance(plain, Mapping) or plain.get("format") != _FORMAT:
            raise SettingError(f"{where}: not a result of `picsum-vision bench`")
        try:
            _ = plain["settings"]["demand"]  # without which nothing can be said of it
            sizes = [
                SizeFigures(images=size["images"], repeats=[_stages(each) for each in size["repeats"]]) for size in plain["sizes"]
            ]
            notebook = None if plain.get("notebook") is None else NotebookFigures(**plain["notebook"])
            read = {"sizes": sizes, "cold": _stages(plain.get("cold", {})), "notebook": notebook}
            return cls(**(fields_of(cls, plain) | read))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise SettingError(f"{where}: a result of `picsum-vision bench` that is not whole") from error

    def write(self, folder: Path) -> Path:
        """Write the file whole or not at all, and return its path."""
        path = folder / FILE_NAME
        unfinished = path.with_suffix(".json.unfinished")
        unfinished.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, path)  # noqa: PTH105 - one step, as Path.replace does, and known as such
        return path

    def __str__(self) -> str:
        """Return the table and what is to be said about it."""
        from picsum_vision.sizing.summary import summary  # noqa: PLC0415 - it reads results

        return summary(self)

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it."""
        from picsum_vision.sizing.summary import summary_html  # noqa: PLC0415 - the same

        return summary_html(self)


def fields_of(kind: type[Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a dataclass knows of plain values; what a newer version has added is left aside."""
    known = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in plain.items() if name in known}


def read_result(path: str | Path) -> SizingResult:
    """Read a result: its file, or the folder that `--output` named. Raises SettingError in one line."""
    file = Path(path).expanduser()
    file = file / FILE_NAME if file.is_dir() else file
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{str(path)!r}: cannot be read ({error.strerror}); give a result's file or folder") from error
    except ValueError as error:
        raise SettingError(f"{str(path)!r}: not a result of `picsum-vision bench`") from error
    return SizingResult.from_dict(plain, repr(str(path)))


def read_latest(folder: Path, say: Callable[[str], None] = lambda _: None) -> SizingResult | None:
    """Read the last suite's result, None where there is none; why one cannot be used is said, for nobody has named it."""
    file = folder / FILE_NAME
    try:
        return read_result(file) if file.is_file() else None
    except SettingError as unreadable:
        say(f"the last suite's constants are not used: {unreadable}")
        return None


def keep_result_before(folder: Path) -> None:
    """Rename the last suite's result to `sizing-SUITE.json`, or, where it tells no name, to when it was written."""
    file = folder / FILE_NAME
    if file.is_file():
        latest = read_latest(folder)
        suite = f"unreadable-{int(file.stat().st_mtime)}" if latest is None else latest.suite
        os.replace(file, file.with_stem(f"{file.stem}-{suite}"))  # noqa: PTH105 - one step


def _stages(plain: Mapping[str, Any]) -> dict[str, StageFigures]:
    return {
        stage: StageFigures(**fields_of(StageFigures, figures) | {"series": tuple(map(tuple, figures.get("series", ())))})
        for stage, figures in plain.items()
    }
