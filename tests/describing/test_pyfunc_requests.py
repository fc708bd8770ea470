"""What an MLflow model is told of a task, and that the outcome claims no more."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from asking import ask, outcome, statuses
from saved_models import saved

from picsum_vision import Classify, Describe, Extract, ListObjects, PyFunc, SettingError
from picsum_vision.describing.model_registry import resolved, sent_task
from picsum_vision.describing.tasks import Task

pytestmark = pytest.mark.filterwarnings("ignore")
# The model answers with all that it was told.
TELLS = """
        told = {name: model_input[name][0] for name in model_input.columns[1:]} | {'params': params or {}}
        return [__import__('json').dumps(told, sort_keys=True)] * len(images)
"""
NOTHING = hashlib.sha256(b"").hexdigest()


def told(uri: str, task: Task | None = None, **settings: Any) -> tuple[str, str]:
    """Return what the model says that it was told, and what the outcome claims."""
    (job,) = ask(PyFunc(uri, **settings), [b"an image"], task)
    assert outcome(job).status.value == "ok", outcome(job).message
    return job.answer, outcome(job).prompt_sha256 or ""


@pytest.mark.parametrize("place", ["column", "optional column", "param"])
def test_a_prompt_reaches_the_model(tmp_path: Path, place: str) -> None:
    """The prompt goes to the input or the param of that name, and `prompt_sha256` is its own, as of any other backend."""
    inputs = {"column": "image binary, prompt string", "optional column": "image binary, prompt string?"}.get(
        place, "image binary"
    )
    uri = saved(tmp_path, TELLS, inputs=inputs, params={"prompt": "none", "top": 5} if place == "param" else None)
    for task in (Describe(), Describe(prompt="What colour is it?"), Describe(language="de")):
        answer, claimed = told(uri, task)
        assert task.full_prompt in answer
        assert claimed == hashlib.sha256(task.full_prompt.encode()).hexdigest()
    if place == "param":
        assert '"top": 5' in answer


def test_a_language_reaches_the_model(tmp_path: Path) -> None:
    """A model that takes the language alone gets it, and another language is another request."""
    uri = saved(tmp_path, TELLS, params={"language": "en"})
    italian, english = told(uri), told(uri, Describe(language="en"))
    assert ('"language": "it"' in italian[0], '"language": "en"' in english[0]) == (True, True)
    assert len({italian[1], english[1], NOTHING}) == 3
    with pytest.raises(SettingError, match=r"^prompt: 'Why\?' is not allowed; .* no text input and no param named prompt in its"):
        told(uri, Describe(prompt="Why?"))


def test_params_reach_the_model_and_are_part_of_the_request(tmp_path: Path) -> None:
    """Params are sent, in their type; other params are another request, none are the same as before there were any."""
    uri = saved(tmp_path, TELLS, params={"top": 5, "scale": 0.5, "style": "short"})
    answer, claimed = told(uri, params={"top": 7, "style": "long"})
    assert answer == '{"params": {"scale": 0.5, "style": "long", "top": 7}}'
    claims = [claimed, *(told(uri, params=params)[1] for params in ({"top": 8}, {"style": "long", "top": 7}, {}))]
    assert (claims[0] == claims[2], len(set(claims)), claims[3]) == (True, 3, NOTHING)


@pytest.mark.parametrize("inputs", ["image binary", None])
def test_a_model_without_a_prompt_is_claimed_to_have_had_none(tmp_path: Path, inputs: str | None) -> None:
    """A model that takes no prompt answers the default task, and `prompt_sha256` is that of an empty text."""
    uri = saved(tmp_path, "return ['text'] * len(images)", inputs=inputs)
    assert told(uri) == ("text", NOTHING)
    assert told(saved(tmp_path, "return ['a'] * len(images)"), Classify(labels=("a", "b")))[1] != NOTHING  # its labels count


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Describe(prompt="What colour?"), "prompt: 'What colour?' is not allowed; "),
        (ListObjects(prompt="Which birds?"), "prompt: 'Which birds?' is not allowed; "),
        (Describe(language="en"), "language: 'en' is not allowed; "),
        (Classify(language="de"), "named prompt or language in its signature: leave it out, or log the model with one"),
    ],
)
@pytest.mark.parametrize("inputs", ["image binary", None])
def test_what_a_model_cannot_be_told_is_refused(tmp_path: Path, task: Task, words: str, inputs: str | None) -> None:
    """A prompt or language that the model would not get is refused on the driver, with the remedy."""
    backend = resolved(PyFunc(saved(tmp_path, "return ['text'] * len(images)", inputs=inputs)))
    with pytest.raises(SettingError) as problem:
        sent_task(backend, task)
    assert words in str(problem.value)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"tops": 5}, r"has no param 'tops' in its signature; there are: top, style"),
        ({"top": "many"}, r"params: 'top' is not allowed: .*many"),
        ({"top": [1, 2]}, r"params: 'top' is not allowed: "),
    ],
)
def test_wrong_params_are_refused_before_any_work(tmp_path: Path, params: dict[str, Any], words: str) -> None:
    """MLflow would leave an unknown param out, without a word to whoever waits for the answers."""
    backend = PyFunc(saved(tmp_path, "return []", params={"top": 5, "style": "short"}), params=params)
    with pytest.raises(SettingError, match=words):
        resolved(backend)
    with pytest.raises(SettingError, match="there are: none"):
        resolved(PyFunc(saved(tmp_path, "return []"), params={"top": 1}))


@pytest.mark.parametrize(
    "params", [{"prompt": "x"}, {"language": "en"}, ["top"], {1: 2}, {"a": object()}, {"a": float("nan")}, {"a": {1, 2}}]
)
def test_params_that_are_none_are_refused(params: Any) -> None:
    """What the task says, and what is not the same in every process, is no param."""
    with pytest.raises(SettingError, match=r"^params: "):
        PyFunc("models:/m/1", params=params)


def test_params_are_kept_as_they_were() -> None:
    """Whoever changes their dict later changes nothing; a backend with params can be compared, hashed and sent."""
    params = {"top": [1, 2]}
    backend = PyFunc("models:/m/1", params=params)
    params["top"].append(3)
    assert backend.params == {"top": [1, 2]}
    assert hash(backend) == hash(PyFunc("models:/m/1"))
    assert backend != PyFunc("models:/m/1")


def test_a_task_that_was_sent_is_sent_again_as_it_is(tmp_path: Path) -> None:
    """Driver and worker both look at the task: what the first has made of it is not changed by the second."""
    for uri in (saved(tmp_path, TELLS), saved(tmp_path, TELLS, params={"language": "x", "top": 1}, name="other")):
        backend = resolved(PyFunc(uri, params={"top": 2} if uri.endswith("other") else {}))
        for task in (Describe(), Extract("colour STRING")):
            once = sent_task(backend, task)
            assert sent_task(backend, once).prompt_sha256 == once.prompt_sha256
            assert sent_task(backend, once).claimed_sha256 == once.claimed_sha256
            assert once.claimed_sha256 == (None if uri.endswith("other") else task.prompt_sha256)


def test_an_image_in_base64(tmp_path: Path) -> None:
    """A model behind a text column named image_base64 gets the image as such; a binary one beside optional inputs gets bytes."""
    uri = saved(tmp_path, "return images", inputs="image_base64 string, hint string?")
    (job,) = ask(PyFunc(uri), [b"\x89an image"])
    assert base64.b64decode(job.answer) == b"\x89an image"
    uri = saved(tmp_path, "return [image.decode() for image in images]", inputs="photo binary, hint string?, top long?")
    assert statuses(ask(PyFunc(uri), [b"an image"])) == ["ok"]
