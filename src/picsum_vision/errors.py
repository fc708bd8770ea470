"""Everything that picsum-vision raises on purpose.

    PicsumVisionError
    ├── SettingError            a setting, flag or argument is wrong; nothing was started
    ├── ColumnError             a column is missing, has another type, or is in the way
    ├── MissingExtraError       a package of an optional extra is not installed
    ├── EnvironmentProblem      what the machine or the session lacks
    │   ├── JavaProblem         no Java, or too old a one
    │   ├── TableProblem        a catalog, schema or table is missing or refuses
    │   └── PortInUse           a server cannot listen where it was told to
    ├── ImageSourceError        the image host's own listing could not be read
    └── ModelProblem            a model cannot be asked at all (unknown function, endpoint, signature)

A bad row is never an exception: it has an outcome (see :mod:`picsum_vision.outcomes`).
Every message is one line: the setting or thing, the value, and the remedy.
"""

from __future__ import annotations

from picsum_vision.redaction import redact_text


class PicsumVisionError(Exception):
    """Root of every error that this library raises on purpose. No message has anything secret in it."""

    def __init__(self, message: str = "") -> None:
        """Take the message, without what it may quote of addresses and keys."""
        super().__init__(redact_text(message))


class SettingError(PicsumVisionError, ValueError):
    """A setting is wrong. The message names it, its value and what is allowed."""


class ColumnError(SettingError):
    """A DataFrame lacks the column, has it with another type, or has one in the way."""


class MissingExtraError(PicsumVisionError, ImportError):
    """An optional package is missing. The message is the pip command that adds it."""

    def __init__(self, package: str, extra: str) -> None:
        """Name the missing `package` and the `extra` that brings it."""
        super().__init__(f"{package} is not installed: pip install 'picsum-vision[{extra}]'")


class EnvironmentProblem(PicsumVisionError):  # noqa: N818 - not an error of the code: the machine or session lacks something
    """The machine or the Spark session lacks something that the job needs."""


class JavaProblem(EnvironmentProblem):
    """No Java was found, or one that is too old for the installed Spark."""


class TableProblem(EnvironmentProblem):
    """A catalog, schema or table is missing or may not be used."""


class PortInUse(EnvironmentProblem):
    """A server cannot listen on the asked port."""


class ImageSourceError(PicsumVisionError):
    """The image host's list of pictures could not be read."""


class ModelProblem(PicsumVisionError):  # noqa: N818 - the model, not the code, is at fault
    """The model cannot be asked at all; no row was tried."""
