"""Where a key is read from. The key itself is never held by a setting, so it cannot travel in a plan, log or pickle."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Literal

from picsum_vision.errors import EnvironmentProblem, MissingExtraError, SettingError
from picsum_vision.validation import check_choice, check_text


@dataclasses.dataclass(frozen=True)
class Secret:
    """A place where a key stands: an environment variable, a file, or a Databricks secret scope.

    Make it with :meth:`env`, :meth:`file` or :meth:`databricks`. Only the place is pickled; each worker reads the key itself.
    """

    source: Literal["env", "file", "databricks"]
    place: str

    def __post_init__(self) -> None:
        """Check the place's form; whether a key is there is known only where it is read."""
        check_choice("secret source", self.source, ("env", "file", "databricks"))
        check_text("secret place", self.place)
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
        """Read the key from a Databricks secret scope, by the runtime's `databricks-sdk`; white space around it is dropped."""
        return cls("databricks", f"{scope}/{key}")

    def read(self) -> str:
        """Return the key. Raises EnvironmentProblem, which names the place and never the key, if there is none."""
        key = self.read_line()
        if " " in key:
            raise self._no_key()
        return key

    def read_line(self) -> str:
        """Return a header's whole value, which may have blanks in it, as `Bearer ...`. Raises as :meth:`read` does."""
        line = {"env": self._from_env, "file": self._from_file, "databricks": self._from_databricks}[self.source]()
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
            raise MissingExtraError("databricks-sdk", "databricks") from error
        scope, _, key = self.place.partition("/")
        try:
            return str(WorkspaceClient().dbutils.secrets.get(scope, key)).strip()
        except Exception as error:  # the SDK raises many types; what matters is which secret
            raise EnvironmentProblem(f"{self}: cannot be read ({type(error).__name__})") from error
