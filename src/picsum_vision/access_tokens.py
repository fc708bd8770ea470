"""Access tokens of OAuth: asked for with a client's id and secret, once a process, and anew before they end."""

from __future__ import annotations

import base64
import functools
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.errors import EnvironmentProblem
from picsum_vision.redaction import Redactor, redact_error

if TYPE_CHECKING:
    from picsum_vision.secrets import Secret

_PATH: Final = "/oidc/v1/token"
_FORM: Final = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "all-apis"}).encode()
_TIMEOUT_S: Final = 30
_TRIES: Final = 3
_OF_THE_CLIENT: Final = range(400, 500)
_TOO_MANY: Final = 429
# Renewed so long before its end, a shorter one at its half: a request with it may be under way for minutes.
_MARGIN_S: Final = 300.0
_USUAL_LIFE_S: Final = 3_600.0
# Where the renewal fails and the token is still good, and how young a token is whose refusal no other one would change.
_AGAIN_AFTER_S: Final = 10.0
_YOUNG_S: Final = 60.0


class AccessTokens:
    """The tokens of one client, one after the other. Any thread may ask; one of them asks the token endpoint."""

    def __init__(self, secret: Secret) -> None:
        """Ask for none yet."""
        self._secret = secret
        self._lock = threading.Lock()
        self._token = self._replacement = ""
        self._made_s = self._renew_at_s = self._ends_at_s = 0.0

    @property
    def current(self) -> str | None:
        """The token, None where it is to be renewed before the next request."""
        return self._token if self._token and time.monotonic() < self._renew_at_s else None

    def get(self) -> str:
        """Return a token that is good for a while; raises EnvironmentProblem, which says why there is none."""
        with self._lock:
            if self.current is None:
                try:
                    self._ask()
                except EnvironmentProblem:
                    if time.monotonic() >= self._ends_at_s:
                        raise
                    self._renew_at_s = min(time.monotonic() + _AGAIN_AFTER_S, self._ends_at_s)
            return self._token

    def replace(self, refused: str) -> bool:
        """Return whether there is now another token than the one that was refused, which has ended before its time."""
        with self._lock:
            if self._token != refused:
                return True
            if refused == self._replacement and time.monotonic() < self._made_s + _YOUNG_S:
                return False
            try:
                self._ask()
            except EnvironmentProblem:
                return False  # that the token was refused says more
            self._replacement = self._token
            return True

    def _ask(self) -> None:
        asked_s = time.monotonic()
        told = self._answer()
        try:
            token, life_s = str(told["access_token"]), float(told.get("expires_in") or _USUAL_LIFE_S)
        except (LookupError, TypeError, ValueError, AttributeError):
            # Not chained: such an error may quote the answer, in which the token is.
            raise EnvironmentProblem(f"{self._secret}: {self._url} answered without an access token") from None
        self._token, self._made_s, self._ends_at_s = token, asked_s, asked_s + life_s
        self._renew_at_s = asked_s + max(life_s - _MARGIN_S, life_s / 2)

    @property
    def _url(self) -> str:
        return f"{self._secret.place}{_PATH}"

    def _answer(self) -> Any:
        """Return what the token endpoint says; trouble of the network or the server is tried again."""
        request = urllib.request.Request(self._url, _FORM, {"Accept": "application/json"})  # noqa: S310 - checked by Secret
        # A redirect to another host does not take it along.
        name, secret = self._client()
        login = base64.b64encode(f"{name}:{secret}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {login}")
        for tried in range(1, _TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the same
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                body = Redactor(secret, login).body(error.read(4_000)).decode("utf-8", "replace")
                problem = f"answered {error.code}: {redact_error(body, at_most=200)}"
                if error.code in _OF_THE_CLIENT and error.code != _TOO_MANY:
                    break
            except (OSError, ValueError) as error:
                problem = f"does not answer: {redact_error(getattr(error, 'reason', None) or error, at_most=200)}"
            if tried < _TRIES:
                time.sleep(tried)
        raise EnvironmentProblem(f"{self._secret}: {self._url} {problem}")

    def _client(self) -> tuple[str, str]:
        client_id, client_secret = self._secret.client_id, self._secret.client_secret
        assert client_secret is not None  # noqa: S101 - such a Secret has one
        name = client_id if isinstance(client_id, str) else client_id.read() if client_id is not None else ""
        return name, client_secret.read()


@functools.cache
def access_tokens(secret: Secret) -> AccessTokens:
    """Return the process's tokens of this client."""
    return AccessTokens(secret)
