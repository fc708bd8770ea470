"""WebDataset: tar files in which the members of one sample follow one another and share a key."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Final

from picsum_vision.exporting.shards import ExportedRow

_BLOCK_BYTES: Final = 512
_READABLE_BY_ALL: Final = 0o444


class TarShard:
    """`key.jpg` (or what the bytes are), `key.txt` where there is a description, `key.json` with the other columns.

    Written front to back, as mounted object stores want it. A key has no dot: what follows the first one is the member's kind.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Open the file."""
        self._file = (folder / name).open("wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - closed by close

    def size_with(self, row: ExportedRow) -> int:
        """Return the file's bytes with this row."""
        members = sum(_in_tar(len(data)) for _, data in _members(row))
        # Two empty blocks end the file, which is a whole number of records.
        return _whole(self._file.tell() + members + 2 * _BLOCK_BYTES, tarfile.RECORDSIZE)

    def write(self, key: str, row: ExportedRow) -> None:
        """Add the members of one sample."""
        for kind, data in _members(row):
            member = tarfile.TarInfo(f"{key}.{kind}")
            member.size, member.mode = len(data), _READABLE_BY_ALL
            self._tar.addfile(member, io.BytesIO(data))

    def close(self) -> int:
        """Finish the file."""
        self._tar.close()
        size = self._file.tell()
        self._file.close()
        return size

    def abort(self) -> None:
        """Let go of the file."""
        self._file.close()


def _members(row: ExportedRow) -> list[tuple[str, bytes]]:
    text = [] if row.text is None else [("txt", row.text.encode("utf-8", "replace"))]
    return [(row.extension, row.image), *text, ("json", row.metadata.encode("utf-8", "replace"))]


def _in_tar(size: int) -> int:
    return _BLOCK_BYTES + _whole(size, _BLOCK_BYTES)


def _whole(size: int, unit: int) -> int:
    return -(-size // unit) * unit
