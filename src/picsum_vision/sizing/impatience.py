"""MLflow made impatient and quiet: a server that is not there is noticed in seconds, where it would try for minutes."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Final

_IMPATIENT: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}
_WITHOUT_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
# It would print each run's address on stdout, where the result stands, with the password of the tracking URI.
_QUIET: Final = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
_TALKATIVE: Final = ("alembic", "mlflow.store.db", "mlflow.system_metrics", "mlflow.tracking")


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Be so for the time of the block; what the environment says of patience already stands."""
    patience = {name: value for name, value in _IMPATIENT.items() if name not in os.environ}
    levels = {name: logging.getLogger(name).level for name in _TALKATIVE}
    with _environment({**patience, **_QUIET}):
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def without_patience() -> Iterator[None]:
    """Ask each thing once and briefly for the time of the block: of a server that has failed already."""
    with _environment(_WITHOUT_PATIENCE):
        yield


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the time of the block; then they are as they were."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
