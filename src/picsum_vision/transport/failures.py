"""aiohttp's and the system's exceptions in our words: the one place that knows them."""

from __future__ import annotations

import asyncio
import enum
import socket
import ssl

import aiohttp

from picsum_vision.concurrency.deadline import DeadlinePassed


class TransportFailure(enum.Enum):
    """Why no whole answer came. The value is the word that both closed lists of outcomes use, where they have it."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN_OFF = "truncated"
    BAD_ANSWER = "bad_answer"
    INVALID_URL = "invalid_url"


MESSAGES = {
    TransportFailure.DNS: "the host's name has no address",
    TransportFailure.CONNECT: "no connection, or it was reset",
    TransportFailure.TLS: "no trusted TLS connection",
    TransportFailure.TIMEOUT: "no whole answer in time",
    TransportFailure.BROKEN_OFF: "the answer broke off",
    TransportFailure.BAD_ANSWER: "the answer is not HTTP",
    TransportFailure.INVALID_URL: "the address cannot be requested",
}


def translate(error: BaseException) -> TransportFailure | None:
    """Return what the exception means, None if it is none of the transport's."""
    if isinstance(error, (DeadlinePassed, asyncio.TimeoutError, TimeoutError)):
        return TransportFailure.TIMEOUT
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return TransportFailure.TLS
    if isinstance(error, aiohttp.ClientConnectorError):
        return TransportFailure.DNS if isinstance(error.os_error, socket.gaierror) else TransportFailure.CONNECT
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportFailure.BROKEN_OFF
    if isinstance(error, aiohttp.InvalidURL):
        return TransportFailure.INVALID_URL
    if isinstance(error, aiohttp.ClientResponseError):
        return TransportFailure.BAD_ANSWER
    if isinstance(error, (aiohttp.ClientConnectionError, ConnectionError)):
        return TransportFailure.CONNECT
    if isinstance(error, socket.gaierror):
        return TransportFailure.DNS
    return None
