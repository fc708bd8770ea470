"""The key of an endpoint, read where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from picsum_vision.describing.key_mask import KeyMask
from picsum_vision.errors import EnvironmentProblem, MissingExtraError
from picsum_vision.secrets import Secret


class Authorization(NamedTuple):
    """The header with the key, what hides the key in answers, and why there is no key where one should be."""

    header: Mapping[str, str]
    mask: KeyMask
    problem: str | None = None


def authorization(api_key: Secret | None) -> Authorization:
    """Read the key.

    Only the workers can know whether it is there, and a job that fails there shows a stack trace; the rows say it plainly.
    """
    if api_key is None:
        return Authorization({}, KeyMask(None))
    try:
        key = api_key.read()
    except (EnvironmentProblem, MissingExtraError) as problem:
        return Authorization({}, KeyMask(None), str(problem))
    return Authorization({"Authorization": f"Bearer {key}"}, KeyMask(key))
