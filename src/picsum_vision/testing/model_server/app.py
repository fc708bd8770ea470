"""The routes of the embedded model server. Each group of routes is a class of its own, so that others can be added beside."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from picsum_vision.testing.model_server.batches.faults import BatchFaultPlan
from picsum_vision.testing.model_server.batches.files import FileRoutes, FileStore
from picsum_vision.testing.model_server.batches.routes import BatchRoutes
from picsum_vision.testing.model_server.chat import ChatModel
from picsum_vision.testing.model_server.delivery import NoAnswer
from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.request import parse_json_object, read_chat_request
from picsum_vision.testing.model_server.settings import ModelServerSettings, Quirk
from picsum_vision.testing.model_server.statistics import ModelStats

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_ADMIN: Final = "/-/"
_ANY_OTHER: Final = "other"


def build_app(settings: ModelServerSettings) -> web.Application:
    """Return the whole server: the model's routes with their door, and the statistics beside it."""
    stats = ModelStats()
    door, model = Door(settings, stats), ChatModel(settings, stats)
    app = web.Application(middlewares=[door.middleware], client_max_size=settings.max_body_bytes)
    files, faults, prefixes = FileStore(), BatchFaultPlan(settings, stats), path_prefixes(settings)
    app.add_routes(ChatRoutes(settings, model, door).routes())
    app.add_routes(FileRoutes(settings, files, faults, stats).routes(prefixes))
    app.add_routes(BatchRoutes(settings, model, files, faults, stats, door).routes(prefixes))
    app.add_routes(StatsRoutes(stats).routes())
    return app


def path_prefixes(settings: ModelServerSettings) -> tuple[str, ...]:
    """Return what may stand before an OpenAI path, the official one first."""
    return ("",) if settings.has(Quirk.NO_V1_PATH) else ("/v1", "")


class Door:
    """Counts every request of the model, checks its key, reads its body, and words what goes wrong as OpenAI does."""

    def __init__(self, settings: ModelServerSettings, stats: ModelStats) -> None:
        """Count in `stats`."""
        self._settings = settings
        self._stats = stats

    @web.middleware
    async def middleware(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Surround every route but the statistics."""
        if request.path.startswith(_ADMIN):
            return await handler(request)
        resource = request.match_info.route.resource
        self._stats.begin(resource.canonical if resource is not None else _ANY_OTHER)
        status: int | None = None
        try:
            response = await self._guarded(request, handler)
            status = None if isinstance(response, NoAnswer) else response.status
        finally:
            self._stats.end(status)
        return response

    async def _guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            self._check_key(request)
            return await handler(request)
        except ApiError as error:
            return error.response()
        except web.HTTPException as error:
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return ApiError(error.status, f"{error.reason} ({request.method} {request.path})", headers=allow).response()

    def _check_key(self, request: web.Request) -> None:
        if self._settings.api_key is None:
            return
        header = request.headers.get("Authorization", "")
        scheme, _, key = header.partition(" ")
        expected = self._settings.api_key.encode()
        if scheme.lower() == "bearer" and hmac.compare_digest(key.strip().encode("utf-8", "surrogateescape"), expected):
            return
        status = 400 if self._settings.has(Quirk.WRONG_KEY_IS_400) else 401
        message = "Incorrect API key provided." if header else "You didn't provide an API key."
        raise ApiError(status, message, code="invalid_api_key")

    async def read_body(self, request: web.Request) -> bytes:
        """Read the body and count its bytes; HTTP 413 if it is too large."""
        body = await request.read()
        self._stats.bytes_received += len(body)
        return body


class ChatRoutes:
    """Chat completions under OpenAI's and Databricks' paths, and the list of models."""

    def __init__(self, settings: ModelServerSettings, model: ChatModel, door: Door) -> None:
        """Answer with `model`."""
        self._settings = settings
        self._model = model
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of this group."""
        prefixes = path_prefixes(self._settings)
        return [
            *(web.post(f"{prefix}/chat/completions", self._chat) for prefix in (*prefixes, "/serving-endpoints")),
            web.post("/serving-endpoints/{name}/invocations", self._chat),
            *(web.get(f"{prefix}/models", self._list_models) for prefix in prefixes),
        ]

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._door.read_body(request)
        chat = read_chat_request(parse_json_object(body), request.match_info.get("name"))
        return await self._model.answer(request, chat, body)

    async def _list_models(self, _request: web.Request) -> web.Response:
        listed = [{"id": name, "object": "model", "owned_by": "picsum-vision"} for name in self._settings.models]
        return web.json_response({"object": "list", "data": listed})


class StatsRoutes:
    """The statistics: needs no key, is not counted, and no limit or fault reaches it."""

    def __init__(self, stats: ModelStats) -> None:
        """Show `stats`."""
        self._stats = stats

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of this group."""
        return [web.get(f"{_ADMIN}stats", self._show), web.get(f"{_ADMIN}reset", self._reset)]

    async def _show(self, _request: web.Request) -> web.Response:
        return web.json_response(self._stats.as_dict())

    async def _reset(self, _request: web.Request) -> web.Response:
        self._stats.reset()
        return await self._show(_request)
