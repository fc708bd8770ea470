"""What models write where they are asked for JSON, and what each task reads in it."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision import Classify, Describe, Extract, ListObjects, ReadText, Sentiment, SettingError
from picsum_vision.describing.json_text import find_json
from picsum_vision.describing.tasks import BadAnswer, Task
from picsum_vision.describing.thoughts import without_thoughts

WHOLE = {"a": {"b": 1}, "c": [2]}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"b": 1}, "c": [2]}',
        '{"a": {"b": 1,}, "c": [2,],}',
        '{"a": {"b": 1}, "c": [2], }',
        'Here it is:\n```json\n{"a": {"b": 1}, "c": [2],}\n```\nHope that helps.',
        '<think>{"a": 7}</think>{"a": {"b": 1}, "c": [2]}',
        '<think>\nIs it {"a": 7}?\n</think>\n\nYes: {"a": {"b": 1}, "c": [2]}',
        'As [1] and {others} say, ["x"], :-{ {"a": {"b": 1}, "c": [2]} {"a": 3}',
    ],
)
def test_the_object_that_was_meant_is_found(text: str) -> None:
    """Thoughts, words around it and a comma too many do not make an inner or another object out of the asked one."""
    assert find_json(text) == WHOLE


@pytest.mark.parametrize("text", ['{"a": {"b": 1}, "c": ', '{"a": {"b": 1} "c": 2}', '[{"a": 1}, {"a": 2', "<think>so {}", "[x]"])
def test_what_is_broken_is_not_answered_by_a_part_of_it(text: str) -> None:
    """An object inside of one that is cut off or broken is not the answer."""
    assert find_json(text) is None


@given(st.text(st.sampled_from('{}[]",:a1 \\'), max_size=60))
def test_any_brackets(text: str) -> None:
    """Whatever brackets a text has, it is read to an end, and a text that is JSON is read as that."""
    found = find_json(text)
    try:
        assert found == json.loads(text)
    except ValueError:
        assert found is None or isinstance(found, (dict, list))


def test_many_brackets_take_no_time() -> None:
    """A megabyte of openings is given up, not tried one by one."""
    began_s = time.process_time()
    assert find_json('{"' * 500_000) is None
    assert time.process_time() - began_s < 20


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>a\nb</think>\n\nun gatto", "un gatto"),
        (" <THINKING>a</THINKING> un gatto", "un gatto"),
        ("<think>never ends", ""),
        ("Is it a cat? </think> It is.\n</think>\n\nun gatto", "un gatto"),
        ("nothing but thoughts</thinking>", ""),
        ("un <think>gatto</think>", "un <think>gatto</think>"),
    ],
)
def test_thoughts_are_no_answer(text: str, rest: str) -> None:
    """A block of thoughts at the beginning is left out, also one that is cut off."""
    assert without_thoughts(text) == rest


@pytest.mark.parametrize(
    ("task", "text", "answer"),
    [
        (ReadText(), "2024", "2024"),
        (ReadText(), "[1] Pane 2,00\n[2] Latte 1,50", "[1] Pane 2,00\n[2] Latte 1,50"),
        (ReadText(), "true", "true"),
        (ReadText(), '"SALDI"', "SALDI"),
        (ReadText(), '{"text": null}', ""),
        (Classify(labels=("natura morta", "ritratto")), " Natura morta. ", "natura morta"),
        (Classify(labels=("1", "2", "3")), '{"label": 2}', "2"),
        (Classify(labels=("1", "2", "3")), "3", "3"),
        (Classify(labels=("true", "false")), '{"label": true}', "true"),
        (Classify(labels=("Sì.", "No.")), '{"label": "sì"}', "Sì."),
        (Classify(labels=("C", "C++", "?")), '"C++"', "C++"),
        (Classify(labels=("C", "C++", "?")), "?", "?"),
        (Classify(labels=("citta\u0300", "mare")), '{"label": "citt\u00e0"}', "citta\u0300"),
        (Classify(labels=("{x}", "[y]")), "[y]", "[y]"),
        (Extract("a INT"), '[{"a": 1}]', {"a": 1}),
        (Extract("a ARRAY<STRING>"), '{"a": ["x", null]}', {"a": ["x", None]}),
        (Extract("a MAP<STRING, STRING>"), '{"a": {"k": null}}', {"a": [("k", None)]}),
        (Sentiment(), "**Gioia**.", "Gioia"),
        (ListObjects(), '```\n["cane", "gatto",]\n```', ["cane", "gatto"]),
    ],
)  # fmt: skip
def test_right_answers_in_another_form(task: Task, text: str, answer: Any) -> None:
    """An answer that can mean only one thing is read, in whatever form it comes."""
    assert task.parse(text) == answer


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (ReadText(), '{"testo": "SALDI"}'),
        (ReadText(), '["SALDI"]'),
        (Classify(), "mare"),
        (Classify(), '{"label": null}'),
        (Classify(), ""),
        (Extract("a INT"), '[{"a": 1}, {"a": 2}]'),
        (Extract("a INT"), "[]"),
    ],
)
def test_wrong_answers(task: Task, text: str) -> None:
    """What may mean several things, or nothing that was asked for, is refused."""
    with pytest.raises(BadAnswer):
        task.parse(text)


def test_nothing_is_no_label_of_punctuation() -> None:
    """Stars are labels as good as any; an empty answer is none of them."""
    with pytest.raises(BadAnswer):
        Classify(labels=("*", "**", "***")).parse('{"label": ""}')


@pytest.mark.parametrize("labels", [{"cane", "gatto"}, {"cane": 1, "gatto": 2}, None, 7, "cane"])
def test_labels_have_an_order(labels: Any) -> None:
    """A set's order is another one in each process: the same job would ask another question each night."""
    with pytest.raises(SettingError, match=r"labels: .* must be a list"):
        Classify(labels=labels)


def test_labels_with_the_same_letters_are_one() -> None:
    """An accent that is a letter's own and one that stands behind it are the same word."""
    with pytest.raises(SettingError, match="different"):
        Classify(labels=("citta\u0300", "citt\u00e0"))


def test_another_set_of_answers_is_another_question() -> None:
    """What is asked differs by its labels, comments and bounds, also where the prompt does not name them."""
    asked = [
        Classify(prompt="Which?", labels=("a", "b")),
        Classify(prompt="Which?", labels=("c", "d")),
        Extract("c STRING COMMENT 'main colour'"),
        Extract("c STRING COMMENT 'background colour'"),
        Extract("c STRING NOT NULL COMMENT 'main colour'"),
    ]
    assert len({task.prompt_sha256 for task in asked}) == len(asked)
    assert Classify(labels=["a", "b"]).prompt_sha256 == Classify(labels=("a", "b")).prompt_sha256
    assert Describe().prompt_sha256 == hashlib.sha256(Describe().full_prompt.encode()).hexdigest()
