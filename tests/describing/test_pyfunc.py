"""PyFunc with real MLflow models."""

from __future__ import annotations

import socket
import sys
import traceback
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import ask, fresh_loop, outcome, picture, statuses
from saved_models import log_of, saved

from picsum_vision import (
    ChatCompletions,
    DescribeOptions,
    ListObjects,
    ModelProblem,
    PixelDescriber,
    PyFunc,
    Secret,
    SettingError,
    log_describer,
)
from picsum_vision.describing.describer import Describer
from picsum_vision.describing.model_registry import ModelRegistry, resolved, settled
from picsum_vision.describing.pixels import describe_pixels
from picsum_vision.describing.tasks import Describe
from picsum_vision.testing.model_server import ModelServer

PRICES = {"input_price_per_million_tokens": 1.0, "output_price_per_million_tokens": 1.0}


@pytest.fixture(autouse=True)
def quiet_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep MLflow's store in the test's folder, and its own warnings out of what is tested."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_each_image_has_its_own_answer_from_a_model_loaded_once(tmp_path: Path) -> None:
    """A model that is loaded once answers each image, in batches of no more than the asked size."""
    backend = PyFunc(saved(tmp_path, "return [f'{len(image)} bytes' for image in images]"), max_batch_images=8)
    images = [picture(number) for number in range(40)]
    with fresh_loop() as loop_thread:
        jobs = ask(backend, images, loop_thread=loop_thread) + ask(backend, images[:3], loop_thread=loop_thread)
    assert [job.answer for job in jobs] == [f"{len(image)} bytes" for image in [*images, *images[:3]]]
    log = log_of(tmp_path)
    assert log.count("loaded") == 1
    sizes = [int(entry) for entry in log if entry != "loaded"]
    assert sum(sizes) == 43
    assert max(sizes) == 8
    assert (outcome(jobs[0]).model, outcome(jobs[0]).attempts) == (resolved(backend).model_name, 1)


def test_one_bad_image_costs_only_its_own_row(tmp_path: Path) -> None:
    """A batch that raises is split until the bad image is alone: it is `model_error`, the others are answered."""
    body = "assert b'BAD' not in images, 'cannot see this'\n        return ['fine'] * len(images)"
    body = body.replace("assert b'BAD' not in images", "assert not any(image == b'BAD' for image in images)")
    images: list[Any] = [picture(number) for number in range(16)]
    images[5] = b"BAD"
    jobs = ask(PyFunc(saved(tmp_path, body), max_batch_images=16), [*images, None])
    expected = ["ok"] * 16 + ["no_image"]
    expected[5] = "model_error"
    assert statuses(jobs) == expected
    assert outcome(jobs[5]).message == "AssertionError: cannot see this"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return ['one too few'] * (len(images) - 1)", "answers for"),
        ("return 'a single text'", "one str for"),
        ("return None", "NoneType"),
        ("return {str(number): 'text' for number in range(len(images))}", "one dict for"),
        ("return __import__('numpy').zeros((len(images), 2))", "the model gave ndarray, not text"),
        ("return [17] * len(images)", "the model gave int, not text"),
        ("return [None] * len(images)", "the model gave NoneType, not text"),
    ],
)
def test_wrong_answers_are_told_plainly(tmp_path: Path, body: str, words: str) -> None:
    """Too few answers, one for all, or something else than text is `model_error` that says so, and is asked once a batch."""
    jobs = ask(PyFunc(saved(tmp_path, body), max_batch_images=4), [picture(number) for number in range(4)])
    assert set(statuses(jobs)) == {"model_error"}
    assert words in (outcome(jobs[0]).message or "")
    assert log_of(tmp_path)[1:] == ["4"]


def test_batches_are_bounded_in_bytes(tmp_path: Path) -> None:
    """A batch holds no more bytes than allowed, or one image."""
    images = [bytes([number]) * 600 for number in range(1, 7)]
    backend = PyFunc(saved(tmp_path, "return [str(len(image)) for image in images]"), max_batch_bytes=1_300)
    assert set(statuses(ask(backend, images))) == {"ok"}
    assert log_of(tmp_path)[1:] == ["2", "2", "2"]


def test_typed_answers_are_parsed(tmp_path: Path) -> None:
    """A typed task reads the model's text, and keeps what is not in the form."""
    body = "return ['{\"objects\": [\"cane\"]}' if len(image) % 2 else 'nulla' for image in images]"
    good, bad = ask(PyFunc(saved(tmp_path, body)), [b"odd", b"even"], ListObjects())
    assert (good.answer, outcome(good).status.value) == (["cane"], "ok")
    assert (bad.answer, outcome(bad).status.value) == (None, "bad_schema")
    assert "nulla" in (outcome(bad).message or "")


@pytest.mark.parametrize(
    ("inputs", "output", "column", "words"),
    [
        ("image string", "string", None, "takes image as string; an image is binary"),
        ("image binary, other binary", "string", None, "say which one takes the image"),
        ("image binary, question string", "string", None, "wants question as well; only the image and texts named prompt and"),
        ("picture binary", "string", "image", "has no input 'image'; there are: picture binary"),
        ("image binary, question string", "string", "image", "wants question as well"),
        ("image binary", "double", None, "answers with double; a description is string"),
    ],
)
def test_a_signature_that_does_not_fit_is_refused(
    tmp_path: Path, inputs: str, output: str, column: str | None, words: str
) -> None:
    """A model that takes no image or gives no text is refused on the driver, in one line, before it is loaded."""
    backend = PyFunc(saved(tmp_path, "return []", inputs=inputs, output=output), image_column=column)
    with pytest.raises(ModelProblem, match=words):
        resolved(backend)
    assert not (tmp_path / "log").exists() or "loaded" not in log_of(tmp_path)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    """A missing model is one line that names it, on the driver and in the worker."""
    backend = PyFunc(str(tmp_path / "nothing"))
    with pytest.raises(ModelProblem, match="nothing cannot be loaded"):
        resolved(backend)
    with fresh_loop() as loop_thread, pytest.raises(ModelProblem, match="nothing cannot be loaded") as problem:
        Describer(backend, Describe(), DescribeOptions(), loop_thread)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    "settings", [{"max_batch_images": 0}, {"max_batch_bytes": 0}, {"max_batch_wait_ms": -1}, {"image_column": ""}]
)
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    """A wrong setting is named when the backend is made."""
    with pytest.raises(SettingError, match=next(iter(settings))):
        PyFunc("models:/describer@champion", **settings)


def test_a_logged_describer_has_no_bound_of_a_whole_job() -> None:
    """A model knows nothing of who else asks it: a bound of the whole job is refused, for it would not be held."""
    with pytest.raises(SettingError, match=r"^max_cost_total: 1\.0 is not allowed for a logged model"):
        log_describer(PixelDescriber(), options=DescribeOptions(max_cost_total=1.0, **PRICES))


@pytest.mark.usefixtures("mlflow_store")
def test_a_logged_describer_is_a_model_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A describer that is logged and registered loads by its registered name, with its signature, and answers through PyFunc."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    info = log_describer(PixelDescriber(), registered_model_name="pixels")
    backend = PyFunc("models:/pixels/1")
    resolved(backend)
    good, bad = ask(backend, [picture(1), b"no image"])
    assert info.signature is not None
    assert (good.answer, outcome(bad).status.value) == (describe_pixels(picture(1)), "model_error")
    requirements = mlflow.pyfunc.get_model_dependencies(info.model_uri)
    assert "picsum-vision" in Path(requirements).read_text()


@pytest.mark.usefixtures("mlflow_store")
def test_a_logged_describer_holds_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat describer is logged without its key, which stands in no file of the run or the store."""
    monkeypatch.chdir(tmp_path)
    key = "sk-planted-0011223344556677"
    with ModelServer(api_key=key) as server:
        monkeypatch.setenv("PICSUM_TEST_KEY", key)
        backend = ChatCompletions(server.base_url, "test-vision", api_key=Secret.env("PICSUM_TEST_KEY"))
        info = log_describer(backend, task=ListObjects())
        (job,) = ask(PyFunc(info.model_uri), [picture(1)], ListObjects())
    assert job.answer
    assert all(key.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_an_alias_is_settled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alias becomes the version that it means on the driver; a worker that knew an older one loads the new one."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    client = mlflow.MlflowClient()
    by_alias = PyFunc("models:/pixels@champion")
    answers = []
    with fresh_loop() as loop_thread:
        for version, language in ((1, "it"), (2, "en")):
            log_describer(PixelDescriber(), task=Describe(language=language), registered_model_name="pixels")
            client.set_registered_model_alias("pixels", "champion", version)
            backend, registry = settled(by_alias)
            assert backend.model_name == f"models:/pixels/{version}"
            assert registry == ModelRegistry(mlflow.get_tracking_uri(), mlflow.get_registry_uri())
            answers += [job.answer for job in ask(backend, [picture(1)], loop_thread=loop_thread)]
    assert answers == [describe_pixels(picture(1), "it"), describe_pixels(picture(1), "en")]


@pytest.mark.parametrize("uri", ["models:/nothing@champion", "models:/nothing/1", "runs:/0123456789abcdef/model"])
def test_what_the_registry_does_not_have(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name, version, alias or run that is not there is one line on the driver that names it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelProblem, match="cannot be loaded") as problem:
        settled(PyFunc(uri))
    assert str(problem.value).startswith(f"model_uri: {uri}")
    assert "\n" not in str(problem.value)


def test_an_address_with_a_password_does_not_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's tracking server is told to the workers unless its address has a password."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: "https://user:planted@host")
    monkeypatch.setattr(mlflow, "get_registry_uri", lambda: "https://host")
    assert ModelRegistry.of_this_process() == ModelRegistry(None, "https://host")


def test_threads_stay_within_the_tasks_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model finds as many threads as the task has cores in every library's own setting, and torch is told if it is there."""
    settings = ["MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"]
    for name in settings:
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # as Spark does
    told: list[int] = []
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(set_num_threads=told.append))
    body = f"import os; return [' '.join(os.environ.get(name, '-') for name in {settings}) for image in images]"
    (job,) = ask(PyFunc(saved(tmp_path, body)), [picture(1)])
    assert job.answer == "2 2 2 2 2"
    assert told == [2]


def test_a_batch_goes_when_its_time_is_up(tmp_path: Path) -> None:
    """Fewer images than a batch holds are predicted all the same, together, though none of them waits for the batch to fill."""
    backend = PyFunc(saved(tmp_path, "return ['fine'] * len(images)"), max_batch_images=1_000, max_batch_wait_ms=50)
    assert statuses(ask(backend, [picture(number) for number in range(3)])) == ["ok"] * 3
    assert log_of(tmp_path)[1:] == ["3"]


@pytest.mark.timeout(50)
def test_a_full_batch_waits_for_nothing(tmp_path: Path) -> None:
    """A batch that is full goes at once, however long it might have waited."""
    backend = PyFunc(saved(tmp_path, "return ['fine'] * len(images)"), max_batch_images=3, max_batch_wait_ms=60_000)
    assert statuses(ask(backend, [picture(number) for number in range(6)])) == ["ok"] * 6
    assert log_of(tmp_path)[1:] == ["3", "3"]


def test_several_bad_images_are_each_found(tmp_path: Path) -> None:
    """However many of a batch are bad, each is found, and no good image is lost."""
    body = "assert not any(image.startswith(b'BAD') for image in images), 'bad'\n        return ['fine'] * len(images)"
    bad = {0, 5, 6, 15}
    images = [b"BAD %d" % number if number in bad else picture(number) for number in range(16)]
    found = statuses(ask(PyFunc(saved(tmp_path, body), max_batch_images=16), images))
    assert found == ["model_error" if number in bad else "ok" for number in range(16)]


def test_a_panic_costs_only_its_own_row(tmp_path: Path) -> None:
    """What is no Exception, as a panic in Rust code or the model's own SystemExit, is `model_error`; nobody waits for ever."""
    body = "exec('raise SystemExit(3)') if b'BAD' in list(images) else None\n        return ['fine'] * len(images)"
    jobs = ask(PyFunc(saved(tmp_path, body), max_batch_images=4), [picture(1), b"BAD", picture(2)])
    assert statuses(jobs) == ["ok", "model_error", "ok"]
    assert outcome(jobs[1]).message == "SystemExit: 3"


def test_a_password_of_the_registry_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow quotes the address of its server with user and password; neither the problem nor what is behind it shows them."""
    import mlflow

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://planted-user:planted-password@127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)
        with pytest.raises(ModelProblem, match="cannot be loaded") as problem:
            resolved(PyFunc("models:/describer@champion"))
        assert ModelRegistry.of_this_process() == ModelRegistry(None, None)
    assert "127.0.0.1" in str(problem.value)
    assert "planted" not in "".join(traceback.format_exception(problem.value))
