"""Which names the pieces get in the end, numbered through over all tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from picsum_vision.exporting.plan import Attempt, ExportPlan


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinalNames:
    """What is moved, from the export's staging folder to its folder, and which files of lines are joined into which file."""

    moves: tuple[tuple[str, str], ...]
    lines: tuple[str, ...] = ()
    lines_target: str = ""

    @property
    def files(self) -> list[str]:
        """The names that a reader finds."""
        return [target for _, target in self.moves] + ([self.lines_target] if self.lines else [])


def final_names(plan: ExportPlan, attempts: Sequence[Attempt]) -> FinalNames:
    """Return the names for what these attempts wrote; the attempts stand in the order of their partitions."""
    sources = [(f"{attempt.folder}/{shard.name}", shard.name) for attempt in attempts for shard in attempt.shards]
    if plan.layout == "webdataset":
        return FinalNames(moves=tuple((source, f"{plan.split}-{number:06d}.tar") for number, (source, _) in enumerate(sources)))
    if plan.layout == "huggingface":
        in_all = len(sources)
        return FinalNames(
            moves=tuple(
                (source, f"data/{plan.split}-{number:05d}-of-{in_all:05d}.parquet") for number, (source, _) in enumerate(sources)
            )
        )
    # The lines of metadata.jsonl name these folders already.
    return FinalNames(
        moves=tuple(sources), lines=tuple(f"{source}.jsonl" for source, _ in sources), lines_target="metadata.jsonl"
    )
