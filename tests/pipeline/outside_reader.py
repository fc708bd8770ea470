"""Somebody who reads the tables all the time, from outside Spark, while runs come and go."""

from __future__ import annotations

import threading
from pathlib import Path

ROLES = ("image_codes", "image_desc")


class OutsideReader:
    """Looks again and again; `seen` has (role, rows, distinct addresses) of each look."""

    def __init__(self, folder: Path, table_format: str) -> None:
        """Name the folder that holds the tables themselves."""
        self.seen: list[tuple[str, int, int]] = []
        self._folder = folder
        self._format = table_format
        self._done = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> OutsideReader:  # noqa: PYI034 - Python 3.10 has no Self
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Assert that no look failed, that no address was there twice in any, and that rows only ever came."""
        if self._error is not None:
            raise self._error
        assert self.seen
        assert all(rows == distinct for _, rows, distinct in self.seen), self.seen
        for role in ROLES:
            counts = [rows for name, rows, _ in self.seen if name == role]
            assert counts == sorted(counts)

    def _look(self) -> None:
        try:
            while not self._done.wait(0.3):
                for role in ROLES:
                    addresses = self._addresses(role)
                    if addresses is not None:
                        self.seen.append((role, len(addresses), len(set(addresses))))
        except BaseException as error:  # noqa: BLE001 - told by `check`
            self._error = error

    def _addresses(self, role: str) -> list[str] | None:
        table = self._folder / role
        if self._format == "delta":
            from deltalake import DeltaTable

            if not any((table / "_delta_log").glob("*.json")):
                return None
            return DeltaTable(str(table)).to_pyarrow_table(columns=["image_url"])["image_url"].to_pylist()
        from pyiceberg.table import StaticTable

        versions = {int(path.name[1:].split(".")[0]): path for path in (table / "metadata").glob("v*.metadata.json")}
        if not versions:
            return None
        newest = StaticTable.from_metadata(str(versions[max(versions)]))
        return newest.scan(selected_fields=("image_url",)).to_arrow()["image_url"].to_pylist()
