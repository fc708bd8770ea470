"""What a folder that all workers see knows of the batches that were created: which lines are in which."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from pathlib import Path

from picsum_vision.describing.batch_told import BatchCallFailed
from picsum_vision.outcomes import DescribeStatus


class BatchNotes:
    """One small file for each batch, written whole or not at all. Without a folder nothing is noted and nothing is known."""

    def __init__(self, folder: str | None, job: str, question: str) -> None:
        """Keep the notes of one job and question apart from others."""
        self._folder = None if folder is None else Path(folder) / hashlib.sha256(f"{job}\n{question}".encode()).hexdigest()[:32]

    def read(self) -> dict[str, list[str]]:
        """Return the lines' ids of each noted batch, in the order of its file.

        Raises BatchCallFailed where that cannot be known.
        """
        if self._folder is None:
            return {}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self._folder.glob("*.json"))]
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error
        return {note["batch_id"]: note["custom_ids"] for note in notes}

    def note(self, batch_id: str, custom_ids: Sequence[str]) -> None:
        """Note a batch that was created."""
        if self._folder is None:
            return
        path = self._folder / f"{hashlib.sha256(batch_id.encode()).hexdigest()[:32]}.json"
        unfinished = path.with_suffix(f".{uuid.uuid4().hex}")
        try:
            unfinished.write_text(json.dumps({"batch_id": batch_id, "custom_ids": list(custom_ids)}), encoding="utf-8")
            unfinished.replace(path)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> BatchCallFailed:
        reason = getattr(error, "strerror", None) or error
        return BatchCallFailed(DescribeStatus.INTERNAL, f"state: {str(self._folder)!r} cannot be used ({reason})")
