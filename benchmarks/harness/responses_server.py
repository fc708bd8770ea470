"""The embedded model server with the route of the Responses API that openaivec asks: texts and images in, a text out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from picsum_vision.testing.model_server import ModelServer
from picsum_vision.testing.model_server.app import ChatRoutes, Door, StatsRoutes
from picsum_vision.testing.model_server.chat import ChatModel
from picsum_vision.testing.model_server.request import parse_json_object, read_chat_request
from picsum_vision.testing.model_server.server import listen
from picsum_vision.testing.model_server.statistics import ModelStats

if TYPE_CHECKING:
    from picsum_vision.testing.model_server.settings import ModelServerSettings

_OK: Final = 200


class ResponsesServer(ModelServer):
    """As `ModelServer`, without files and batches."""

    def __init__(self, **settings: Any) -> None:
        """Check the settings; nothing is started yet."""
        super().__init__(**settings)
        self._listen = _listen


async def _listen(settings: ModelServerSettings) -> dict[str, str]:
    stats = ModelStats()
    door, model = Door(settings, stats), ChatModel(settings, stats)

    async def respond(request: web.Request) -> web.StreamResponse:
        body = await door.read_body(request)
        answer = await model.answer(request, read_chat_request(_as_chat(parse_json_object(body))), body)
        if answer.status != _OK or not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
            return answer
        return web.json_response(_as_response(json.loads(answer.body)))

    app = web.Application(middlewares=[door.middleware], client_max_size=settings.max_body_bytes)
    app.add_routes([*ChatRoutes(settings, model, door).routes(), *StatsRoutes(stats).routes()])
    app.add_routes([web.post("/v1/responses", respond)])
    return await listen(settings, app)


def _as_chat(asked: Mapping[str, Any]) -> dict[str, Any]:
    messages = [{**item, "content": [_part(part) for part in item["content"]]} for item in asked["input"]]
    system = [{"role": "system", "content": asked["instructions"]}] if asked.get("instructions") else []
    return {"model": asked["model"], "messages": [*system, *messages], "max_tokens": asked.get("max_output_tokens")}


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    is_image = part["type"] == "input_image"
    return {"type": "image_url", "image_url": {"url": part["image_url"]}} if is_image else {"type": "text", "text": part["text"]}


def _as_response(chat: Mapping[str, Any]) -> dict[str, Any]:
    part = {"type": "output_text", "text": chat["choices"][0]["message"]["content"], "annotations": []}
    message = {"id": "msg", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = chat["usage"]
    return {
        "id": chat["id"], "object": "response", "created_at": int(time.time()), "model": chat["model"], "status": "completed",
        "error": None, "output": [message], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "usage": {
            "input_tokens": usage["prompt_tokens"], "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage["completion_tokens"], "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        },
    }  # fmt: skip
