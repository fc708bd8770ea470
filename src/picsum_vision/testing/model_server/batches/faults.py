"""Which requests and batches of the embedded model server's batch routes go wrong, and how."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import TYPE_CHECKING, Final

from picsum_vision.testing.common import as_word, is_drawn, require
from picsum_vision.testing.model_server.errors import ApiError

if TYPE_CHECKING:
    from picsum_vision.testing.model_server.settings import ModelServerSettings
    from picsum_vision.testing.model_server.statistics import ModelStats

_ROUTES: Final = ("files.create", "files.list", "files.content", "batches.create", "batches.list", "batches.retrieve")


class BatchFaultKind(str, enum.Enum):
    """What goes wrong. The first group is about one request, the second about one batch.

    What goes wrong with a single line of a batch is a :class:`ModelFault`, as for a chat request.
    """

    HTTP_ERROR = "http_error"  # `route` answers `status`
    CREATED_UNSAID = "created_unsaid"  # a batch is created, and the answer is `status` all the same
    STALE = "stale"  # a batch that has ended is told as in_progress

    INVALID = "invalid"  # the batch fails its validation, for its line number `line` or as a whole
    QUEUE_FULL = "queue_full"  # the batch fails, because too many tokens are enqueued
    EXPIRED = "expired"  # the batch expires when `done_share` of its lines are answered
    SHUFFLED = "shuffled"  # the output is in another order than the input


_OF_REQUESTS: Final = frozenset({BatchFaultKind.HTTP_ERROR, BatchFaultKind.CREATED_UNSAID, BatchFaultKind.STALE})


@dataclasses.dataclass(frozen=True)
class BatchFault:
    """One way to go wrong.

    `kind` is a :class:`BatchFaultKind` or its word. `share` (0 to 1) of the requests or batches is hit, drawn from the seed and
    their number, `times` of them at the most. `route`, such as "files.create", and `status` are for "http_error", `line` (from 1;
    None: no line is named) for "invalid", `done_share` for "expired".
    """

    kind: BatchFaultKind | str
    _: dataclasses.KW_ONLY
    share: float = 1.0
    times: int | None = None
    route: str | None = None
    status: int = 500
    line: int | None = None
    done_share: float = 0.5

    def __post_init__(self) -> None:
        """Check every field; :class:`SettingError` names the wrong one."""
        kind = as_word(BatchFaultKind, self.kind, "kind")
        object.__setattr__(self, "kind", kind)
        has_its_route = (self.route in _ROUTES) == (kind is BatchFaultKind.HTTP_ERROR)
        for setting, holds, allowed in (
            ("share", 0 <= self.share <= 1, "from 0 to 1"),
            ("times", self.times is None or self.times >= 1, "at least 1"),
            ("route", has_its_route, f"for http_error one of {', '.join(_ROUTES)}"),
            ("status", 400 <= self.status <= 599, "from 400 to 599"),  # noqa: PLR2004 - HTTP's errors
            ("line", self.line is None or self.line >= 1, "at least 1"),
            ("done_share", 0 <= self.done_share <= 1, "from 0 to 1"),
        ):
            require(holds, setting, getattr(self, setting), allowed)


class BatchFaultPlan:
    """Draws faults; the same seed and the same order of requests give the same faults."""

    def __init__(self, settings: ModelServerSettings, stats: ModelStats) -> None:
        """Start with nothing drawn; what is drawn is counted in `stats`."""
        self._faults = tuple(enumerate(settings.batch_faults))
        self._seed = settings.seed
        self._stats = stats
        self._drawn: collections.Counter[int] = collections.Counter()
        self._hits: collections.Counter[int] = collections.Counter()

    def of_request(self, kind: BatchFaultKind, route: str | None = None) -> BatchFault | None:
        """Return the fault of this kind that hits the next request, or None."""
        fitting = ((index, fault) for index, fault in self._faults if fault.kind is kind and fault.route == route)
        return next((fault for index, fault in fitting if self._hit(index, fault)), None)

    def may_fail(self, kind: BatchFaultKind, route: str | None = None) -> None:
        """Answer the next request with the status of the fault of this kind, if one hits it."""
        fault = self.of_request(kind, route)
        if fault is not None:
            raise ApiError(fault.status, "The server had an error while processing your request.", kind="server_error")

    def of_batch(self) -> dict[BatchFaultKind, BatchFault]:
        """Return the faults of a new batch, by their kinds."""
        fitting = ((index, fault) for index, fault in self._faults if fault.kind not in _OF_REQUESTS)
        return {BatchFaultKind(fault.kind): fault for index, fault in fitting if self._hit(index, fault)}

    def _hit(self, index: int, fault: BatchFault) -> bool:
        number = self._drawn[index]
        self._drawn[index] += 1
        if not is_drawn(fault.share, f"{self._seed}/batch/{index}/{number}") or self._hits[index] == fault.times:
            return False
        self._hits[index] += 1
        self._stats.faults[fault.route or BatchFaultKind(fault.kind).value] += 1
        return True
