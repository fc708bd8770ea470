"""What can go wrong between us and a host, in our words: the one place that knows libcurl's numbers.

Exception
├── BadAnswer            what came is no HTTP
├── BrokenOff            the body's compressed form is damaged
├── AnswerTooLarge       more than whoever asked would take
└── CurlError            what libcurl says, with its own words
"""

from __future__ import annotations

import enum
import socket
from typing import Final

import pycurl

from picsum_vision.concurrency.deadline import DeadlinePassed


class BadAnswer(Exception):  # noqa: N818 - translated into an outcome, never shown
    """What came is no HTTP, or more than an answer may have."""


class BrokenOff(Exception):  # noqa: N818 - the same
    """A body's compressed form is damaged, or ends too early."""


class AnswerTooLarge(Exception):  # noqa: N818 - the same
    """The body is, or says it is, larger than whoever asked would take."""


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


class CurlError(Exception):
    """What libcurl says. `is_stale`: the connection had served before and not a byte came on it; nobody's failure for a GET."""

    def __init__(self, failure: TransportFailure, words: str) -> None:
        """Keep what it means, and libcurl's own words, in which OpenSSL's are."""
        super().__init__(words)
        self.failure = failure
        self.is_stale = False


def curl_error(number: int, words: str, *, has_head: bool) -> CurlError:
    """Return the error that libcurl's number stands for; behind a head whatever ends a connection breaks the body off."""
    failure = _OF_NUMBER.get(number)
    if failure is None:
        failure = TransportFailure.BROKEN_OFF if has_head else TransportFailure.CONNECT
    return CurlError(failure, words)


def translate(error: BaseException) -> TransportFailure | None:
    """Return what the exception means, None if it is none of the transport's."""
    if isinstance(error, CurlError):
        return error.failure
    if isinstance(error, socket.gaierror):
        return TransportFailure.DNS_FOR_NOW if error.errno == socket.EAI_AGAIN else TransportFailure.DNS
    return next((failure for kind, failure in _MEANINGS if isinstance(error, kind)), None)


_MEANINGS: Final[tuple[tuple[type[BaseException], TransportFailure], ...]] = (
    (DeadlinePassed, TransportFailure.TIMEOUT),
    (BrokenOff, TransportFailure.BROKEN_OFF),
    (AnswerTooLarge, TransportFailure.TOO_LARGE),
    (BadAnswer, TransportFailure.BAD_ANSWER),
    # A host name that the system cannot even encode.
    (UnicodeError, TransportFailure.INVALID_URL),
    (OSError, TransportFailure.CONNECT),  # no socket: too many open files
)
_OF_NUMBER: Final = {
    pycurl.E_COULDNT_RESOLVE_HOST: TransportFailure.DNS,
    pycurl.E_COULDNT_RESOLVE_PROXY: TransportFailure.DNS,
    pycurl.E_OPERATION_TIMEDOUT: TransportFailure.TIMEOUT,
    pycurl.E_SSL_CONNECT_ERROR: TransportFailure.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: TransportFailure.TLS,
    pycurl.E_SSL_CERTPROBLEM: TransportFailure.TLS,
    pycurl.E_SSL_CIPHER: TransportFailure.TLS,
    pycurl.E_SSL_CACERT_BADFILE: TransportFailure.TLS,
    pycurl.E_PARTIAL_FILE: TransportFailure.BROKEN_OFF,
    pycurl.E_BAD_CONTENT_ENCODING: TransportFailure.BROKEN_OFF,
    pycurl.E_UNSUPPORTED_PROTOCOL: TransportFailure.BAD_ANSWER,
    pycurl.E_FTP_WEIRD_SERVER_REPLY: TransportFailure.BAD_ANSWER,
    100: TransportFailure.BAD_ANSWER,  # CURLE_TOO_LARGE, of a head; pycurl has no name for it
    pycurl.E_URL_MALFORMAT: TransportFailure.INVALID_URL,
}
