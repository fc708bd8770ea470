"""A question as SQL's `ai_query` puts it: the prompt, the answer's form (`responseFormat`) and the model's own parameters."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from picsum_vision.describing.answer_schemas import answer_type
from picsum_vision.describing.answer_types import AnswerType, WrongType
from picsum_vision.describing.json_text import find_json
from picsum_vision.describing.tasks import BadAnswer, Task
from picsum_vision.errors import SettingError

_FORMATS: Final = (
    "'text', 'json_object', '{\"type\": \"json_schema\", \"json_schema\": {...}}' or 'STRUCT<name: STRUCT<field: TYPE, ...>>'"
)
# Fields of a request that are no parameters of the model.
_NOT_PARAMETERS: Final = ("messages", "model", "response_format", "stream")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query(Task):
    """One question, answered as text.

    `form` is a chat request's `response_format` and `parameters` are its further fields, both as JSON; `answer` is the type of
    the object, where it is known.
    """

    form: str | None = None
    answer: AnswerType | None = None
    parameters: str = "{}"

    name: ClassVar[str] = "ai_query"
    prompts: ClassVar[Mapping[str, str]] = {"en": ""}

    def response_format(self) -> dict[str, Any] | None:
        """Return the form as it was given."""
        found: dict[str, Any] | None = None if self.form is None else json.loads(self.form)
        return found

    def json_schema(self) -> dict[str, Any] | None:
        """Return the schema in the form; any object's where only JSON is asked for."""
        form = self.response_format()
        if form is None:
            return None
        schema: dict[str, Any] = form.get("json_schema", {}).get("schema", {"type": "object"})
        return schema

    @property
    def model_parameters(self) -> Mapping[str, Any]:
        """Further fields of the request."""
        found: dict[str, Any] = json.loads(self.parameters)
        return found

    def parse(self, text: str) -> str:
        """Return the text, or the JSON object in it, as a text without what stands around it; raises BadAnswer."""
        if self.form is None:
            return text.strip()
        told = find_json(text)
        if not isinstance(told, dict):
            raise BadAnswer("no JSON object")
        if self.answer is not None:
            try:
                self.answer.read(told)
            except WrongType as wrong:
                raise BadAnswer(str(wrong)) from None
        return json.dumps(told, ensure_ascii=False)


def read_form(text: str | None) -> tuple[str | None, AnswerType | None]:
    """Return Query's `form` and `answer` for a `responseFormat`; raises SettingError."""
    words = (text or "text").strip()
    if words.upper().startswith("STRUCT"):
        return _from_ddl(words)
    try:
        form: Any = {"type": words} if words in {"text", "json_object"} else json.loads(words)
        kind = form["type"]
        known = kind in {"text", "json_object"} or isinstance(form["json_schema"]["schema"], dict)
    except (ValueError, LookupError, TypeError):
        known = False
    if not known or kind not in {"text", "json_object", "json_schema"}:
        raise SettingError(f"responseFormat: {words[:200]!r} is not allowed; it must be {_FORMATS}")
    return (None if kind == "text" else json.dumps(form)), None


def _from_ddl(text: str) -> tuple[str, AnswerType]:
    try:
        fields = answer_type(text).fields
    except SettingError as error:
        raise SettingError(f"responseFormat: {error}") from None
    if len(fields) != 1 or fields[0].type.kind != "STRUCT":
        raise SettingError(f"responseFormat: {text[:200]!r} is not allowed; a STRUCT must have one field, itself a STRUCT")
    (top,) = fields
    schema = {"name": top.name, "strict": True, "schema": top.type.json_schema()}
    return json.dumps({"type": "json_schema", "json_schema": schema}), top.type


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse what belongs to the request itself."""
    for name in _NOT_PARAMETERS:
        if name in parameters:
            raise SettingError(f"modelParameters: {name!r} is not allowed; it is no parameter of a model")
