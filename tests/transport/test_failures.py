"""Every exception of a request has a meaning."""

from __future__ import annotations

import asyncio
import inspect
import socket

import pycurl
import pytest

from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.transport import failures
from picsum_vision.transport.failures import MESSAGES, BadAnswer, BrokenOff, TransportFailure, curl_error, translate

OURS = [
    kind
    for _, kind in inspect.getmembers(failures, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == failures.__name__
]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_no_exception_of_the_transport_is_missed(kind: type[Exception]) -> None:
    """Each exception that the connection can end an exchange with is translated."""
    error = kind.__new__(kind)
    if isinstance(error, failures.CurlError):
        error.failure = TransportFailure.CONNECT
    assert isinstance(translate(error), TransportFailure)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (DeadlinePassed(), TransportFailure.TIMEOUT),
        (OSError(24, "too many open files"), TransportFailure.CONNECT),
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


@pytest.mark.parametrize(
    ("number", "has_head", "meaning"),
    [
        (pycurl.E_COULDNT_CONNECT, False, TransportFailure.CONNECT),
        (pycurl.E_GOT_NOTHING, False, TransportFailure.CONNECT),
        (pycurl.E_RECV_ERROR, False, TransportFailure.CONNECT),
        (pycurl.E_RECV_ERROR, True, TransportFailure.BROKEN_OFF),
        (pycurl.E_PARTIAL_FILE, True, TransportFailure.BROKEN_OFF),
        (pycurl.E_OPERATION_TIMEDOUT, False, TransportFailure.TIMEOUT),
        (pycurl.E_PEER_FAILED_VERIFICATION, False, TransportFailure.TLS),
        (pycurl.E_COULDNT_RESOLVE_PROXY, False, TransportFailure.DNS),
        (pycurl.E_URL_MALFORMAT, False, TransportFailure.INVALID_URL),
        (999, False, TransportFailure.CONNECT),
    ],
)
def test_meaning_of_libcurls_numbers(number: int, has_head: bool, meaning: TransportFailure) -> None:
    """Each number has a meaning, also one that is not known; libcurl's words are kept."""
    error = curl_error(number, "its words", has_head=has_head)
    assert (translate(error), str(error)) == (meaning, "its words")


@pytest.mark.parametrize("error", [KeyError(), ZeroDivisionError(), MemoryError(), asyncio.CancelledError()], ids=repr)
def test_our_own_mistakes_are_none_of_the_transports(error: BaseException) -> None:
    """What is no failure of the transport is not made one."""
    assert translate(error) is None


def test_every_failure_has_a_message() -> None:
    """Each meaning can be said in a sentence."""
    assert set(MESSAGES) == set(TransportFailure)
