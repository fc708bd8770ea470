"""What a chat endpoint said, in our words."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from picsum_vision.describing.json_text import find_json
from picsum_vision.describing.thoughts import without_thoughts
from picsum_vision.describing.well_formed import well_formed
from picsum_vision.outcomes import MODEL_OVERLOADED, DescribeStatus
from picsum_vision.redaction import redact_error

_MESSAGE_CHARACTERS = 200
# More than any context holds; a number beyond it is no count, and sums of such would leave 64 bits.
_TOKENS_AT_MOST = 1 << 40
_FILTERED = re.compile(r"content[_ ]?(filter|policy|management)|responsible[_ ]?ai|safety system", re.IGNORECASE)
# Why an answer ended, in the words of OpenAI, Gemini, Mistral, Bedrock, Zhipu and the gateways before them.
_BROKEN_OFF = "error"  # OpenRouter, of a provider that failed while it wrote
_CUT_OFF_REASONS = frozenset({"length", "max_tokens", "model_length"})
_FILTERED_REASON = re.compile(
    r"content_?filter.*|safety|recitation|blocklist|prohibited_content|spii|image_.*|guardrail.*|refusal|sensitive"
)
_WRONG_KEY = re.compile(
    r"invalid[_ ]api[_ ]key|(incorrect|invalid|missing|expired|no valid|didn.t provide an?) (api|access|auth\w*)[ _-]?(key|token)"
    r"|authentication[_ ](error|failed)|unauthenticated|invalid[_ ]token|permission[_ ]denied"
    # LiteLLM without a database, of every key but its own.
    r"|no_db_connection",
    re.IGNORECASE,
)
# An account that has run dry, unless the text says when there is more: Gemini speaks of billing in each 429.
_NO_MONEY = re.compile(
    r"insufficient[_ ](quota|balance|credits?|funds)|billing|exceeded your current quota|credit balance", re.IGNORECASE
)
_COMES_BACK = re.compile(r"retry (in|after)|retry_?delay|resource_exhausted|per[_ ]?(minute|day)", re.IGNORECASE)
# What a 200 without an answer may be.
_MAY_BE_AN_ERROR = frozenset({DescribeStatus.HTTP_ERROR, DescribeStatus.EMPTY_ANSWER})
_ERRORS = range(400, 600)
_UNKNOWN_ERROR = 500
_ERROR_WORDS = (("rate_limit", 429), ("insufficient_quota", 429), ("overloaded", 529), ("invalid_request", 400))
_NO_SUCH_MODEL = re.compile(
    r"model_not_found|endpoint_not_found|model\W+\S{1,200}\W+(does not exist|is not found|was not found|not found)"
    r"|unknown model|no such model|invalid model name",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChatAnswer:
    """A whole answer: its text, why it ended, what it cost."""

    status: DescribeStatus
    text: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    message: str | None = None


def read_success(http_status: int, body: bytes) -> tuple[int, ChatAnswer]:
    """Read the body of a 2xx. One that holds an error instead is told as the refusal whose status the error names."""
    answer = read_answer(body)
    if answer.status in _MAY_BE_AN_ERROR and not answer.output_tokens:  # what has been written is paid for
        named = _error_status(body)
        if named is not None:
            return named, read_refusal(named, body)
    return http_status, answer


def read_answer(body: bytes) -> ChatAnswer:
    """Read the body of an answer."""
    try:
        answer = json.loads(body)
        choice = answer["choices"][0]
        said = choice["message"]
        text, refusal = without_thoughts(_text(said.get("content"))), said.get("refusal")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ChatAnswer(status=DescribeStatus.HTTP_ERROR, message="the endpoint answered with what is no chat completion")
    told = choice.get("finish_reason")
    reason = well_formed(told)[:_MESSAGE_CHARACTERS] if isinstance(told, str) else None
    facts: dict[str, Any] = {"finish_reason": reason, **_usage(answer.get("usage"))}
    word = (reason or "").lower()
    if choice.get("error") or word == _BROKEN_OFF:
        why = _told_by(choice.get("error")) or "the model's answer was broken off"
        return ChatAnswer(status=DescribeStatus.HTTP_ERROR, message=_short(why), **facts)
    if _FILTERED_REASON.fullmatch(word) or (refusal and not text):
        return ChatAnswer(
            status=DescribeStatus.REFUSED, message=_short(refusal or "the content filter withheld the answer"), **facts
        )
    if word in _CUT_OFF_REASONS:
        return ChatAnswer(status=DescribeStatus.CUT_OFF, text=text, message="the answer reached max_output_tokens", **facts)
    if not text.strip():
        return ChatAnswer(status=DescribeStatus.EMPTY_ANSWER, message="the model answered with no text", **facts)
    return ChatAnswer(status=DescribeStatus.OK, text=text, **facts)


def read_refusal(http_status: int, body: bytes) -> ChatAnswer:
    """Read the body of any other status; it may be JSON in several forms, plain text or HTML."""
    message = error_message(body) or f"the endpoint answered {http_status}"
    text = _start(body)
    if _FILTERED.search(text):
        return ChatAnswer(status=DescribeStatus.REFUSED, message=message)
    if http_status in (401, 403) or _WRONG_KEY.search(text):
        return ChatAnswer(status=DescribeStatus.AUTH, message=message)
    if http_status == 413:  # noqa: PLR2004 - HTTP's own number
        return ChatAnswer(status=DescribeStatus.TOO_LARGE, message=message)
    if http_status in MODEL_OVERLOADED:
        return ChatAnswer(status=DescribeStatus.RATE_LIMITED, message=message)
    return ChatAnswer(status=DescribeStatus.HTTP_ERROR, message=message)


def is_final(answer: ChatAnswer, body: bytes) -> bool:
    """Return whether a refusal says that asking once more is in vain, whatever its HTTP status."""
    if answer.status in (DescribeStatus.REFUSED, DescribeStatus.AUTH):
        return True
    text = _start(body)
    return names_no_model(body) or (_NO_MONEY.search(text) is not None and _COMES_BACK.search(text) is None)


def names_no_model(body: bytes) -> bool:
    """Return whether a refusal says that the model is not there, as gateways do with 500 as well."""
    return _NO_SUCH_MODEL.search(_start(body)) is not None


def error_message(body: bytes) -> str | None:
    """Return the error's own words on one line, short, and without anything that looks like a key."""
    text = _start(body)
    if text.lstrip().startswith("<"):
        return None
    found = find_json(text) if text.lstrip().startswith(("{", "[")) else None
    found = _unwrapped(found)
    if isinstance(found, dict):
        text = _told_by(found.get("error", found.get("detail", found.get("message")))) or text
    return _short(text) or None


def _error_status(body: bytes) -> int | None:
    """Return the HTTP status that an error in the place of an answer means, None if there is no error."""
    told = _unwrapped(find_json(body.decode("utf-8", "replace")))
    if not isinstance(told, dict):
        return None
    choices = told.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    error = told.get("error") or choice.get("error")
    if not error:
        return None
    facts = error if isinstance(error, dict) else {}
    code = str(facts.get("code"))
    if code.isdecimal() and int(code) in _ERRORS:
        return int(code)
    words = f"{code} {facts.get('type')}"
    return next((status for word, status in _ERROR_WORDS if word in words), _UNKNOWN_ERROR)


def _unwrapped(told: Any) -> Any:
    """Return the one object of a list: so Gemini wraps its errors."""
    return told[0] if isinstance(told, list) and len(told) == 1 else told


def _told_by(error: Any) -> str:
    """Return an error's words: its message, FastAPI's first complaint and where it is, or all of it."""
    if isinstance(error, list) and error and isinstance(error[0], dict) and "msg" in error[0]:
        where = ".".join(str(step) for step in error[0].get("loc", ()))
        return f"{where}: {error[0]['msg']}" if where else str(error[0]["msg"])
    if isinstance(error, dict):
        return str(error.get("message", error))
    return str(error or "")


def _start(body: bytes) -> str:
    return body[:4_000].decode("utf-8", "replace")


def _short(text: Any) -> str:
    return redact_error(text, at_most=_MESSAGE_CHARACTERS)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return well_formed(content)
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return well_formed("".join(text for text in texts if isinstance(text, str)))
    return ""


def _usage(usage: Any) -> dict[str, int | None]:
    counts = usage if isinstance(usage, dict) else {}
    return {"input_tokens": _count(counts.get("prompt_tokens")), "output_tokens": _count(counts.get("completion_tokens"))}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _TOKENS_AT_MOST else None
