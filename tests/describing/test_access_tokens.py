"""Access tokens that end: asked for where they are used, and anew before they end, so that no row fails for it."""

from __future__ import annotations

import base64
import json
import pickle
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from asking import ask, outcome, picture, statuses
from batching import ask_in_batches, backend, words
from served import served

from picsum_vision import ChatCompletions, DownloadOptions, Secret
from picsum_vision.access_tokens import AccessTokens
from picsum_vision.config_file import job_config
from picsum_vision.describing.model_list import model_list
from picsum_vision.errors import EnvironmentProblem, SettingError
from picsum_vision.outcomes import DescribeStatus
from picsum_vision.pipeline.run_settings import kept_settings
from picsum_vision.testing.model_server import ModelServer

CLIENT_SECRET = "planted-client-secret"  # noqa: S105 - of nobody
VARIABLE = "PICSUM_TEST_CLIENT"


class Workspace:
    """What a workspace knows of its tokens: which were given, how long they are good, and how often each was taken."""

    def __init__(self) -> None:
        """Give tokens of an hour."""
        self.told_life_s: float = 3_600
        self.life_s: float = 3_600
        self.uses_of_first: int | None = None
        self.refuses_tokens = self.is_down = False
        self.made: dict[str, float] = {}
        self.uses: dict[str, int] = {}
        self.asked: list[str | None] = []
        self.lock = threading.Lock()

    def give(self, header: str | None) -> tuple[int, dict[str, Any]]:
        """Return the token endpoint's status and answer."""
        with self.lock:
            self.asked.append(header)
            if self.is_down:
                return 503, {"error": "temporarily_unavailable"}
            if header != "Basic " + base64.b64encode(f"client:{CLIENT_SECRET}".encode()).decode():
                return 401, {"error": "invalid_client", "error_description": f"{header} is unknown"}
            token = f"planted-token-{len(self.made)}"
            self.made[token] = time.monotonic()
            return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.told_life_s}

    def takes(self, header: str | None) -> bool:
        """Return whether the token of a request is good now."""
        token = (header or "").removeprefix("Bearer ")
        with self.lock:
            self.uses[token] = self.uses.get(token, 0) + 1
            is_used_up = token in list(self.made)[:1] and self.uses[token] > (self.uses_of_first or sys.maxsize)
            is_good = token in self.made and time.monotonic() < self.made[token] + self.life_s
            return is_good and not is_used_up and not self.refuses_tokens


@contextmanager
def workspace(upstream: str) -> Iterator[tuple[str, Workspace]]:
    """Serve a token endpoint, and before the model server one that lets only good tokens in."""
    state = Workspace()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes | None) -> None:
            if self.path == "/oidc/v1/token":
                status, told = state.give(self.headers["Authorization"])
                self._say(status, json.dumps(told).encode())
            elif not state.takes(self.headers["Authorization"]):
                said = {"error": {"message": f"{self.headers['Authorization']} has expired", "type": "invalid_request_error"}}
                self._say(401, json.dumps(said).encode())
            else:
                fields = {"Content-Type": self.headers["Content-Type"]} if body is not None else {}
                request = urllib.request.Request(f"{upstream}{self.path}", body, fields)
                try:
                    with urllib.request.urlopen(request) as answer:
                        self._say(answer.status, answer.read())
                except urllib.error.HTTPError as error:
                    self._say(error.code, error.read())

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with served(Handler) as address:
        yield address, state


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Workspace]]:
    monkeypatch.setenv(VARIABLE, CLIENT_SECRET)
    with ModelServer() as server, workspace(server.base_url.removesuffix("/v1")) as found:
        yield found


def key(address: str) -> Secret:
    return Secret.databricks_oauth(host=address, client_id="client", client_secret=Secret.env(VARIABLE))


def chat(address: str) -> ChatCompletions:
    return ChatCompletions(f"{address}/v1", "test-vision", api_key=key(address))


def test_no_row_fails_while_tokens_end(host: tuple[str, Workspace]) -> None:
    """Over the life of several tokens all rows are answered, and the token endpoint is asked once for each, not for each row."""
    address, state = host
    state.told_life_s = state.life_s = 0.6
    images = [picture(number) for number in range(400)]
    jobs = ask(chat(address), images, max_in_flight_per_task=4)
    assert set(statuses(jobs)) == {"ok"}
    assert 2 <= len(state.asked) <= 40
    assert len(state.uses) > 1


def test_a_token_that_ends_before_its_time_is_replaced_once(host: tuple[str, Workspace]) -> None:
    """A 401 makes one request for a token, whoever was refused at once with the old one, and each row is asked again."""
    address, state = host
    state.uses_of_first = 30
    jobs = ask(chat(address), [picture(number) for number in range(50)], max_in_flight_per_task=8)
    assert statuses(jobs) == ["ok"] * 50
    assert len(state.asked) == 2


def test_a_client_without_rights_is_told_so(host: tuple[str, Workspace]) -> None:
    """Where every token is refused the rows say it, nothing secret is in them, and a new token is tried once."""
    address, state = host
    state.refuses_tokens = True
    jobs = ask(chat(address), [picture(number) for number in range(20)], max_in_flight_per_task=4)
    assert statuses(jobs) == ["auth"] * 20
    assert len(state.asked) == 2
    assert not any("planted" in str(outcome(job)) for job in jobs)


def test_a_client_that_is_unknown_is_told_so(host: tuple[str, Workspace], monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows say what the token endpoint said, without the secret that it repeats in base64; so does the endpoint's check."""
    address, _ = host
    monkeypatch.setenv(VARIABLE, "planted-wrong-secret")
    (job,) = ask(chat(address), [picture(1)])
    told = outcome(job)
    assert told.status is DescribeStatus.AUTH
    assert "answered 401" in (told.message or "")
    assert "invalid_client" in (told.message or "")
    assert base64.b64encode(b"client:planted-wrong-secret").decode() not in (told.message or "")
    assert model_list(chat(address), timeout_s=5).status is DescribeStatus.AUTH


def test_a_token_endpoint_that_is_away_costs_no_row_while_the_token_is_good(host: tuple[str, Workspace]) -> None:
    """The renewal is due and fails: the old token is used for as long as it is good, and the next renewal takes over."""
    address, state = host
    tokens = AccessTokens(key(address))
    first = tokens.get()
    tokens._renew_at_s = 0.0
    state.is_down = True
    assert tokens.get() == first
    state.is_down = False
    tokens._renew_at_s = 0.0
    assert tokens.get() != first
    state.is_down = True
    tokens._renew_at_s = tokens._ends_at_s = 0.0
    with pytest.raises(EnvironmentProblem, match="answered 503"):
        tokens.get()


def test_many_threads_ask_for_one_token(host: tuple[str, Workspace]) -> None:
    """Threads that need a token at the same moment share the one that the first of them asks for."""
    address, state = host
    tokens = AccessTokens(key(address))
    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(lambda _: tokens.get(), range(64)))) == 1
    assert len(state.asked) == 1


def test_batches_outlive_their_token(host: tuple[str, Workspace]) -> None:
    """Each call of a batch endpoint is made with the token of its moment, and made again with a new one where it was refused."""
    address, state = host
    state.uses_of_first = 3
    answers = ask_in_batches(backend(f"{address}/v1", api_key=key(address)), [picture(number) for number in range(6)])
    assert words(answers) == ["ok"] * 6
    assert len(state.asked) == 2


def test_only_the_place_travels(host: tuple[str, Workspace]) -> None:
    """Neither client secret nor token is in what is pickled, shown or kept of the settings."""
    address, state = host
    made = chat(address)
    assert statuses(ask(made, [picture(1)])) == ["ok"]
    config = job_config({"backend": {"kind": "chat", "base_url": f"{address}/v1", "model": "m", "api_key_databricks_oauth": {
        "host": address, "client_id": "client", "client_secret": {"env": VARIABLE},
    }}})  # fmt: skip
    assert config.backend == ChatCompletions(f"{address}/v1", "m", api_key=made.api_key)
    shown = f"{pickle.dumps(made)!r} {made!r} {made.api_key} {json.dumps(kept_settings(config))}"
    assert "planted" not in shown
    assert f"databricks_oauth:{address}" in shown
    assert len(state.asked) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"host": "http://workspace.example"}, "host: 'http://workspace.example' is not allowed"),
        ({"host": "https://u:planted@workspace.example"}, "host: 'https://workspace.example' is not allowed"),
        ({"host": "workspace.example"}, "host: 'workspace.example' is not allowed"),
        ({"client_id": ""}, "client_id: not a Secret"),
        ({"client_secret": "planted"}, "client_secret: not a Secret"),
    ],
)
def test_what_is_no_client_is_refused(values: dict[str, Any], words: str) -> None:
    """A secret goes to no host in plain text, and is never given as it is; the message does not show it."""
    usual = {"host": "https://workspace.example", "client_id": "client", "client_secret": Secret.env(VARIABLE)}
    with pytest.raises(SettingError) as problem:
        Secret.databricks_oauth(**{**usual, **values})
    assert words in str(problem.value)
    assert "planted" not in str(problem.value)


def test_a_header_of_downloads_is_no_token() -> None:
    """A header is read once a task, which would outlive a token."""
    secret = Secret.databricks_oauth(host="https://workspace.example", client_id="c", client_secret=Secret.env(VARIABLE))
    with pytest.raises(SettingError, match="such a token ends"):
        DownloadOptions(headers={"Authorization": secret})


def test_a_scope_that_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own reason is told, without secrets, with what works on the workers; the platform's module stands in here."""

    class Refusing:
        def __init__(self) -> None:
            raise ValueError("default auth: cannot configure default credentials; Config: token=planted-0123456789")

    monkeypatch.setitem(sys.modules, "databricks", type(sys)("databricks"))
    monkeypatch.setitem(sys.modules, "databricks.sdk", type("sdk", (), {"WorkspaceClient": Refusing}))
    with pytest.raises(EnvironmentProblem) as problem:
        Secret.databricks("scope", "key").read()
    assert "cannot configure default credentials" in str(problem.value)
    assert "{{secrets/scope/key}}" in str(problem.value)
    assert "planted" not in f"{problem.value}{problem.value.__cause__}"
    monkeypatch.setitem(sys.modules, "databricks.sdk", None)
    with pytest.raises(EnvironmentProblem, match="pip install databricks-sdk"):
        Secret.databricks("scope", "key").read()
