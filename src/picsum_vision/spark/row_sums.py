"""Rows by status, bytes and tokens, counted in batches that leave a stage."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

import pyarrow as pa

OUTCOMES: Final = ("download_outcome", "describe_outcome")


@dataclasses.dataclass
class RowSums:
    """Rows by the status of their download and of their description; bytes of images; tokens, None where no row has any."""

    download: Counter[str] = dataclasses.field(default_factory=Counter)
    describe: Counter[str] = dataclasses.field(default_factory=Counter)
    bytes: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def rows(self) -> int:
        """Rows that have come to their end: of both kinds, what a row has."""
        return max(self.download.total(), self.describe.total())

    def add(self, other: RowSums) -> None:
        """Take in what another one has counted."""
        self.download.update(other.download)
        self.describe.update(other.describe)
        self.bytes += other.bytes
        self.input_tokens = _sum(self.input_tokens, other.input_tokens)
        self.output_tokens = _sum(self.output_tokens, other.output_tokens)

    def count(self, batch: pa.RecordBatch, outcomes: Collection[str] = OUTCOMES) -> None:
        """Take in a batch, of its outcomes only those that are named."""
        if OUTCOMES[0] in outcomes and (downloads := _outcome(batch, OUTCOMES[0])) is not None:
            self.download.update(_counted(downloads))
            self.bytes += _total(downloads, "bytes") or 0
        if OUTCOMES[1] in outcomes and (answers := _outcome(batch, OUTCOMES[1])) is not None:
            self.describe.update(_counted(answers))
            self.input_tokens = _sum(self.input_tokens, _total(answers, "input_tokens"))
            self.output_tokens = _sum(self.output_tokens, _total(answers, "output_tokens"))

    def as_dict(self) -> dict[str, Any]:
        """Return the sums as JSON has them."""
        return {**vars(self), "download": dict(self.download), "describe": dict(self.describe)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> RowSums:
        """Return what `as_dict` has given; raises KeyError, TypeError, ValueError or AttributeError for anything else."""
        return cls(
            download=_counter(told["download"]),
            describe=_counter(told["describe"]),
            bytes=int(told["bytes"]),
            input_tokens=_integer(told["input_tokens"]),
            output_tokens=_integer(told["output_tokens"]),
        )


def _outcome(batch: pa.RecordBatch, name: str) -> pa.StructArray | None:
    index = batch.schema.get_field_index(name)
    return None if index < 0 else batch.column(index)


# In Python, not by pyarrow.compute: that takes longer to import in a fresh worker than a whole task's rows take here.
def _counted(outcomes: pa.StructArray) -> Counter[str]:
    return Counter(status for status in _values(outcomes, "status") if status is not None)


def _total(outcomes: pa.StructArray, field: str) -> int | None:
    known = [value for value in _values(outcomes, field) if value is not None]
    return sum(known) if known else None


def _values(outcomes: pa.StructArray, field: str) -> list[Any]:
    values: list[Any] = outcomes.field(outcomes.type.get_field_index(field)).to_pylist()
    return values


def _counter(told: Any) -> Counter[str]:
    return Counter({str(status): int(rows) for status, rows in told.items()})


def _integer(told: Any) -> int | None:
    return None if told is None else int(told)


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more
