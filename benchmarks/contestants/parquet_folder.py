"""A folder for one run's Parquet files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


class ParquetFolder:
    """A new folder at each `renew`; the one before is gone."""

    def __init__(self) -> None:
        """Begin without one."""
        self._root: Path | None = None

    def renew(self) -> Path:
        """Return a folder that does not exist yet, in a new place."""
        self.remove()
        self._root = Path(tempfile.mkdtemp(prefix="benchmark-"))
        return self._root / "rows"

    def remove(self) -> None:
        """Delete the folder, if there is one."""
        root, self._root = self._root, None
        if root is not None:
            shutil.rmtree(root)
