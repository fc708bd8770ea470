"""The words that languages are told apart by."""

from __future__ import annotations

import collections

import pytest

from picsum_vision.describing.language_words import SCRIPTS, WORDS, known_language
from picsum_vision.describing.tasks import _LANGUAGE_NAMES


def test_no_word_speaks_for_two_languages():
    """Each word is in one list only, once, in small letters and without an apostrophe, so that it can be found."""
    counted = collections.Counter(word for words in WORDS.values() for word in words)
    assert {word: number for word, number in counted.items() if number > 1} == {}
    assert all(word == word.lower() and word.isalpha() for word in counted)
    assert all(len(words) >= 20 for words in WORDS.values())


def test_every_language_that_tasks_can_name_is_known():
    """What a task can be asked in by name can be told from other languages."""
    assert {known_language(tag) for tag in _LANGUAGE_NAMES} == WORDS.keys() | SCRIPTS.keys() == _LANGUAGE_NAMES.keys()


@pytest.mark.parametrize(("tag", "language"), [("pt-BR", "pt"), ("IT", "it"), ("zh-Hant-TW", "zh"), ("sv", None), ("eu", None)])
def test_a_tag_is_reduced_to_its_language(tag, language):
    """Region and script of a tag do not matter, and a language without a list is not judged."""
    assert known_language(tag) == language
