"""The key of an endpoint, read where it is used."""

from __future__ import annotations

from picsum_vision.errors import EnvironmentProblem, MissingExtraError
from picsum_vision.secrets import Secret


def authorization(api_key: Secret | None) -> tuple[dict[str, str], str | None]:
    """Return the header with the key, and why there is none where it should be.

    Only the workers can know it, and a job that fails there shows a stack trace; the rows say it plainly.
    """
    if api_key is None:
        return {}, None
    try:
        return {"Authorization": f"Bearer {api_key.read()}"}, None
    except (EnvironmentProblem, MissingExtraError) as problem:
        return {}, str(problem)
