"""Whether a chat endpoint answers, takes the key and knows the model: found out without a question, so for nothing."""

from __future__ import annotations

import dataclasses
import json
from typing import Final

from yarl import URL

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.api_key import Authorization
from picsum_vision.describing.backends import ChatBackend
from picsum_vision.describing.chat_answer import read_refusal
from picsum_vision.describing.chat_request import completions_urls
from picsum_vision.options import DEFAULT_USER_AGENT
from picsum_vision.outcomes import HTTP_SUCCESS, DescribeStatus
from picsum_vision.transport.client import header_lines, http_client
from picsum_vision.transport.failures import MESSAGES, TransportFailure, translate
from picsum_vision.transport.origin import HeaderLines, request_target
from picsum_vision.transport.whole_body import WholeBody

_NO_SUCH_ADDRESS: Final = frozenset({404, 405, 501})
_ANSWER_BYTES_AT_MOST: Final = 16_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelList:
    """What an endpoint says of its models: `status` as a question's outcome has it, and their names, None if it lists none."""

    status: DescribeStatus
    message: str
    models: tuple[str, ...] | None = None


def model_list(backend: ChatBackend, *, timeout_s: float) -> ModelList:
    """Ask the endpoint for its list of models with the backend's key."""
    key = Authorization(backend.api_key)
    if key.problem is not None:
        return ModelList(status=DescribeStatus.AUTH, message=key.problem)
    headers = {"Accept": "application/json", "User-Agent": DEFAULT_USER_AGENT, **key.header}
    loop_thread = LoopThread.current()
    for url in (_list_address(each) for each in completions_urls(backend.base_url)):
        try:
            status, body = loop_thread.run(_get(loop_thread, URL(url), header_lines(headers), timeout_s))
        except Exception as error:  # translated; what is not the transport's is raised again
            failure = translate(error)
            if failure is None:
                raise
            timed_out = failure is TransportFailure.TIMEOUT
            word = DescribeStatus.TIMEOUT if timed_out else DescribeStatus.CONNECT
            return ModelList(status=word, message=MESSAGES[failure])
        if status not in _NO_SUCH_ADDRESS:
            return _read(status, key.redactor.body(body))
    return ModelList(status=DescribeStatus.OK, message="it answers, and lists no models")


async def _get(loop_thread: LoopThread, url: URL, headers: HeaderLines, timeout_s: float) -> tuple[int, bytes]:
    client = http_client(loop_thread, public_addresses_only=False, connect_timeout_s=timeout_s)
    sink = WholeBody(_ANSWER_BYTES_AT_MOST)
    await client.get(request_target(url), headers, sink, timeout_s)
    return sink.status or 0, sink.body


def _list_address(completions: str) -> str:
    return f"{completions.removesuffix('/chat/completions').removesuffix('/invocations')}/models"


def _read(status: int, body: bytes) -> ModelList:
    if status not in HTTP_SUCCESS:
        refusal = read_refusal(status, body)
        return ModelList(status=refusal.status, message=refusal.message or f"the endpoint answered {status}")
    try:
        names = tuple(str(model["id"]) for model in json.loads(body)["data"])
    except (ValueError, KeyError, TypeError):
        return ModelList(status=DescribeStatus.OK, message="it answers, but not with a list of models")
    return ModelList(status=DescribeStatus.OK, message=f"it has {len(names)} models", models=names)
