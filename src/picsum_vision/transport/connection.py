"""One HTTP/1.1 connection: bytes in, an exchange at a time.

httptools (llhttp, the parser of Node.js) reads the protocol; this class decides what follows from it. All connections of a loop
read into one buffer, for what is read is parsed before the next one's turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import httptools

from picsum_vision.transport.exchange import EnoughRead, Exchange
from picsum_vision.transport.failures import BadAnswer, BrokenOff, ConnectionLost
from picsum_vision.transport.head import Fields, Head

# At least what asyncio decrypts ahead of a pause (256 KiB): when the host closes, it hands on no more than one buffer of it.
READ_BYTES: Final = 262_144
# Of a head, and of what stands between the parts of a body or behind it: sizes and extensions of chunks, trailers.
_BYTES_WITHOUT_BODY_AT_MOST: Final = 65_536
_INTERIM_ANSWERS_AT_MOST: Final = 20
_INTERIM: Final = range(100, 200)


class HttpConnection(asyncio.BufferedProtocol):
    """States: idle -> busy with an exchange (reading or, for its sink, waiting) -> idle ... -> lost.

    Invariant: an exchange that was sent is ended exactly once, with success or with an exception; after a failure, or an answer
    that does not end cleanly, the connection is never used again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, buffer: bytearray, on_idle: Callable[[HttpConnection], None]) -> None:
        """Read into `buffer`; `on_idle` is told each time an exchange is over and the connection can serve again."""
        self._loop = loop
        self._buffer = memoryview(buffer)
        self._on_idle = on_idle
        self.idle_since_s = 0.0
        self.served = 0
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._exchange: Exchange | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._fields: Fields = []
        self._chunks: list[bytes] = []
        self._head: Head | None = None
        self._bytes_without_body = 0
        self._interim = 0
        self._is_complete = self._keeps_alive = self._has_surplus = self._is_touched = self._has_ended = False
        self._is_sending = False
        self._is_writable = asyncio.Event()
        self._is_writable.set()

    def _new_parser(self) -> httptools.HttpResponseParser:
        parser = httptools.HttpResponseParser(self)
        # As browsers and Node.js are: servers that are not quite right about line ends and header values are common.
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        return parser

    # What the pool and the client call.

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent on it."""
        if self._transport is None or self._has_ended:
            return False
        try:
            return not self._transport.is_closing()
        except AttributeError:  # TLS of Python 3.10, once it has lost its connection and before it says so
            return False

    def send(self, request: bytes, exchange: Exchange) -> None:
        """Send a request; its exchange ends when the answer is whole, or the connection fails. Raises ConnectionLost."""
        if self._transport is None:
            raise ConnectionLost(stale=self.served > 0)  # the host has ended it since it was made
        self._exchange = exchange
        self._head, self._fields, self._chunks = None, [], []
        self._bytes_without_body = self._interim = 0
        self._is_complete = self._has_surplus = self._is_touched = False
        self._transport.write(request)

    async def send_parts(self, head: bytes, parts: Iterable[bytes], exchange: Exchange) -> None:
        """Send a request whose body comes in parts, no faster than the host takes them, until it is sent or answered.

        An answer that comes before the body is whole ends the connection.
        """
        self.send(head, exchange)
        self._is_sending = True
        for part in parts:
            await self._is_writable.wait()
            if exchange.done.done() or self._transport is None:
                return
            self._transport.write(part)
        self._is_sending = False

    def fail(self, error: BaseException) -> None:
        """End the exchange with `error` (EnoughRead: with success), and the connection with it."""
        exchange = self._exchange
        self.abort()
        if exchange is None or exchange.done.done():
            return
        if isinstance(error, EnoughRead):
            exchange.done.set_result(None)
        else:
            exchange.done.set_exception(error)

    def give_up(self, exchange: Exchange) -> None:
        """Drop the connection if it still carries `exchange`, which nobody awaits any more; it may be serving another one."""
        if self._exchange is exchange:
            self.abort()

    def abort(self) -> None:
        """Drop the connection at once. To be called on an idle one, or by whoever ends its exchange."""
        self._exchange = None
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream protocol gets
        self._transport = transport
        # Not before: the parser and this object hold each other until the connection is lost.
        self._parser = self._new_parser()

    def pause_writing(self) -> None:
        """Learn that the host does not take more for now."""
        self._is_writable.clear()

    def resume_writing(self) -> None:
        """Learn that it does."""
        self._is_writable.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read into."""
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what came, and hand it on."""
        exchange = self._exchange
        if exchange is None or self._parser is None:
            self.abort()  # an idle connection has nothing to say: what comes now would spoil the next answer
            return
        self._is_touched = True
        self._bytes_without_body += nbytes
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._is_complete:
                self._break_off(exchange, error)
                return
            self._has_surplus = True  # more came than was announced: the answer is whole, the connection spoilt
        self._hand_on(exchange)

    def _break_off(self, exchange: Exchange, error: Exception) -> None:
        if self._head is None:
            self.fail(BadAnswer(str(error)))
            return
        # Behind a good head it is the body that is broken, as by a proxy that gave up on it.
        self._hand_on(exchange)
        self.fail(BrokenOff())

    def eof_received(self) -> bool:
        """Let the transport close itself; with TLS that takes some turns of the loop."""
        self._has_ended = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is under way: as success where the end of the connection is the end of the body."""
        self._parser = None
        self._transport = None
        self._is_writable.set()
        exchange = self._exchange
        if exchange is None or self._is_complete:
            return
        if exchange.head is None:
            self.fail(ConnectionLost(stale=self.served > 0 and not self._is_touched))
        elif exc is None and not exchange.head.is_framed:
            self._is_complete, self._keeps_alive = True, False
            self._go_on(exchange)
        else:
            self.fail(BrokenOff())

    # What the parser calls: it only collects, for what is raised in here would come out garbled.

    def on_message_begin(self) -> None:
        """Begin an answer; a second one to the same request is surplus."""
        self._has_surplus = self._is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field of the head; those behind a chunked body are collected, too, and nobody asks for them."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Make the head, unless it is an interim one (1xx)."""
        if self._is_complete or self._parser is None:
            return
        status = self._parser.get_status_code()
        if status not in _INTERIM:
            self._head = Head(status, self._fields)
        self._fields = []

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body."""
        if not self._is_complete:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Note the end of the answer, or count an interim one."""
        if self._head is None:
            self._interim += 1
        elif not self._is_complete and self._parser is not None:
            self._is_complete = True
            self._keeps_alive = self._parser.should_keep_alive()

    # What follows.

    def _hand_on(self, exchange: Exchange) -> None:
        try:
            if exchange.head is None:
                if self._head is None:
                    self._check_no_body_so_far()
                    return
                exchange.begin_body(self._head, self._loop.time())
                exchange.sink.head(self._head)
            if self._chunks:
                chunks, self._chunks = self._chunks, []
                self._bytes_without_body = 0
                for chunk in chunks:
                    exchange.sink.data(chunk)
            elif not self._is_complete:
                self._check_no_body_so_far()
        except Exception as error:  # noqa: BLE001 - the sink's own reasons, which its owner awaits
            self.fail(error)
        else:
            self._go_on(exchange)

    def _check_no_body_so_far(self) -> None:
        if self._bytes_without_body > _BYTES_WITHOUT_BODY_AT_MOST:
            raise BadAnswer("too much that is no body")
        if self._interim > _INTERIM_ANSWERS_AT_MOST:
            raise BadAnswer("too many interim answers")

    def _go_on(self, exchange: Exchange) -> None:
        if self._waiting is not None:
            return
        try:
            wait = exchange.sink.wait()
            if wait is None and self._is_complete:
                exchange.sink.end()
        except Exception as error:  # noqa: BLE001 - the same
            self.fail(error)
            return
        if wait is not None:
            if self.is_open and self._transport is not None:
                self._transport.pause_reading()
            exchange.pause(self._loop.time())
            # The awaitable itself, not a coroutine around it: cancelled before it began, that would never await it.
            self._waiting = asyncio.ensure_future(wait, loop=self._loop)
            self._waiting.add_done_callback(lambda waited: self._stop_waiting(exchange, waited))
        elif self._is_complete:
            self._finish(exchange)

    def _stop_waiting(self, exchange: Exchange, waited: asyncio.Future[None]) -> None:
        error = None if waited.cancelled() else waited.exception()
        if self._waiting is not waited:
            return  # the exchange was ended meanwhile
        self._waiting = None
        exchange.resume(self._loop.time())
        if waited.cancelled():
            self.abort()
            exchange.done.cancel()
        elif error is not None:
            self.fail(error)
        else:
            self._go_on(exchange)
            if self._waiting is None and self.is_open and self._transport is not None:
                self._transport.resume_reading()

    def _finish(self, exchange: Exchange) -> None:
        self._exchange = None
        self.served += 1
        if not exchange.done.done():
            exchange.done.set_result(None)
        transport = self._transport
        if transport is None:
            return
        # A host that answers before it has read all of a request may never read the rest.
        is_sent = not self._is_sending and not transport.get_write_buffer_size()
        if self._keeps_alive and not self._has_surplus and self.is_open and is_sent:
            self.idle_since_s = self._loop.time()
            self._on_idle(self)
        else:
            transport.abort()
