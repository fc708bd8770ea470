"""What can go wrong between us and a host, in our words: the one place that knows the exceptions.

Exception
├── BadAnswer            what came is no HTTP
├── BrokenOff            the body ended before its end
├── AnswerTooLarge       more than whoever asked would take
└── ConnectionError
    └── ConnectionLost   no head came
"""

from __future__ import annotations

import asyncio
import enum
import socket
import ssl
from typing import Final

from picsum_vision.concurrency.deadline import DeadlinePassed


class BadAnswer(Exception):  # noqa: N818 - translated into an outcome, never shown
    """What came is no HTTP, or more than an answer may have."""


class BrokenOff(Exception):  # noqa: N818 - the same
    """The connection ended in the middle of a body, or its compressed form is damaged."""


class AnswerTooLarge(Exception):  # noqa: N818 - the same
    """The body is, or says it is, larger than whoever asked would take."""


class ConnectionLost(ConnectionError):  # noqa: N818 - the same
    """The connection ended before the head of an answer.

    `stale`: it had served before and not a byte came on it: the host has closed it while it was idle, just as it was used again.
    """

    def __init__(self, *, stale: bool) -> None:
        """Say whether it is nobody's failure."""
        super().__init__("the connection ended before an answer")
        self.stale = stale


class TransportFailure(enum.Enum):
    """Why no whole answer came. The value is the word that both closed lists of outcomes use, where they have it."""

    DNS = "dns"
    DNS_FOR_NOW = "dns_for_now"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN_OFF = "truncated"
    BAD_ANSWER = "bad_answer"
    TOO_LARGE = "too_large"
    INVALID_URL = "invalid_url"


MESSAGES = {
    TransportFailure.DNS: "the host's name has no address",
    TransportFailure.DNS_FOR_NOW: "the host's name could not be looked up",
    TransportFailure.CONNECT: "no connection, or it was reset",
    TransportFailure.TLS: "no trusted TLS connection",
    TransportFailure.TIMEOUT: "no whole answer in time",
    TransportFailure.BROKEN_OFF: "the answer broke off",
    TransportFailure.BAD_ANSWER: "the answer is not HTTP",
    TransportFailure.TOO_LARGE: "the answer is too large",
    TransportFailure.INVALID_URL: "the address cannot be requested",
}


def translate(error: BaseException) -> TransportFailure | None:
    """Return what the exception means, None if it is none of the transport's."""
    if isinstance(error, socket.gaierror):
        return TransportFailure.DNS_FOR_NOW if error.errno == socket.EAI_AGAIN else TransportFailure.DNS
    return next((failure for kinds, failure in _MEANINGS if isinstance(error, kinds)), None)


# The first that fits: several are subclasses of those further down.
_MEANINGS: Final[tuple[tuple[tuple[type[BaseException], ...], TransportFailure], ...]] = (
    ((DeadlinePassed, asyncio.TimeoutError, TimeoutError), TransportFailure.TIMEOUT),
    ((ssl.SSLError, ssl.CertificateError), TransportFailure.TLS),
    ((BrokenOff,), TransportFailure.BROKEN_OFF),
    ((AnswerTooLarge,), TransportFailure.TOO_LARGE),
    # A host name that the system cannot even encode is a UnicodeError.
    ((UnicodeError,), TransportFailure.INVALID_URL),
    ((BadAnswer,), TransportFailure.BAD_ANSWER),
    ((OSError, EOFError), TransportFailure.CONNECT),
)
