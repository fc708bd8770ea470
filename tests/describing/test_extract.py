"""Extract: schemas as users write them, and answers as models write them."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import json
import pickle
from typing import Any, Literal, Optional

import jsonschema
import pytest
from asking import ask, outcome, picture, statuses
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from pyspark.sql.types import ArrayType, DoubleType, IntegerType, StringType, StructField, StructType

from picsum_vision import ChatCompletions, Extract, SettingError
from picsum_vision.describing.tasks import BadAnswer
from picsum_vision.testing.model_server import ModelFault, ModelServer, Quirk

DDL = "colour STRING NOT NULL COMMENT 'the main colour', people INT, boxes ARRAY<STRUCT<label: STRING, score: DOUBLE>>"
SPARK = StructType(
    [
        StructField("colour", StringType(), nullable=False, metadata={"comment": "the main colour"}),
        StructField("people", IntegerType()),
        StructField("boxes", ArrayType(StructType([StructField("label", StringType()), StructField("score", DoubleType())]))),
    ]
)


class Box(BaseModel):
    """A part of the picture."""

    label: str
    score: float = Field(ge=0, le=1)


class Scene(BaseModel):
    """What is asked for."""

    light: Literal["dark", "bright"]
    people: Optional[int] = Field(default=None, description="how many people", ge=0)  # noqa: UP045 - as users of Python 3.9 write it
    boxes: list[Box]


def test_all_ways_to_write_a_schema_mean_the_same() -> None:
    """DDL, with and without STRUCT around it, and a StructType give one type, whose DDL gives it again."""
    plain, spark = Extract(DDL), Extract(SPARK)
    assert plain.json_schema() == spark.json_schema() == Extract(f"STRUCT<{DDL}>").json_schema()
    assert plain.answer_ddl == spark.answer_ddl
    assert Extract(plain.answer_ddl).answer_ddl == plain.answer_ddl
    assert plain == pickle.loads(pickle.dumps(plain))  # noqa: S301 - what this very test wrote
    assert len({plain, Extract(DDL)}) == 1
    assert '"colour", "people", "boxes"' in plain.full_prompt
    assert plain.prompt_sha256 != Extract("colour STRING, people BIGINT, boxes ARRAY<STRING>").prompt_sha256


def test_a_pydantic_model_is_a_schema() -> None:
    """A pydantic model's fields, descriptions and bounds are asked for and checked."""
    task = Extract(Scene)
    assert (
        task.answer_ddl == "STRUCT<`light`: STRING, `people`: BIGINT, `boxes`: ARRAY<STRUCT<`label`: STRING, `score`: DOUBLE>>>"
    )
    schema = task.json_schema()
    assert schema["properties"]["people"]["description"] == "how many people"
    assert schema["properties"]["light"]["enum"] == ["dark", "bright"]
    assert task.parse('{"light": "dark", "people": null, "boxes": []}') == {"light": "dark", "people": None, "boxes": []}
    for wrong in ('{"light": "grey", "boxes": []}', '{"light": "dark", "people": -1, "boxes": []}', '{"light": "dark"}'):
        with pytest.raises(BadAnswer):
            task.parse(wrong)
    with pytest.raises(BadAnswer, match=r"boxes\[0\].score is 2.0"):
        task.parse('{"light": "dark", "boxes": [{"label": "a", "score": 2}]}')


class Receipt(BaseModel):
    """Kinds of fields that JSON Schema writes in its own ways."""

    total: decimal.Decimal
    tip: Optional[decimal.Decimal] = None  # noqa: UP045 - as users of Python 3.9 write it
    version: Literal[1]
    is_paid: Literal[True]
    lines: list[Optional[str]]  # noqa: UP045 - the same
    names: list[str]
    prices: dict[str, Optional[float]]  # noqa: UP045 - the same
    code: str = Field(json_schema_extra={"pattern": r"^\p{L}+$"})


def test_kinds_that_json_schema_writes_in_its_own_way() -> None:
    """Decimals, literals of any kind and lists with nulls have their type; a pattern that Python cannot read is not checked."""
    task = Extract(Receipt)
    assert task.answer_ddl == (
        "STRUCT<`total`: DECIMAL(38,18), `tip`: DECIMAL(38,18), `version`: BIGINT, `is_paid`: BOOLEAN, `lines`: ARRAY<STRING>, "
        "`names`: ARRAY<STRING>, `prices`: MAP<STRING, DOUBLE>, `code`: STRING>"
    )
    told = {"total": "12.50", "tip": 1, "version": 1, "is_paid": True, "lines": ["a", None], "names": [], "prices": {"a": None}}
    read = task.parse(json.dumps({**told, "code": "x"}))
    assert (read["total"], read["tip"], read["lines"]) == (decimal.Decimal("12.50"), 1, ["a", None])
    assert read["prices"] == [("a", None)]
    for wrong in ({"version": 2}, {"is_paid": False}, {"names": [None]}):
        with pytest.raises(BadAnswer):
            task.parse(json.dumps({**told, "code": "x", **wrong}))


@pytest.mark.parametrize(
    ("ddl", "value", "read"),
    [
        ("INT", 3, 3), ("INT", "3", 3), ("INT", 3.0, 3), ("DOUBLE", "1.5", 1.5), ("DOUBLE", 2, 2.0), ("STRING", 7, "7"),
        ("BOOLEAN", "true", True), ("BOOLEAN", False, False), ("DATE", "2024-05-17", dt.date(2024, 5, 17)),
        ("TIMESTAMP", "2024-05-17T10:20:30Z", dt.datetime(2024, 5, 17, 10, 20, 30, tzinfo=dt.timezone.utc)),
        ("DECIMAL(6,2)", 12.345, decimal.Decimal("12.34")), ("ARRAY<INT>", ["1", 2], [1, 2]), ("MAP<STRING, INT>", {"a": 1},
        [("a", 1)]), ("STRUCT<b: STRING>", {"b": "x", "other": 1}, {"b": "x"}), ("INT", None, None),
    ],
)  # fmt: skip
def test_values_that_can_mean_only_one_thing(ddl: str, value: Any, read: Any) -> None:
    """A value of the type, or one that can only mean it, is read as the type."""
    assert Extract(f"a {ddl}").parse(json.dumps({"a": value})) == {"a": read}


@pytest.mark.parametrize(
    ("ddl", "value"),
    [
        ("INT", "many"), ("INT", 2.5), ("INT", True), ("INT", 1 << 40), ("TINYINT", 200), ("DOUBLE", "NaN"), ("DOUBLE", False),
        ("FLOAT", 1e300), ("TIMESTAMP", "9999-12-31T23:59:59-05:00"), ("TIMESTAMP", "0001-01-01T00:00:00+05:00"),
        ("BOOLEAN", "perhaps"), ("BOOLEAN", 1), ("DATE", "yesterday"), ("DATE", 5), ("TIMESTAMP", "now"), ("DECIMAL(4,2)", 12345),
        ("ARRAY<INT>", 1), ("ARRAY<INT>", ["x"]), ("MAP<STRING, INT>", [1]), ("STRUCT<b: STRING>", "x"), ("STRING", ["x"]),
        ("INT NOT NULL", None),
    ],
)  # fmt: skip
def test_values_of_another_type(ddl: str, value: Any) -> None:
    """A value that is not of its field's type is refused, and the message names the field."""
    with pytest.raises(BadAnswer, match=r"answer\.a"):
        Extract(f"a {ddl}").parse(json.dumps({"a": value}))


@given(st.text())
def test_any_text_is_an_answer_or_a_bad_one(text: str) -> None:
    """Whatever a model writes is read or refused, and nothing else is raised."""
    with contextlib.suppress(BadAnswer):
        assert set(Extract("a INT, b STRING").parse(text)) == {"a", "b"}


@pytest.mark.parametrize(
    "schema",
    ["", "a", "a NUMBER", "a INT,", "a INT b INT", "STRUCT<a INT", "a INT, A STRING", "a MAP<INT, INT>", 7, int, StructType([])],
)
def test_wrong_schemas_are_refused(schema: Any) -> None:
    """What is no schema is refused when the task is made, in one line that names the setting."""
    with pytest.raises(SettingError, match=r"^schema: [^\n]*$"):
        Extract(schema)


@pytest.mark.parametrize("quirks", [[], [Quirk.REFUSES_RESPONSE_FORMAT]])
@pytest.mark.parametrize("schema", [DDL, Scene])
def test_an_endpoint_answers_in_the_schema(schema: Any, quirks: list[Quirk]) -> None:
    """A model's answers have the asked type, by response_format where the endpoint takes it and by the prompt where not."""
    task = Extract(schema, language="en")
    with ModelServer(quirks=quirks) as server:
        jobs = ask(ChatCompletions(server.base_url, "test-vision"), [picture(number) for number in range(6)], task)
    assert statuses(jobs) == ["ok"] * 6
    for job in jobs:
        jsonschema.validate(json.loads(json.dumps(job.answer)), task.json_schema())


def test_another_answer_is_kept_as_text() -> None:
    """An answer that is not in the schema is `bad_schema`: no value, and the raw text in the message."""
    with ModelServer(faults=[ModelFault("schema_ignored")]) as server:
        (job,) = ask(ChatCompletions(server.base_url, "test-vision"), [picture(1)], Extract(DDL))
    assert (outcome(job).status.value, job.answer) == ("bad_schema", None)
    assert "L'immagine misura" in (outcome(job).message or "")
