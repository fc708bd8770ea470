"""Where a key is read from. The key itself is never held by a setting, so it cannot travel in a plan, log or pickle."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from picsum_vision.access_tokens import access_tokens
from picsum_vision.errors import EnvironmentProblem, SettingError
from picsum_vision.redaction import cause, redact_error, redact_url
from picsum_vision.validation import check_choice, check_text

Source = Literal["env", "file", "databricks", "databricks_oauth"]
_SOURCES: Final = ("env", "file", "databricks", "databricks_oauth")
_WORKERS_OWN: Final = (
    "where workers may not ask the workspace, set {{{{secrets/{place}}}}} as an environment variable of the cluster "
    "and use Secret.env"
)


@dataclasses.dataclass(frozen=True)
class Secret:
    """A place where a key stands: an environment variable, a file, a Databricks secret scope, or a workspace's token endpoint.

    Make it with :meth:`env`, :meth:`file`, :meth:`databricks` or :meth:`databricks_oauth`. Only the place is pickled; each worker
    reads the key itself.
    """

    source: Source
    place: str
    client_id: str | Secret | None = None
    client_secret: Secret | None = None

    def __post_init__(self) -> None:
        """Check the place's form; whether a key is there is known only where it is read."""
        check_choice("secret source", self.source, _SOURCES)
        check_text("secret place", self.place)
        if self.source == "databricks_oauth":
            self._check_client()
        if self.source == "databricks" and not all(self.place.partition("/")):
            raise SettingError(f"secret place: {self.place!r} is not allowed; it must be scope/key")

    @classmethod
    def env(cls, variable: str) -> Secret:
        """Read the key from an environment variable of the worker."""
        return cls("env", variable)

    @classmethod
    def file(cls, path: str | os.PathLike[str]) -> Secret:
        """Read the key from a file that every worker sees; white space around it is dropped."""
        return cls("file", os.fspath(path))

    @classmethod
    def databricks(cls, scope: str, key: str) -> Secret:
        """Read the key from a Databricks secret scope, by the runtime's `databricks-sdk`; white space around it is dropped.

        The driver has the notebook's or the job's identity for that. Workers have none: there the SDK needs DATABRICKS_HOST and
        a client or token of its own in the environment. See docs/how-to/databricks.md for what works where.
        """
        return cls("databricks", f"{scope}/{key}")

    @classmethod
    def databricks_oauth(cls, *, host: str, client_id: str | Secret, client_secret: Secret) -> Secret:
        """Ask the workspace `host` for access tokens as a service principal, and for another one before each ends.

        Driver and workers ask for themselves, where they read `client_secret` and, if that is a Secret, `client_id`.
        """
        return cls("databricks_oauth", host.rstrip("/") if isinstance(host, str) else host, client_id, client_secret)

    def read(self) -> str:
        """Return the key. Raises EnvironmentProblem, which names the place and never the key, if there is none."""
        key = self.read_line()
        if " " in key:
            raise self._no_key()
        return key

    def read_line(self) -> str:
        """Return a header's whole value, which may have blanks in it, as `Bearer ...`. Raises as :meth:`read` does."""
        line: str = getattr(self, f"_from_{self.source}")()
        if not line:
            raise EnvironmentProblem(f"{self}: no key there; set it where the workers run")
        if not line.isprintable():
            raise self._no_key()
        return line

    def _no_key(self) -> EnvironmentProblem:
        return EnvironmentProblem(f"{self}: what stands there is no key: it has white space or line breaks inside")

    def __str__(self) -> str:
        """Name the place, as in `env:OPENAI_API_KEY`."""
        return f"{self.source}:{self.place}"

    def _check_client(self) -> None:
        try:
            parts = urlsplit(self.place)
            is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))
            is_host = is_safe and parts.hostname and not (parts.username or parts.query or parts.fragment)
        except ValueError:
            is_host = False
        if not is_host:
            raise SettingError(
                f"host: {redact_url(self.place)!r} is not allowed; it must be as in https://adb-123.azuredatabricks.net"
            )
        for setting, value in (("client_id", self.client_id), ("client_secret", self.client_secret)):
            is_place = isinstance(value, Secret) and value.source != "databricks_oauth"
            if not is_place and not (setting == "client_id" and isinstance(value, str) and value.strip()):
                # The value is not shown: it may be the secret itself.
                raise SettingError(f"{setting}: not a Secret; write Secret.env('NAME_OF_THE_VARIABLE')")

    def _from_env(self) -> str:
        return os.environ.get(self.place, "").strip()

    def _from_file(self) -> str:
        try:
            return Path(self.place).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EnvironmentProblem(f"{self}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError:
            # Not chained: that error holds the bytes.
            raise EnvironmentProblem(f"{self}: cannot be read (no UTF-8 text)") from None

    def _from_databricks(self) -> str:
        try:
            from databricks.sdk import WorkspaceClient  # noqa: PLC0415 - there on Databricks only
        except ImportError as error:
            raise EnvironmentProblem(f"{self}: databricks-sdk is not installed here: pip install databricks-sdk") from error
        scope, _, key = self.place.partition("/")
        try:
            return str(WorkspaceClient().dbutils.secrets.get(scope, key)).strip()
        except Exception as error:  # noqa: BLE001 - the SDK raises many types; what matters is which secret, and why
            why = f"{type(error).__name__}: {redact_error(error, at_most=200)}"
            raise EnvironmentProblem(f"{self}: cannot be read ({why}); {_WORKERS_OWN.format(place=self.place)}") from cause(error)

    def _from_databricks_oauth(self) -> str:
        return access_tokens(self).get()
