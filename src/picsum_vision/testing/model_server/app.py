"""The routes of the embedded model server. Each group of routes is a class of its own, so that others can be added beside."""

from __future__ import annotations

import hmac
import time
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
    door = Door(settings, stats)
    app = web.Application(middlewares=[door.middleware], client_max_size=settings.max_body_bytes)
    model, prefixes = ChatModel(settings, stats), path_prefixes(settings)
    app.add_routes(ChatRoutes(settings, model, door).routes())
    files, faults = FileStore(), BatchFaultPlan(settings.batch_faults, settings.seed)
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
        header = request.headers.get("Authorization")
        if self._settings.api_key is None:
            return
        scheme, _, key = (header or "").partition(" ")
        expected = self._settings.api_key.encode()
        if scheme.lower() == "bearer" and hmac.compare_digest(key.strip().encode("utf-8", "surrogateescape"), expected):
            return
        status = 400 if self._settings.has(Quirk.WRONG_KEY_IS_400) else 401
        message = "Incorrect API key provided." if header else "You didn't provide an API key."
        raise ApiError(status, message, code="invalid_api_key")

    async def read_body(self, request: web.Request) -> bytes:
        """Read the body and count its bytes; HTTP 413 if it is too large."""
        if request.content_length is not None and request.content_length > self._settings.max_body_bytes:
            raise web.HTTPRequestEntityTooLarge(self._settings.max_body_bytes, request.content_length)
        body = await request.read()
        self._stats.note_bytes(len(body))
        return body


class ChatRoutes:
    """Chat completions under OpenAI's and Databricks' paths, and the list of models."""

    def __init__(self, settings: ModelServerSettings, model: ChatModel, door: Door) -> None:
        """Answer with `model`."""
        self._settings = settings
        self._model = model
        self._door = door
        self._started_at = int(time.time())

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of this group."""
        prefixes = path_prefixes(self._settings)
        return [
            *(web.post(f"{prefix}/chat/completions", self._chat) for prefix in (*prefixes, "/serving-endpoints")),
            web.post("/serving-endpoints/{name}/invocations", self._chat),
            *(web.get(f"{prefix}/models", self._list_models) for prefix in prefixes),
            *(web.get(f"{prefix}/models/{{name}}", self._show_model) for prefix in prefixes),
        ]

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._door.read_body(request)
        chat = read_chat_request(parse_json_object(body), request.match_info.get("name"))
        return await self._model.answer(request, chat, body)

    async def _list_models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [self._as_object(name) for name in self._settings.models]})

    async def _show_model(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._settings.models:
            raise ApiError(404, f"The model '{name}' does not exist.", param="model", code="model_not_found")
        return web.json_response(self._as_object(name))

    def _as_object(self, name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": self._started_at, "owned_by": "picsum-vision"}


class StatsRoutes:
    """The statistics: needs no key, is not counted, and no limit or fault reaches it."""

    def __init__(self, stats: ModelStats) -> None:
        """Show `stats`."""
        self._stats = stats

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of this group; the reset also answers GET, for a browser."""
        return [
            web.get(f"{_ADMIN}stats", self._show),
            web.get(f"{_ADMIN}reset", self._reset),
            web.post(f"{_ADMIN}reset", self._reset),
        ]

    async def _show(self, _request: web.Request) -> web.Response:
        return web.json_response(self._stats.as_dict())

    async def _reset(self, _request: web.Request) -> web.Response:
        self._stats.reset()
        return web.json_response(self._stats.as_dict())
