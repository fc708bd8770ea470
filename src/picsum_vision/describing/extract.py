"""Fields of the user's own, read from an image into a typed column."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from picsum_vision.describing.answer_schemas import answer_type
from picsum_vision.describing.answer_types import AnswerType, WrongType
from picsum_vision.describing.json_text import find_json
from picsum_vision.describing.tasks import BadAnswer, Task


@dataclasses.dataclass(frozen=True)
class Extract(Task):
    """The fields of a schema, as one STRUCT.

    `schema` is a Spark StructType, a DDL string ("colour STRING COMMENT 'the main one', people INT") or a pydantic model,
    whose bounds
    (`ge`, `pattern`, `Literal`, ...) are checked as well. Comments and descriptions reach the model. A field that the image
    does not show
    is NULL, unless it is NOT NULL; an answer that does not fit is `bad_schema`, with the raw text in the outcome's message.
    """

    schema: Any

    name: ClassVar[str] = "extract"
    prompts: ClassVar[Mapping[str, str]] = {
        "it": "Estrai da questa immagine i campi {fields}, come oggetto JSON. Usa null per ciò che nell'immagine non si vede.",
        "en": "Extract the fields {fields} from this image, as a JSON object. Use null for what the image does not show.",
    }

    def __post_init__(self) -> None:
        """Check the schema, and keep it in a form that travels without Spark and pydantic."""
        super().__post_init__()
        object.__setattr__(self, "schema", answer_type(self.schema))

    @property
    def answer_type(self) -> AnswerType:
        """The answer's type."""
        found: AnswerType = self.schema
        return found

    @property
    def answer_ddl(self) -> str:
        """The SQL type of the answer."""
        return self.answer_type.ddl

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of the object."""
        return self.answer_type.json_schema()

    def parse(self, text: str) -> dict[str, Any]:
        """Return the object with each field in its type; raises BadAnswer."""
        told = find_json(text)
        if isinstance(told, list) and len(told) == 1:
            (told,) = told
        try:
            found: dict[str, Any] = self.answer_type.read(told)
        except WrongType as wrong:
            raise BadAnswer(str(wrong)) from None
        return found

    def _fill(self, prompt: str) -> str:
        return prompt.replace("{fields}", ", ".join(f'"{field.name}"' for field in self.answer_type.fields))

    def _question(self) -> str:
        """Return prompt, type and schema: other fields, comments or bounds are another question."""
        return f"{self.full_prompt}\n{self.answer_ddl}\n{json.dumps(self.json_schema(), sort_keys=True)}"
