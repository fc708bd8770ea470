"""A suite's result: one JSON file, written anew after each measurement, so that nothing that was measured is lost."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from picsum_vision.errors import SettingError
from picsum_vision.sizing.figures import Spread, StageFigures

FILE_NAME: Final = "sizing.json"
_FORMAT: Final = "picsum-vision sizing 1"


@dataclasses.dataclass(kw_only=True)
class SizeFigures:
    """One size: for each repeat, the stages."""

    images: int
    repeats: list[dict[str, StageFigures]] = dataclasses.field(default_factory=list)

    def of(self, stage: str) -> list[StageFigures]:
        """Return the stage's measurements, as many as there are."""
        return [repeat[stage] for repeat in self.repeats if stage in repeat]

    def spread(self, stage: str, metric: str = "seconds") -> Spread | None:
        """Return the stage's figure over the repeats, None where it was not measured."""
        values = [found[metric] for figures in self.of(stage) if metric in (found := figures.metrics())]
        return Spread.of(values) if values else None


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

    def seconds_for(self, stage: str, images: int) -> float | None:
        """Return how long `images` would take at the measured pace, None where it was not measured."""
        timed = zip(self.rows.get(stage, ()), self.seconds.get(stage, ()), strict=False)
        paces = [seconds / rows for rows, seconds in timed if rows]
        return Spread.of(paces).median * images if paces else None

    def images_per_second(self, stage: str) -> float | None:
        """Return how many rows came out in a second, in the middle of the repeats; None where none did."""
        timed = zip(self.rows_ok.get(stage, ()), self.seconds.get(stage, ()), strict=False)
        rates = [ok / seconds for ok, seconds in timed if seconds > 0]
        return Spread.of(rates).median or None if rates else None

    def rows_failed(self, stage: str) -> Spread | None:
        """Return how many rows of the share did not come out, None where that was not counted."""
        found = self.rows_ok.get(stage)
        return Spread.of(self.images - ok for ok in found) if found else None


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
            return cls._from_whole(plain)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise SettingError(f"{where}: a result of `picsum-vision bench` that is not whole") from error

    @classmethod
    def _from_whole(cls, plain: Mapping[str, Any]) -> SizingResult:
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in plain.items() if name in known}
        _ = values["settings"]["demand"]  # without which nothing can be said of it
        values["cold"] = _stages(plain.get("cold", {}))
        values["sizes"] = [
            SizeFigures(images=size["images"], repeats=[_stages(repeat) for repeat in size["repeats"]]) for size in plain["sizes"]
        ]
        notebook = plain.get("notebook")
        values["notebook"] = None if notebook is None else NotebookFigures(**notebook)
        return cls(**values)

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
    return {stage: StageFigures.from_dict(figures) for stage, figures in plain.items()}
