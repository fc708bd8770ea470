"""The embedded model server's batches: created from an uploaded file, worked off line by line, told, cancelled."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from aiohttp import web

from picsum_vision.testing.model_server.batches.batch import Batch
from picsum_vision.testing.model_server.batches.faults import BatchFaultKind
from picsum_vision.testing.model_server.batches.files import page
from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.request import parse_json_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picsum_vision.testing.model_server.app import Door
    from picsum_vision.testing.model_server.batches.faults import BatchFaultPlan
    from picsum_vision.testing.model_server.batches.files import FileStore
    from picsum_vision.testing.model_server.chat import ChatModel
    from picsum_vision.testing.model_server.settings import ModelServerSettings
    from picsum_vision.testing.model_server.statistics import ModelStats

ENDPOINT: Final = "/v1/chat/completions"
_NORMAL_PAGE, _LARGEST_PAGE = 20, 100
_MOST_METADATA, _LONGEST_KEY, _LONGEST_VALUE = 16, 64, 512


class BatchRoutes:
    """`/batches` and what is below."""

    def __init__(  # noqa: PLR0917 - all that a server has
        self,
        settings: ModelServerSettings,
        model: ChatModel,
        store: FileStore,
        faults: BatchFaultPlan,
        stats: ModelStats,
        door: Door,
    ) -> None:
        """Answer lines with `model`, and keep what comes of them in `store`."""
        self._settings = settings
        self._model = model
        self._store = store
        self._faults = faults
        self._stats = stats
        self._door = door
        self._batches: dict[str, Batch] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    def routes(self, prefixes: Sequence[str]) -> list[web.RouteDef]:
        """Return the routes of this group."""
        return [
            route
            for prefix in prefixes
            for route in (
                web.post(f"{prefix}/batches", self._create),
                web.get(f"{prefix}/batches", self._list),
                web.get(f"{prefix}/batches/{{id}}", self._retrieve),
                web.post(f"{prefix}/batches/{{id}}/cancel", self._cancel),
            )
        ]

    def _may_fail(self, route: str) -> None:
        fault = self._faults.of_request(BatchFaultKind.HTTP_ERROR, f"batches.{route}")
        if fault is not None:
            self._stats.note_fault(f"batches.{route}")
            raise fault.error()

    async def _create(self, request: web.Request) -> web.Response:
        body = parse_json_object(await self._door.read_body(request))
        self._may_fail("create")
        if body.get("endpoint") != ENDPOINT:
            raise ApiError(400, f"'endpoint' must be '{ENDPOINT}'.", param="endpoint", code="invalid_value")
        if body.get("completion_window") != "24h":
            raise ApiError(400, "'completion_window' must be '24h'.", param="completion_window", code="invalid_value")
        number = next(self._numbers)
        batch = Batch(
            f"batch_{number}",
            self._store.get(str(body.get("input_file_id"))),
            _metadata(body.get("metadata")),
            self._faults.of_batch(),
            random.Random(self._settings.seed + number),  # noqa: S311 - a reproducible order, no secret
        )
        self._batches[batch.id] = batch
        self._stats.note_batch()
        work = asyncio.create_task(batch.work(self._settings, self._model, self._store, self._stats))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        unsaid = self._faults.of_request(BatchFaultKind.CREATED_UNSAID)
        if unsaid is not None:
            self._stats.note_fault("created_unsaid")
            raise unsaid.error()
        return web.json_response(batch.as_object())

    async def _list(self, request: web.Request) -> web.Response:
        self._may_fail("list")
        newest_first = [batch.as_object() for batch in reversed(self._batches.values())]
        return page(request, newest_first, normal=_NORMAL_PAGE, most=_LARGEST_PAGE)

    async def _retrieve(self, request: web.Request) -> web.Response:
        self._may_fail("retrieve")
        batch = self._found(request)
        if batch.has_ended and self._faults.of_request(BatchFaultKind.STALE) is not None:
            self._stats.note_fault("stale")
            return web.json_response(
                {**batch.as_object(), "status": "in_progress", "output_file_id": None, "error_file_id": None}
            )
        return web.json_response(batch.as_object())

    async def _cancel(self, request: web.Request) -> web.Response:
        self._may_fail("cancel")
        batch = self._found(request)
        if batch.has_ended:
            raise ApiError(409, f"Cannot cancel a batch with status '{batch.status}'.")
        batch.cancel()
        return web.json_response(batch.as_object())

    def _found(self, request: web.Request) -> Batch:
        batch_id = request.match_info["id"]
        if batch_id not in self._batches:
            raise ApiError(404, f"No batch found with id '{batch_id}'.", param="id")
        return self._batches[batch_id]


def _metadata(given: object) -> dict[str, str] | None:
    if given is None:
        return None
    fits = (
        isinstance(given, Mapping)
        and len(given) <= _MOST_METADATA
        and all(
            len(key) <= _LONGEST_KEY and isinstance(value, str) and len(value) <= _LONGEST_VALUE for key, value in given.items()
        )
    )
    if not isinstance(given, Mapping) or not fits:
        message = (
            f"'metadata' must have at most {_MOST_METADATA} keys of {_LONGEST_KEY} and texts of {_LONGEST_VALUE} characters."
        )
        raise ApiError(400, message, param="metadata", code="invalid_value")
    return dict(given)
