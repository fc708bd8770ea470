"""What is measured, as values that travel as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

StageName = Literal["urls", "download", "describe", "total"]
STAGES: Final[tuple[StageName, ...]] = get_args(StageName)
# The notebook's own words for the columns of its table.
COLUMN_OF: Final[Mapping[str, str]] = {"download": "download", "describe": "inference", "total": "total"}


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

    @property
    def images_per_second(self) -> float:
        """Rows with status ok for each second."""
        return self.rows_ok / self.seconds if self.seconds > 0 else 0.0

    def metrics(self) -> dict[str, float]:
        """Return the single figures by name; the names are the same for every run."""
        cpu = None if self.cpu_seconds is None else sum(value for kind, value in self.cpu_seconds.items() if kind != "servers")
        figures: dict[str, float | None] = {
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
            "rows_ok": self.rows_ok,
            "rows_failed": self.rows - self.rows_ok,
            "questions": self.questions,
            "bytes": self.bytes,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": self.cost,
            "cpu_seconds": cpu,
            **{f"latency_{name}_ms": value for name, value in self.latency_ms.items()},
            **{f"peak_memory_mb.{kind}": value for kind, value in (self.peak_memory_mb or {}).items()},
        }
        return {name: float(value) for name, value in figures.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for :meth:`from_dict`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> StageFigures:
        """Return what :meth:`as_dict` wrote; what a newer version has added is left aside."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in plain.items() if name in known}
        values["series"] = tuple((float(second), int(done), int(busy)) for second, done, busy in plain.get("series", ()))
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Spread:
    """A figure measured several times."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Take the values in the order in which they were measured."""
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest value."""
        return max(self.values)
