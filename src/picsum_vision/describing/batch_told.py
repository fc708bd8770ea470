"""A batch as its endpoint tells of it, and a call that got no answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from picsum_vision.outcomes import DescribeStatus

_OK: Final = 200
_NOT_THERE: Final = (404, 405, 410, 501)
_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})


class BatchCallFailed(Exception):  # noqa: N818 - becomes the outcome of the rows that hang on it
    """A call that failed for good. `is_unsure`: the endpoint may have done what it was asked for all the same."""

    def __init__(self, status: DescribeStatus, message: str, http_status: int | None = None, *, is_unsure: bool = False) -> None:
        """Say what the rows' outcome will say."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.http_status = http_status
        self.is_unsure = is_unsure
        self.asked_s: float | None = None
        self.key_header: Mapping[str, str] = {}  # what the call was made with
        self.may_change = False

    @property
    def is_not_there(self) -> bool:
        """Whether the endpoint has no such route or thing."""
        return self.http_status in _NOT_THERE


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchTold:
    """A batch as the endpoint tells of it."""

    id: str
    status: str
    created_at: float
    input_file_id: str | None
    result_file_ids: tuple[str, ...]
    metadata: Mapping[str, str]
    errors: tuple[Mapping[str, Any], ...]

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in _ENDED

    @classmethod
    def read(cls, told: Any) -> BatchTold:
        """Read one; raises BatchCallFailed for what is none."""
        try:
            errors = (told.get("errors") or {}).get("data") or []
            return cls(
                id=str(told["id"]),
                status=str(told["status"]),
                created_at=float(told.get("created_at") or 0),
                input_file_id=told.get("input_file_id"),
                result_file_ids=tuple(told[name] for name in ("output_file_id", "error_file_id") if told.get(name)),
                metadata=told.get("metadata") or {},
                errors=tuple(error for error in errors if isinstance(error, dict)),
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise BatchCallFailed(
                DescribeStatus.HTTP_ERROR, "the endpoint told of a batch in no form that is known", _OK
            ) from error
