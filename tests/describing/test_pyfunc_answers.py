"""Whose answer is whose, with real MLflow models that sort, leave out, repeat and number anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from asking import ask, fresh_loop, outcome, statuses
from hypothesis import given, settings
from hypothesis import strategies as st
from saved_models import log_of, saved

from picsum_vision import PyFunc
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.model_thread import ModelFailed
from picsum_vision.describing.pyfunc_answers import UnclearRows, WrongAnswers, texts_of

pytestmark = pytest.mark.filterwarnings("ignore")
# An image tells its row, and what the model is to do with it: its place in the answer, left out, or twice.
OBEYS = """
        rows = model_input.assign(place=[image[:1] for image in images], text=[image.decode() for image in images])
        rows = pd.concat([rows, rows[[image[1:2] == b'2' for image in images]]]).sort_values('place', kind='stable')
        return rows.loc[[text[1] != '-' for text in rows['text']], {columns}]
"""


@pytest.fixture(scope="module", params=["'text'", "['text']"])
def obedient(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PyFunc, LoopThread]]:
    """Give a model that does with each image what it says, once as a Series and once as a DataFrame, and a loop that keeps it."""
    uri = saved(tmp_path_factory.mktemp("obedient"), OBEYS.format(columns=request.param))
    with fresh_loop() as loop_thread:
        yield PyFunc(uri, max_batch_images=12), loop_thread


@given(st.lists(st.tuples(st.sampled_from(b"abcdefgh"), st.sampled_from("111-2")), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_no_answer_is_on_another_row(obedient: tuple[PyFunc, LoopThread], commands: list[tuple[int, str]]) -> None:
    """Whatever order the answers come in, whichever are missing or there twice: a row has its own, or says that it has none."""
    backend, loop_thread = obedient
    images = [f"{chr(place)}{what}{row}".encode() for row, (place, what) in enumerate(commands)]
    jobs = ask(backend, images, loop_thread=loop_thread, deduplicate=False)
    for job, image, (_, what) in zip(jobs, images, commands, strict=True):
        assert job.answer == (image.decode() if what == "1" else None)
        assert outcome(job).status.value == ("ok" if what == "1" else "model_error")
        if what == "-":
            assert "no answer for this image" in (outcome(job).message or "")


def test_a_sorted_series_is_asked_once(tmp_path: Path) -> None:
    """Answers in another order are put right by their index, without asking again; so are those that some are missing from."""
    body = "return pd.Series([image.decode() for image in images], index=model_input.index)[::-1][lambda t: t != '2']"
    images = [str(number).encode() for number in range(8)]
    jobs = ask(PyFunc(saved(tmp_path, body), max_batch_images=8), images)
    assert [job.answer for job in jobs] == ["0", "1", None, "3", "4", "5", "6", "7"]
    assert log_of(tmp_path)[1:] == ["8"]


def test_rows_that_were_numbered_anew_are_asked_about_again(tmp_path: Path) -> None:
    """A model that leaves rows out and numbers the others anew gets smaller batches, until each answer's row is certain."""
    body = "return pd.Series([image.decode() for image in images if image != b'3'])"
    images = [str(number).encode() for number in range(8)]
    jobs = ask(PyFunc(saved(tmp_path, body), max_batch_images=8), images)
    assert [job.answer for job in jobs] == ["0", "1", "2", None, "4", "5", "6", "7"]


def test_a_foreign_index_is_named(tmp_path: Path) -> None:
    """An index that is of none of the images is `model_error` that shows it, asked once."""
    body = "return pd.Series(['text'] * len(images), index=[f'id-{number}' for number in range(len(images))])"
    jobs = ask(PyFunc(saved(tmp_path, body), max_batch_images=4), [bytes([number]) for number in range(1, 5)])
    assert statuses(jobs) == ["model_error"] * 4
    assert "have the index 'id-0', 'id-1', 'id-2', ..., which is of none of the 4 images" in (outcome(jobs[0]).message or "")
    assert log_of(tmp_path)[1:] == ["4"]


@pytest.mark.parametrize("body", ["return {'answer': texts}", "return tuple(texts)", "return np.array(texts)", "return texts"])
def test_what_has_no_index_goes_by_position(tmp_path: Path, body: str) -> None:
    """A list, a tuple, an array and a dict of lists have one answer an image, in the images' order."""
    body = f"texts = [image.decode() for image in images]; {body}"
    for inputs in (None, "image binary"):
        jobs = ask(PyFunc(saved(tmp_path, body, inputs=inputs)), [b"a", b"b", b"c"])
        assert [job.answer for job in jobs] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (pd.Series(["a", "b"], index=[0, 5]), WrongAnswers),
        (pd.Series(["a", "b", "c"], index=[0.5, 1.5, 2.5]), WrongAnswers),
        (pd.Series(["a", "b"], index=[0, np.nan]), WrongAnswers),
        (pd.Series(["a", "b"], index=[0, -1]), WrongAnswers),
        (pd.Series(["a", "b"], index=["0", "1"]), WrongAnswers),
        (pd.Series(["a"], index=[(0, 0)]), WrongAnswers),
        (pd.Series(["a"], index=pd.MultiIndex.from_tuples([(0, 0)])), WrongAnswers),
        (pd.Series(["a", "b"], index=pd.to_datetime(["2020", "2021"])), WrongAnswers),
        (pd.Series(["a", "b"]), UnclearRows),
        (pd.Series(["a", "b"], index=[1, 0]), UnclearRows),
        (pd.Series(["a", "b", "c"], index=[0, 1, 1]), UnclearRows),
        (pd.Series(["a", "b", "c", "d"], index=[0, 1, 2, 2]), UnclearRows),
        (pd.DataFrame(index=[0, 1, 2]), WrongAnswers),
        (np.array("one"), WrongAnswers),
        (["a", "b"], WrongAnswers),
        ({"a": 1}, WrongAnswers),
        ({}, WrongAnswers),
        ("abc", WrongAnswers),
        (iter("abc"), WrongAnswers),
    ],
)  # fmt: skip
def test_what_cannot_be_told_apart_is_no_answer(found: object, kind: type[ModelFailed]) -> None:
    """Of three images, answers whose rows are not certain are given to none of them."""
    with pytest.raises(kind):
        texts_of(found, 3)


def test_all_left_out_and_none_left_out() -> None:
    """An empty answer leaves each row without one, and one that keeps the index in any form is taken."""
    assert all(isinstance(each, ModelFailed) for each in texts_of(pd.Series([], dtype=object), 3))
    assert texts_of(pd.Series(["c", "a", "b"], index=pd.Index([2.0, 0.0, 1.0])), 3) == ["a", "b", "c"]
    assert texts_of(pd.Series(["b"], index=[1]), 3)[1] == "b"
