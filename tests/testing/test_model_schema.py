"""Structured answers of the embedded model server, held against their schemas."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.testing.model_server.answers.schema import Findings, follow_schema
from picsum_vision.testing.model_server.errors import ApiError

WORDS = st.lists(st.sampled_from(["verde", "rosso", "blu", "grigio"]), unique=True, max_size=4).map(tuple)
FINDINGS = st.builds(
    Findings,
    text=st.text(min_size=1, max_size=60),
    words=WORDS,
    digest=st.text("0123456789abcdef", min_size=8, max_size=8),
    share=st.floats(0, 1),
    sizes=st.sampled_from([{}, {"width": 800, "height": 600}]),
)
ONE = Findings(text="A green image.", words=("green", "grey"), digest="0f", share=0.4, sizes={"width": 800, "height": 600})


def _numbers(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    low = st.integers(-50, 50)
    return st.one_of(
        st.just({"type": kind}),
        st.builds(lambda a, b: {"type": kind, "minimum": a, "maximum": a + b}, low, st.integers(0, 30)),
        st.builds(lambda a, b: {"type": kind, "exclusiveMinimum": a, "exclusiveMaximum": a + b}, low, st.integers(2, 30)),
        st.builds(lambda a: {"type": kind, "minimum": a}, low),
        st.builds(lambda a: {"type": kind, "exclusiveMaximum": a}, low),
        st.builds(lambda a, m: {"type": kind, "minimum": a, "multipleOf": m}, low, st.integers(1, 9)),
    )


_STRINGS = st.one_of(
    st.just({"type": "string"}),
    st.builds(lambda a, b: {"type": "string", "minLength": a, "maxLength": a + b}, st.integers(0, 40), st.integers(0, 40)),
    st.sampled_from(["date", "date-time", "email", "uuid", "uri"]).map(lambda name: {"type": "string", "format": name}),
    st.sampled_from([r"^[a-z]+$", r"^\d+$", r"^[A-Z]$"]).map(lambda pattern: {"type": "string", "pattern": pattern}),
)
_LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    _STRINGS,
    _numbers("number"),
    _numbers("integer"),
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.just({}),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
    st.text(max_size=5).map(lambda value: {"const": value}),
)


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    properties = st.dictionaries(st.sampled_from(["a", "b", "width", "text"]), inner, min_size=1, max_size=3)
    return st.one_of(
        properties.map(
            lambda fields: {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
        ),
        st.builds(
            lambda item, least: {"type": "array", "items": item, "minItems": least, "maxItems": least + 1},
            inner,
            st.integers(0, 4),
        ),
        inner.map(lambda branch: {"anyOf": [branch, {"type": "null"}]}),
        properties.map(lambda fields: {"allOf": [{"type": "object", "properties": fields}, {"required": list(fields)}]}),
    )


@given(schema=st.recursive(_LEAVES, _nested, max_leaves=12), findings=FINDINGS)
def test_every_answer_is_valid_against_its_schema(schema: dict[str, Any], findings: Findings) -> None:
    """Whatever the schema and the image, the answer must be valid, and the same each time."""
    answer = follow_schema(schema, findings)
    jsonschema.Draft202012Validator(schema).validate(answer)
    assert follow_schema(schema, findings) == answer


def test_references_and_recursion_end() -> None:
    """A schema that refers to itself must give a finite, valid answer."""
    schema = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]},
                },
                "required": ["name", "children", "next"],
                "additionalProperties": False,
            }
        },
    }
    jsonschema.Draft202012Validator(schema).validate(follow_schema(schema, ONE))


def test_different_items_where_the_schema_wants_them() -> None:
    """A list of unique choices must hold no choice twice."""
    schema = {"type": "array", "items": {"enum": ["a", "b", "c", "d"]}, "uniqueItems": True, "minItems": 3, "maxItems": 4}
    jsonschema.Draft202012Validator(schema).validate(follow_schema(schema, ONE))


def test_an_enum_of_colours_names_the_dominant_one() -> None:
    """A choice that the pixels can decide must be decided by them."""
    assert follow_schema({"enum": ["red", "blue", "green"]}, ONE) == "green"


def test_a_nullable_field_is_filled_where_possible() -> None:
    """A field that may be null must still be filled from the image."""
    assert follow_schema({"anyOf": [{"type": "null"}, {"type": "string"}]}, ONE) == ONE.text
    assert follow_schema({"type": ["null", "integer"], "minimum": 3}, ONE) >= 3


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "picture"},
        {"type": ["picture"]},
        {"enum": []},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#"},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 5},
        {"type": "number", "minimum": "a"},
        {"type": "array", "items": {"const": 1}, "uniqueItems": True, "minItems": 2},
        {"type": "array", "minItems": 3, "maxItems": 2},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "^never ever this$"},
        {"type": "object", "properties": {"a": False}, "required": ["a"]},
        {"type": "object", "properties": []},
        {"properties": {"a": "string"}},
        {"anyOf": "string"},
        {"allOf": ["string"]},
    ],
)
def test_a_schema_that_cannot_be_filled_is_a_bad_request(schema: dict[str, Any]) -> None:
    """A wrong or impossible schema must be refused with 400, never answered wrongly."""
    with pytest.raises(ApiError) as caught:
        follow_schema(schema, ONE)
    assert caught.value.status == 400
    assert caught.value.code == "invalid_json_schema"
