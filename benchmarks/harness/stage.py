"""What a group's contestants find: its servers, and the pictures that are made for them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from benchmarks.harness.case import Group
from benchmarks.harness.pictures import write_pictures
from benchmarks.harness.servers import RunningServer


class Stage:
    """The servers of a group, running, and its pictures in `folder`."""

    def __init__(self, group: Group, folder: Path) -> None:
        """Start the servers; if one does not start, none stays."""
        self._group = group
        self._folder = folder
        self._open = contextlib.ExitStack()
        with self._open:
            self._server = self._start(group.server)
            self._model = None if group.model is None else self._start(group.model)
            self._open = self._open.pop_all()

    def order(self, rows: int) -> dict[str, Any]:
        """Return where things are, for a contestant's order. It is in no result: addresses and paths say nothing to a reader."""
        found: dict[str, Any] = {"base_url": self._server.base_url}
        if self._model is not None:
            found["model_url"] = self._model.base_url
        if self._group.pictures is not None:
            found["pictures"] = str(write_pictures(self._group.pictures, rows, self._folder))
        return found

    def begin(self) -> None:
        """Count anew."""
        for server in (self._server, self._model):
            if server is not None:
                server.begin()

    def seen(self) -> dict[str, Any]:
        """Return what each server counted since `begin`."""
        found = {"server": self._server.seen()}
        return found if self._model is None else {**found, "model": self._model.seen()}

    def close(self) -> None:
        """End the servers."""
        self._open.close()

    def _start(self, server: Any) -> RunningServer:
        started = RunningServer(server)
        self._open.callback(started.stop)
        return started
