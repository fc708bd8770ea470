"""Every exception of a request has a meaning."""

from __future__ import annotations

import asyncio
import inspect
import socket
import ssl

import pytest

from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.transport import failures
from picsum_vision.transport.failures import MESSAGES, BadAnswer, BrokenOff, ConnectionLost, TransportFailure, translate

OURS = [
    kind
    for _, kind in inspect.getmembers(failures, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == failures.__name__
]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_no_exception_of_the_transport_is_missed(kind: type[Exception]) -> None:
    """Each exception that the connection can end an exchange with is translated."""
    assert isinstance(translate(kind.__new__(kind)), TransportFailure)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (DeadlinePassed(), TransportFailure.TIMEOUT),
        (asyncio.TimeoutError(), TransportFailure.TIMEOUT),
        (ConnectionResetError(), TransportFailure.CONNECT),
        (ConnectionLost(stale=False), TransportFailure.CONNECT),
        (OSError(24, "too many open files"), TransportFailure.CONNECT),
        (ssl.SSLError(), TransportFailure.TLS),
        (ssl.SSLCertVerificationError(), TransportFailure.TLS),
        (socket.gaierror(socket.EAI_NONAME, ""), TransportFailure.DNS),
        (socket.gaierror(socket.EAI_AGAIN, ""), TransportFailure.DNS_FOR_NOW),
        (BrokenOff(), TransportFailure.BROKEN_OFF),
        (UnicodeError("label too long"), TransportFailure.INVALID_URL),
        (BadAnswer("x"), TransportFailure.BAD_ANSWER),
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
