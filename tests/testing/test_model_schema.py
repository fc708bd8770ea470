"""Structured answers of the embedded model server, held against their schemas."""

from __future__ import annotations

from typing import Any, Literal, Optional

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from picsum_vision import Classify, Extract, ListObjects, ReadText, Sentiment
from picsum_vision.testing.model_server.answers.schema import Findings, follow_schema
from picsum_vision.testing.model_server.errors import ApiError

FINDINGS = st.builds(
    Findings,
    text=st.text(min_size=1, max_size=60),
    words=st.lists(st.sampled_from(["verde", "rosso", "blu", "grigio"]), unique=True, max_size=4).map(tuple),
    digest=st.text("0123456789abcdef", min_size=8, max_size=8),
    share=st.floats(0, 1),
)
ONE = Findings(text="A green image.", words=("green", "grey"), digest="0f", share=0.4)
DDL = (
    "day DATE, at TIMESTAMP, sharp BOOLEAN, price DECIMAL(10,2), width INT, boxes ARRAY<STRUCT<label: STRING, score: DOUBLE>>, "
    "counts MAP<STRING, INT>"
)


class Bounded(BaseModel):
    """Fields with the bounds of pydantic."""

    light: Literal["dark", "bright"]
    people: Optional[int] = Field(default=None, ge=0, le=3)  # noqa: UP045 - as users of Python 3.9 write it
    above: int = Field(gt=5)
    share: float = Field(gt=0, lt=1)
    below: float = Field(le=-2)
    short: str = Field(max_length=5)
    long: str = Field(min_length=50)
    words: list[str] = Field(min_length=2, max_length=3)


@given(
    task=st.sampled_from([ListObjects(), Sentiment(), ReadText(), Classify(), Extract(DDL), Extract(Bounded)]), findings=FINDINGS
)
def test_every_answer_is_valid_against_its_schema(task: Any, findings: Findings) -> None:
    """Whatever the task and the image, the answer must be valid, and the same each time."""
    schema = task.json_schema()
    answer = follow_schema(schema, findings)
    jsonschema.Draft202012Validator(schema).validate(answer)
    assert follow_schema(schema, findings) == answer


def test_an_enum_of_colours_names_the_dominant_one() -> None:
    """A choice that the pixels can decide must be decided by them."""
    assert follow_schema({"enum": ["red", "blue", "green"]}, ONE) == "green"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "picture"},
        {"enum": []},
        {"$ref": "#"},
        {"anyOf": [{"type": "string"}]},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 5},
        {"type": "string", "pattern": "^a$"},
        {"type": "object", "properties": {"a": "string"}},
        {"type": "array"},
    ],
)
def test_a_schema_that_cannot_be_filled_is_a_bad_request(schema: dict[str, Any]) -> None:
    """A wrong or unknown schema must be refused with 400, never answered wrongly."""
    with pytest.raises(ApiError) as caught:
        follow_schema(schema, ONE)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json_schema")
