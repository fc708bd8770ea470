"""Models that do not come back, or come back late."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import ask, fresh_loop, outcome, statuses
from saved_models import log_of, saved

from picsum_vision import PyFunc
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.model_thread import ModelThread

pytestmark = pytest.mark.filterwarnings("ignore")
# An image that begins with WAIT keeps the model until a file is there.
WAITS = """
        while any(image.startswith(b'WAIT') for image in images) and not Path(r'{gate}').exists():
            time.sleep(0.01)
        return [image.decode() for image in images]
"""


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Give the file that ends all waiting, as it does after the test."""
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()


@pytest.fixture
def worker() -> Iterator[LoopThread]:
    """Give a worker process's loop, which outlives jobs and keeps its models."""
    with fresh_loop() as loop_thread:
        yield loop_thread


def test_a_model_that_hangs_ends_nothing_but_rows(tmp_path: Path, gate: Path, worker: LoopThread) -> None:
    """The batch that the model does not come back from is `timeout`, and so is what comes after it, without being asked."""
    backend = PyFunc(saved(tmp_path, WAITS.format(gate=gate)), max_batch_images=4)
    images = [b"1", b"2", b"3", b"4", b"WAIT", *(b"%d" % number for number in range(5, 200))]
    jobs = ask(backend, images, loop_thread=worker, request_timeout_s=2)
    assert statuses(jobs) == ["ok"] * 4 + ["timeout"] * 196
    assert outcome(jobs[4]).message == (
        "no answer to 4 images in 2 s (request_timeout_s); allow more time, or ask about fewer at once (max_batch_images)"
    )
    assert "not asked: the model has not come back from an earlier prediction" in (outcome(jobs[8]).message or "")
    assert [outcome(job).attempts for job in jobs] == [1] * 8 + [0] * 192
    assert log_of(tmp_path) == ["loaded", "4", "4"]


def test_the_next_task_loads_it_once_more(tmp_path: Path, gate: Path, worker: LoopThread) -> None:
    """A hung model is loaded anew for the process's next task, and no third time: its memory stays taken."""
    backend = PyFunc(saved(tmp_path, WAITS.format(gate=gate)), max_batch_images=1)
    found = [
        statuses(ask(backend, images, loop_thread=worker, request_timeout_s=1))
        for images in ([b"WAIT", b"1"], [b"2"], [b"WAIT", b"3"], [b"4"])
    ]
    assert found == [["timeout"] * 2, ["ok"], ["timeout"] * 2, ["timeout"]]
    assert log_of(tmp_path).count("loaded") == 2


def test_a_late_answer_is_given_to_no_row(tmp_path: Path, gate: Path, worker: LoopThread) -> None:
    """A model that comes back late is asked again, and what it then answers is that row's own."""
    backend = PyFunc(saved(tmp_path, WAITS.format(gate=gate)), max_batch_images=1)
    opening = threading.Timer(2, gate.touch)
    opening.start()
    jobs = ask(backend, [b"WAIT", b"1", b"2"], loop_thread=worker, request_timeout_s=1.5)
    opening.join()
    assert [(outcome(job).status.value, job.answer) for job in jobs] == [("timeout", None), ("ok", "1"), ("ok", "2")]
    assert log_of(tmp_path).count("loaded") == 1


def test_a_hung_model_that_comes_back_is_used_again(tmp_path: Path, gate: Path, worker: LoopThread) -> None:
    """Once a second copy's prediction has ended after all, it answers the next task."""
    backend = PyFunc(saved(tmp_path, WAITS.format(gate=gate)), max_batch_images=1)
    for _ in range(2):
        assert statuses(ask(backend, [b"WAIT", b"1"], loop_thread=worker, request_timeout_s=1)) == ["timeout"] * 2
    gate.touch()
    (model,) = [each for each in worker.kept.values() if isinstance(each, ModelThread)]
    while model.is_hung:
        time.sleep(0.01)
    (job,) = ask(backend, [b"2"], loop_thread=worker, request_timeout_s=30)
    assert job.answer == "2"


def test_each_prediction_has_its_own_time(tmp_path: Path) -> None:
    """A batch that is halved asks anew, with the whole time for each part."""
    body = "time.sleep(0.5)\n        assert not any(image == b'BAD' for image in images)\n        return ['fine'] * len(images)"
    jobs = ask(PyFunc(saved(tmp_path, body), max_batch_images=8), [b"1", b"2", b"BAD", b"4", b"5"], request_timeout_s=1.5)
    assert statuses(jobs) == ["ok", "ok", "model_error", "ok", "ok"]


def test_whatever_a_model_raises_is_told(tmp_path: Path) -> None:
    """What asyncio cannot carry, as StopIteration, is the row's message like any other."""
    body = "raise {b'S': StopIteration, b'K': KeyboardInterrupt, b'E': GeneratorExit}[bytes(images[0])]('why')"
    jobs = ask(PyFunc(saved(tmp_path, body), max_batch_images=1), [b"S", b"K", b"E"])
    assert [outcome(job).message for job in jobs] == ["StopIteration: why", "KeyboardInterrupt: why", "GeneratorExit: why"]
