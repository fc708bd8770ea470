"""Labels and readable texts of answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.report.answers import labels, readable, typed
from picsum_vision.report.gallery_rows import GalleryRow, in_order

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "task", "expected"),
    [
        ("natura", "classify", ["natura"]),
        ("gioia", "sentiment", ["gioia"]),
        ("natura", "describe", []),
        ('["albero", "lago", "albero", " "]', "objects", ["albero", "lago"]),
        ('{"colour": "red", "people": 2, "indoors": false, "seen": ["a", "b"]}', None,
         ["colour: red", "indoors: false", "seen: a", "seen: b"]),
        ('{"text": "' + "x" * 61 + '"}', None, []),
        ("{no json", "describe", []),
        (None, "classify", []),
    ],
)  # fmt: skip
def test_labels(text, task, expected):
    """A classification's word, a list's entries and an object's short fields are labels, each once; free text has none."""
    assert labels(text, task) == expected


def test_a_typed_answer_reads_like_a_sentence():
    """Lists and objects read as a person would say them, without what is empty."""
    assert readable(typed('["albero", "lago"]')) == "albero, lago"
    assert readable(typed('{"colour": "red", "people": 2, "text": "", "sure": true}')) == "colour: red; people: 2; sure: true"


@pytest.mark.parametrize("text", ['{"share": NaN}', "[Infinity]", "[-Infinity]", "[" * 500 + "]" * 500, "[" * 5_000])
def test_what_no_browser_reads_is_free_text(text):
    """NaN and Infinity, which JSON has not, and brackets in brackets in brackets are free text: the row is shown as it is."""
    assert typed(text) is None
    assert labels(text, "describe") == []
    assert GalleryRow(url="u", text=text).as_dict() == {"url": "u", "text": text}


@given(answer=JSON)
def test_any_typed_answer_can_be_shown(answer):
    """Whatever JSON an answer holds, its labels are short texts, and a row of it can be made."""
    text = json.dumps(answer)
    assert all(0 < len(label) <= 60 for label in labels(text, "extract"))
    shown = GalleryRow(url="u", text=text).as_dict()
    assert ("readable" in shown) == isinstance(answer, (list, dict))


def test_rows_are_in_the_order_that_people_count():
    """Id 2 comes before id 10, and a row without address first."""
    urls = ["https://h/id/10/1", "https://h/id/2/1", None, "https://h/id/2/"]
    assert [row.url for row in in_order(GalleryRow(url=url) for url in urls)] == [None, urls[3], urls[1], urls[0]]
