"""aiohttp's and the system's exceptions in our words: the one place that knows them."""

from __future__ import annotations

import asyncio
import enum
import socket
import ssl
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, PayloadEncodingError

from picsum_vision.concurrency.deadline import DeadlinePassed


class TransportFailure(enum.Enum):
    """Why no whole answer came. The value is the word that both closed lists of outcomes use, where they have it."""

    DNS = "dns"
    DNS_FOR_NOW = "dns_for_now"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN_OFF = "truncated"
    BAD_ANSWER = "bad_answer"
    INVALID_URL = "invalid_url"


MESSAGES = {
    TransportFailure.DNS: "the host's name has no address",
    TransportFailure.DNS_FOR_NOW: "the host's name could not be looked up",
    TransportFailure.CONNECT: "no connection, or it was reset",
    TransportFailure.TLS: "no trusted TLS connection",
    TransportFailure.TIMEOUT: "no whole answer in time",
    TransportFailure.BROKEN_OFF: "the answer broke off",
    TransportFailure.BAD_ANSWER: "the answer is not HTTP",
    TransportFailure.INVALID_URL: "the address cannot be requested",
}


def translate(error: BaseException) -> TransportFailure | None:
    """Return what the exception means, None if it is none of the transport's."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, socket.gaierror):
        error = error.os_error
    if isinstance(error, socket.gaierror):
        return TransportFailure.DNS_FOR_NOW if error.errno == socket.EAI_AGAIN else TransportFailure.DNS
    return next((failure for kinds, failure in _MEANINGS if isinstance(error, kinds)), None)


# The first that fits: several are subclasses of those further down.
_MEANINGS: Final[tuple[tuple[tuple[type[BaseException], ...], TransportFailure], ...]] = (
    ((DeadlinePassed, asyncio.TimeoutError, TimeoutError), TransportFailure.TIMEOUT),
    ((aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch, ssl.SSLError, ssl.CertificateError), TransportFailure.TLS),
    ((aiohttp.ClientPayloadError, PayloadEncodingError), TransportFailure.BROKEN_OFF),
    # A host name that the system cannot even encode is a UnicodeError.
    ((aiohttp.InvalidURL, UnicodeError), TransportFailure.INVALID_URL),
    ((aiohttp.ClientResponseError, HttpProcessingError), TransportFailure.BAD_ANSWER),
    ((aiohttp.ClientConnectionError, OSError, EOFError), TransportFailure.CONNECT),
    # What newer versions add (a URL that is no HTTP URL) and what is none of the above.
    ((aiohttp.ClientError,), TransportFailure.BAD_ANSWER),
)
