"""What a model's address means when a job begins, in a real registry and in real folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import ask, fresh_loop, outcome
from saved_models import keep_model, log_of, saved, signature_of

from picsum_vision import DescribeOptions, ModelProblem, PixelDescriber, PyFunc
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.describer import Describer
from picsum_vision.describing.model_registry import resolved
from picsum_vision.describing.tasks import Describe

mlflow = pytest.importorskip("mlflow")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("mlflow_store")]


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep MLflow's artifacts in the test's folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def worker() -> Iterator[LoopThread]:
    """Give a worker process's loop, which outlives jobs and keeps its models."""
    with fresh_loop() as loop_thread:
        yield loop_thread


def says(word: str) -> str:
    return f"return ['{word}'] * len(images)"


def answer(uri: str, worker: LoopThread, **settings: Any) -> tuple[str | None, str | None]:
    """Return what a job that begins now is answered, and by whom."""
    (job,) = ask(resolved(PyFunc(uri, **settings)), [b"an image"], loop_thread=worker)
    return job.answer, outcome(job).model


def registered(folder: Path, word: str) -> str:
    """Register the next version of the model "known" and return its number."""
    info = keep_model(folder, says(word), signature=signature_of(), registered_model_name="known")
    return str(info.registered_model_version)


@pytest.mark.parametrize(
    "address", ["models:/known/latest", "models:/known/Latest", "models:/known@live", "models:/known/Staging"]
)
def test_a_name_that_moves_is_its_version(tmp_path: Path, worker: LoopThread, address: str) -> None:
    """`latest`, an alias and a stage mean one version for a job; the next job in the same process has the new one."""
    client = mlflow.MlflowClient()
    for word in ("first", "second"):
        version = registered(tmp_path, word)
        client.set_registered_model_alias("known", "live", version)
        client.transition_model_version_stage("known", version, "Staging", archive_existing_versions=True)
        assert answer(address, worker) == (word, f"models:/known/{version}")
    assert answer("models:/known/1", worker) == ("first", "models:/known/1")


def test_a_version_that_was_made_anew(tmp_path: Path, worker: LoopThread) -> None:
    """A model that was deleted and registered again begins at version 1 again: a process does not go on with the old one."""
    for word in ("first", "second"):
        registered(tmp_path, word)
        assert answer("models:/known/1", worker) == (word, "models:/known/1")
        mlflow.MlflowClient().delete_registered_model("known")


@pytest.mark.parametrize("form", ["{}", "file://{}", "file:{}", "{}/", "{}/../model", "./model"])
def test_a_folder_is_its_content(tmp_path: Path, worker: LoopThread, form: str) -> None:
    """A folder, however it is written, is named with its content's digest; loading it changes nothing of that."""
    address = form.format(tmp_path / "model")
    names = []
    for word in ("first", "second", "first"):
        saved(tmp_path, says(word))
        text, name = answer(address, worker)
        assert (text, answer(address, worker)) == (word, (word, name))
        assert str(name).startswith(f"{tmp_path}/model@sha256:")
        names.append(name)
    assert len(set(names)) == 3  # MLflow writes the moment and an id of its own into each


def test_a_single_file_of_a_folder_counts(tmp_path: Path, worker: LoopThread) -> None:
    """Code, weights or anything else that is written into the folder makes another model, and taking it back the old one."""
    folder = Path(saved(tmp_path, says("first")))
    (code,) = folder.glob("*.py")
    before, names = code.read_text(), []
    for text in (before, before.replace("first", "other"), before):
        code.write_text(text)
        names.append(answer(str(folder), worker))
    assert [text for text, _ in names] == ["first", "other", "first"]
    assert names[0] == names[2] != names[1]
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "code.pyc").write_bytes(b"compiled")
    assert answer(str(folder), worker) == names[0]
    assert log_of(tmp_path).count("loaded") == 2


def test_a_link_that_moves(tmp_path: Path, worker: LoopThread) -> None:
    """A link to the newest folder is what it leads to when the job begins."""
    for word in ("first", "second"):
        saved(tmp_path, says(word), name=word)
        (tmp_path / "newest").unlink(missing_ok=True)
        (tmp_path / "newest").symlink_to(tmp_path / word, target_is_directory=True)
        assert answer(str(tmp_path / "newest"), worker)[0] == word


def test_a_runs_artifacts_are_their_content(tmp_path: Path, worker: LoopThread) -> None:
    """A model that is logged again in the same run under the same path is another one."""
    with mlflow.start_run() as run:
        found = []
        for word in ("first", "second"):
            keep_model(tmp_path, says(word), signature=signature_of())
            found.append(answer(f"runs:/{run.info.run_id}/model", worker))
    assert [text for text, _ in found] == ["first", "second"]
    names = [str(name) for _, name in found]
    assert all(name.startswith(f"runs:/{run.info.run_id}/model@sha256:") for name in names)
    assert len(set(names)) == 2


def test_a_logged_model_has_an_address_for_good(tmp_path: Path, worker: LoopThread) -> None:
    """The address that MLflow gives a model it has logged is loaded, whichever MLflow it is."""
    info = keep_model(tmp_path, says("first"), signature=signature_of())
    text, name = answer(info.model_uri, worker)
    assert (text, str(name).partition("@")[0]) == ("first", info.model_uri)


@pytest.mark.parametrize("changed", ["folder", "version"])
def test_a_model_that_changes_under_a_job_is_not_asked(tmp_path: Path, worker: LoopThread, changed: str) -> None:
    """A worker that finds another model than the one the job began with says so, and does not put its answers under that name."""
    if changed == "folder":
        backend = resolved(PyFunc(saved(tmp_path, says("first"))))
        saved(tmp_path, says("second"))
    else:
        registered(tmp_path, "first")
        backend = resolved(PyFunc("models:/known/1"))
        mlflow.MlflowClient().delete_registered_model("known")
        registered(tmp_path, "second")
    with pytest.raises(ModelProblem, match="has changed since the job began; run it again"):
        Describer(backend, Describe(), DescribeOptions(), worker)


@pytest.mark.parametrize("address", ["models:/known/latest", "models:/known/Production", "models:/known@none", "models:/ "])
def test_what_means_nothing_is_refused(tmp_path: Path, address: str) -> None:
    """An alias, stage or name without a version is one line that names the address."""
    if address != "models:/known/latest":
        registered(tmp_path, "first")
    with pytest.raises(ModelProblem, match=f"^model_uri: {address} cannot be loaded: ") as problem:
        resolved(PyFunc(address))
    assert "\n" not in str(problem.value)


def test_a_folder_that_has_gone(tmp_path: Path) -> None:
    """A folder without a model is one line, and what is resolved already is not looked at again."""
    backend = resolved(PyFunc(saved(tmp_path, says("first"))))
    shutil.rmtree(backend.model_uri)
    assert resolved(backend) is backend
    with pytest.raises(ModelProblem, match="cannot be loaded"):
        resolved(PyFunc(f"file://{tmp_path}/model"))


def test_a_setting_that_changes_pixel_answers_is_part_of_the_name() -> None:
    """With faces counted it is another describer: rows that were described without them are not done."""
    assert (PixelDescriber().model_name, PixelDescriber(faces=True).model_name) == ("pixels", "pixels+faces")
