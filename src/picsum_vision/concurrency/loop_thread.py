"""One event loop in a thread of its own, for the whole life of a worker process.

Spark reuses a worker process for many tasks; with the loop, connections and DNS results stay warm from one to the next.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final, TypeVar

T = TypeVar("T")
_FAREWELL_S: Final = 2.0


class LoopThread:
    """The process's event loop. :meth:`current` makes it where there is none, as after a fork."""

    _current: ClassVar[LoopThread | None] = None
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        """Start the thread."""
        self._pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.kept: dict[Any, Any] = {}
        # A daemon thread: a worker that Spark ends must not wait for it.
        self._thread = threading.Thread(target=self.loop.run_forever, name="picsum-vision-loop", daemon=True)
        self._thread.start()

    @classmethod
    def current(cls) -> LoopThread:
        """Return this process's loop thread."""
        with cls._making:
            if cls._current is None or cls._current._pid != os.getpid():  # noqa: SLF001 - our own
                cls._current = LoopThread()
                atexit.register(cls._current.stop)
            return cls._current

    @property
    def is_here(self) -> bool:
        """Whether the calling thread is the loop's own."""
        return threading.get_ident() == self._thread.ident

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for its result. Not to be called on the loop's own thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def keep(self, key: Any, make: Callable[[], T]) -> T:
        """Return what is kept under `key`, made at the first call. To be called on the loop.

        What is kept and has an asynchronous `close` is closed when the loop stops.
        """
        if key not in self.kept:
            self.kept[key] = make()
        kept: T = self.kept[key]
        return kept

    def stop(self) -> None:
        """Close what is kept and end the thread. In a process that was forked off later there is nothing to stop."""
        if self._pid != os.getpid() or not self._thread.is_alive():
            return
        self.run(asyncio.wait_for(self._close_kept(), _FAREWELL_S))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_FAREWELL_S)
        self.loop.close()

    async def _close_kept(self) -> None:
        closing = [kept.close() for kept in self.kept.values() if asyncio.iscoroutinefunction(getattr(kept, "close", None))]
        self.kept.clear()
        await asyncio.gather(*closing, return_exceptions=True)
