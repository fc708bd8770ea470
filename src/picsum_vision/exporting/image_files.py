"""One file an image, in folders of bounded size, and lines of JSON that say what belongs to each."""

from __future__ import annotations

import json
from pathlib import Path

from picsum_vision.exporting.shards import ExportedRow


class ImageFolder:
    """A folder of image files, and beside it its lines of metadata.jsonl, as `datasets`' imagefolder reads them.

    A line is a JSON object: `file_name` from the export's folder on, `text` where there is a description, and the other columns.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Make the folder and its file of lines."""
        self._name = name
        self._folder = folder / name
        self._folder.mkdir()
        self._lines = (folder / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n")
        self._bytes = 0

    def size_with(self, row: ExportedRow) -> int:
        """Return the images' bytes with this one."""
        return self._bytes + len(row.image)

    def write(self, key: str, row: ExportedRow) -> None:
        """Write the image and its line."""
        file_name = f"{key}.{row.extension}"
        (self._folder / file_name).write_bytes(row.image)
        line = {"file_name": f"{self._name}/{file_name}"}
        if row.text is not None:
            line["text"] = row.text
        self._lines.write(json.dumps({**json.loads(row.metadata), **line}, ensure_ascii=False) + "\n")
        self._bytes += len(row.image)

    def close(self) -> int:
        """Finish the lines."""
        self._lines.close()
        return self._bytes

    def abort(self) -> None:
        """Let go of the lines' file."""
        self._lines.close()
