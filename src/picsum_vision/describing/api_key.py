"""The key of an endpoint, read where it is used; an access token, which ends, is the one of now in each request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from picsum_vision.access_tokens import access_tokens
from picsum_vision.errors import EnvironmentProblem
from picsum_vision.redaction import Redactor
from picsum_vision.secrets import Secret

_REFUSED: Final = 401
_HEADER: Final = "Authorization"
_SCHEME: Final = "Bearer "


class Authorization:
    """The header with the key, what hides the key in answers, and why there is no key where one should be.

    Only the workers can know whether it is there, and a job that fails there shows a stack trace; the rows say it plainly.
    """

    def __init__(self, api_key: Secret | None) -> None:
        """Read the key. Not to be called on an event loop's own thread: a token is asked for."""
        self.problem: str | None = None
        self.header: Mapping[str, str] = {}
        self.redactor = Redactor()
        self._key: str | None = None
        self._tokens = access_tokens(api_key) if api_key is not None and api_key.source == "databricks_oauth" else None
        if api_key is not None:
            try:
                self._take(api_key.read())
            except EnvironmentProblem as problem:
                self.problem = str(problem)

    async def fresh(self) -> Mapping[str, str]:
        """Return the header as it is to be sent now; raises EnvironmentProblem where a token has ended and there is no other."""
        if self._tokens is not None:
            token = self._tokens.current
            if token is None:
                token = await asyncio.to_thread(self._tokens.get)
            if token != self._key:
                self._take(token)
        return self.header

    async def is_renewed(self, http_status: int | None, sent: Mapping[str, str]) -> bool:
        """Return whether a request that was refused, with the header `sent`, is worth another try with a newer token."""
        if http_status != _REFUSED or self._tokens is None or _HEADER not in sent:
            return False
        return await asyncio.to_thread(self._tokens.replace, sent[_HEADER].removeprefix(_SCHEME))

    def _take(self, key: str) -> None:
        self.redactor = Redactor(key, self._key)  # an answer to the one before may be under way
        self._key, self.header = key, {_HEADER: f"{_SCHEME}{key}"}
