"""libcurl's transfers on an asyncio loop: which sockets to watch, when to act, and which transfer has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import pycurl

Ended = Callable[[int, str], None]
_OK: Final = 0


class Multi:
    """Runs handles. Invariant: `ended` is told once of each handle that was added, unless it was removed before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run nothing yet."""
        self._loop = loop
        self._ended: dict[pycurl.Curl, Ended] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def add(self, handle: pycurl.Curl, ended: Ended) -> None:
        """Start a handle; `ended` gets libcurl's number (0 for success) and its words when it is over and removed."""
        self._ended[handle] = ended
        self._multi.add_handle(handle)

    def remove(self, handle: pycurl.Curl) -> None:
        """Stop a handle, if it still runs; a connection that carries half an answer is closed."""
        if self._ended.pop(handle, None) is not None:
            self._multi.remove_handle(handle)

    def close(self) -> None:
        """Stop all handles, and close all connections."""
        for handle in list(self._ended):
            self.remove(handle)
        self._multi.close()
        self._set_timer(-1)

    def _watch(self, event: int, descriptor: int, multi: pycurl.CurlMulti, data: object) -> None:
        del multi, data
        if event != pycurl.POLL_REMOVE and event & pycurl.POLL_IN:
            self._loop.add_reader(descriptor, self._act, descriptor, pycurl.CSELECT_IN)
        else:
            self._loop.remove_reader(descriptor)
        if event != pycurl.POLL_REMOVE and event & pycurl.POLL_OUT:
            self._loop.add_writer(descriptor, self._act, descriptor, pycurl.CSELECT_OUT)
        else:
            self._loop.remove_writer(descriptor)

    def _set_timer(self, milliseconds: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds >= 0:
            self._timer = self._loop.call_later(milliseconds / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, descriptor: int, events: int) -> None:
        self._multi.socket_action(descriptor, events)
        waiting = 1
        while waiting:
            waiting, good, bad = self._multi.info_read()
            for handle in good:
                self._end(handle, _OK, "")
            for handle, number, words in bad:
                self._end(handle, number, words)

    def _end(self, handle: pycurl.Curl, number: int, words: str) -> None:
        ended = self._ended.pop(handle, None)
        if ended is not None:
            self._multi.remove_handle(handle)
            ended(number, words)
