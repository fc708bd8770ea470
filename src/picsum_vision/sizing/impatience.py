"""MLflow made impatient and quiet: a server that is not there is noticed in seconds, where it would try for minutes."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Final

_IMPATIENT: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}
_TALKATIVE: Final = ("alembic", "mlflow.store.db", "mlflow.system_metrics", "mlflow.tracking")


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Be so for the time of the block; what the environment says already stands."""
    set_here = {name: value for name, value in _IMPATIENT.items() if name not in os.environ}
    levels = {name: logging.getLogger(name).level for name in _TALKATIVE}
    os.environ.update(set_here)
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name in set_here:
            os.environ.pop(name, None)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
