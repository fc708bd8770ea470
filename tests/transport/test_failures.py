"""Every exception of the client has a meaning."""

from __future__ import annotations

import asyncio
import inspect
import socket
import ssl

import aiohttp
import pytest
from aiohttp import client_exceptions, http_exceptions

from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.transport.failures import MESSAGES, TransportFailure, translate

FOREIGN = sorted(
    {
        kind
        for module in (aiohttp, client_exceptions, http_exceptions)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, (aiohttp.ClientError, http_exceptions.HttpProcessingError))
    },
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_no_exception_of_aiohttp_is_missed(kind: type[Exception]) -> None:
    """Each exception that aiohttp's client or parser can raise is translated."""
    error = kind.__new__(kind)
    error._os_error = OSError()  # type: ignore[attr-defined] - what connecting errors wrap
    assert isinstance(translate(error), TransportFailure)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (DeadlinePassed(), TransportFailure.TIMEOUT),
        (asyncio.TimeoutError(), TransportFailure.TIMEOUT),
        (aiohttp.ServerTimeoutError(), TransportFailure.TIMEOUT),
        (ConnectionResetError(), TransportFailure.CONNECT),
        (aiohttp.ServerDisconnectedError(), TransportFailure.CONNECT),
        (aiohttp.ClientOSError(104, "reset"), TransportFailure.CONNECT),
        (OSError(24, "too many open files"), TransportFailure.CONNECT),
        (ssl.SSLError(), TransportFailure.TLS),
        (ssl.SSLCertVerificationError(), TransportFailure.TLS),
        (socket.gaierror(socket.EAI_NONAME, ""), TransportFailure.DNS),
        (socket.gaierror(socket.EAI_AGAIN, ""), TransportFailure.DNS_FOR_NOW),
        (aiohttp.ClientPayloadError(), TransportFailure.BROKEN_OFF),
        (aiohttp.InvalidURL("x"), TransportFailure.INVALID_URL),
        (UnicodeError("label too long"), TransportFailure.INVALID_URL),
        (http_exceptions.BadStatusLine("x"), TransportFailure.BAD_ANSWER),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.value,
)
def test_meaning(error: Exception, meaning: TransportFailure) -> None:
    """Each kind of failure has its own word."""
    assert translate(error) is meaning


@pytest.mark.parametrize("error", [KeyError(), ZeroDivisionError(), MemoryError(), asyncio.CancelledError()], ids=repr)
def test_our_own_mistakes_are_none_of_the_transports(error: BaseException) -> None:
    """What is no failure of the transport is not made one."""
    assert translate(error) is None


def test_every_failure_has_a_message() -> None:
    """Each meaning can be said in a sentence."""
    assert set(MESSAGES) == set(TransportFailure)
