"""An endpoint is looked at for nothing; each way to fail is told from the others; one question is asked on request."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from scripted_endpoint import ANSWER, scripted_endpoint

from picsum_vision import BatchChat, ChatCompletions, PipelineConfig, Secret, doctor
from picsum_vision.describing.model_list import ModelList
from picsum_vision.diagnosis.endpoint_checks import finding_of
from picsum_vision.diagnosis.finding import Verdict
from picsum_vision.outcomes import DescribeStatus
from picsum_vision.testing.model_server import ModelServer


def endpoint(backend, *, ask_model=False):
    diagnosis = doctor(config=PipelineConfig(backend=backend), ask_model=ask_model)
    return diagnosis.named("question" if ask_model else "endpoint")


@pytest.fixture
def key(tmp_path: Path) -> Secret:
    """Give the place of a key."""
    (tmp_path / "key").write_text("right\n")
    return Secret.file(tmp_path / "key")


def test_a_good_endpoint_costs_nothing(key):
    """Address, key and model are checked without a question; with ask_model exactly one is asked."""
    with ModelServer(api_key="right") as server:
        for backend in (ChatCompletions, BatchChat):
            found = endpoint(backend(server.base_url, "test-vision", api_key=key))
            assert found.verdict is Verdict.OK, found
        assert set(server.stats()["by_route"]) == {"/v1/models"}
        assert endpoint(ChatCompletions(server.base_url, "test-vision", api_key=key), ask_model=True).verdict is Verdict.OK
        assert server.stats()["by_route"]["/v1/chat/completions"] == 1


@pytest.mark.parametrize("ask_model", [False, True])
def test_a_key_that_is_refused(ask_model):
    """A wrong, missing or unreadable key is a failure that says where it should be."""
    with ModelServer(api_key="right") as server:
        none = endpoint(ChatCompletions(server.base_url, "test-vision"), ask_model=ask_model)
        unset = endpoint(ChatCompletions(server.base_url, "test-vision", api_key=Secret.env("NOT_SET_HERE")), ask_model=ask_model)
    assert (none.verdict, unset.verdict) == (Verdict.FAILURE, Verdict.FAILURE)
    assert "--api-key-env" in none.remedy
    assert "export NOT_SET_HERE=" in unset.remedy


def test_a_model_that_is_not_there():
    """An unknown model is a failure that names the nearest one."""
    with ModelServer() as server:
        found = endpoint(ChatCompletions(server.base_url, "test-visoin"))
        asked = endpoint(ChatCompletions(server.base_url, "test-visoin"), ask_model=True)
    assert found.verdict is Verdict.FAILURE
    assert 'did you mean "test-vision"' in found.message
    assert "test-vision" in found.remedy
    assert asked.verdict is Verdict.FAILURE


@pytest.mark.parametrize("listed", ["llava:latest", "models/llava", "llava"])
def test_a_list_may_spell_a_model_its_own_way(listed):
    """Ollama lists `llava:latest` and answers to `llava`, Gemini's list says `models/...`."""
    models = ModelList(status=DescribeStatus.OK, message="", models=("other", listed))
    assert finding_of("endpoint", models, ChatCompletions("http://127.0.0.1:9/v1", "llava")).verdict is Verdict.OK


def test_an_answer_counts_more_than_a_list():
    """A gateway that does not list the model, and answers for it, has it: a warning, no failure."""
    with scripted_endpoint([(200, ANSWER)], models=["another"]) as (backend, _):
        found = doctor(config=PipelineConfig(backend=backend), ask_model=True)
    assert found.named("question").verdict is Verdict.OK
    assert found.named("endpoint").verdict is Verdict.WARNING


def test_nobody_answers():
    """A host that refuses the connection, or does not exist, is a failure that says how to try it by hand."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for host in (f"127.0.0.1:{port}", "no-such-host.invalid"):
        found = endpoint(ChatCompletions(f"http://{host}/v1", "m"))
        assert found.verdict is Verdict.FAILURE
        assert "cannot be reached" in found.message
        assert found.remedy.startswith(f"curl -i http://{host}/v1/models")


def test_an_endpoint_that_lists_nothing(image_server):
    """A host without a list of models is a warning: whether it has the model is not known without a question."""
    found = endpoint(ChatCompletions(f"{image_server.base_url}/v1", "m"))
    assert found.verdict is Verdict.WARNING
    assert "--ask-model" in found.remedy


def test_a_key_in_the_address_is_not_shown():
    """What stands in the address as user and password is in no line."""
    diagnosis = doctor(config=PipelineConfig(backend=ChatCompletions("http://me:s3cret@127.0.0.1:9/v1", "m")))
    assert "s3cret" not in str(diagnosis)
