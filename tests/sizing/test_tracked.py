"""Results that are looked for in MLflow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from suites import closed_port, overloaded_server

from picsum_vision.cli.entry import run
from picsum_vision.redaction import redact_error

pytestmark = pytest.mark.filterwarnings("ignore")  # SQLAlchemy's and MLflow's own
RUN = "0" * 32


def test_a_tracking_server_that_does_not_answer_is_given_up_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is asked three times at the most, not as often as MLflow would, and the answer is one line."""
    pytest.importorskip("mlflow")
    before = dict(os.environ)
    with overloaded_server() as (address, asked):
        assert run(["bench", "compare", RUN, RUN, "--tracking-uri", address, "--output", str(tmp_path)]) == 1
    assert 1 <= len(asked) <= 3
    printed = capsys.readouterr().err
    assert f"tracking_uri: {address} cannot be used" in printed
    assert printed.count("\n") == 1
    assert dict(os.environ) == before


@pytest.mark.parametrize("flags", [[], ["--tracking-uri", "sqlite:///none/mlflow.db"]])
def test_a_store_that_is_not_there_is_refused_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    """A run's id without MLflow's file is a wrong setting in one line; no file and no folder comes of looking for it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    assert run(["bench", "compare", RUN, RUN, "--output", "none", *flags]) == 2
    printed = capsys.readouterr().err
    assert "none/mlflow.db is not there" in printed
    assert printed.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_password_of_the_store_is_in_no_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """MLflow quotes the whole address; the reason that is told is without user and password."""
    pytest.importorskip("mlflow")
    words = ["bench", "compare", RUN, RUN, "--output", str(tmp_path)]
    assert run([*words, "--tracking-uri", f"http://user:SECRET@127.0.0.1:{closed_port()}"]) == 1
    printed = capsys.readouterr().err
    assert "tracking_uri: http://127.0.0.1:" in printed
    assert "cannot be used" in printed
    assert "SECRET" not in printed
    assert "user" not in printed


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("http://user:SECRET@h:1", "Get HTTP://user:SECRET@h:1/api failed"),
        ("http://user:SECRET@h:1/", "at http://user:SECRET@h:1/api"),
        ("http://user:S%45CRET@h", "login of user:SECRET@h, password SECRET, S%45CRET"),
        ("http://user:SECRET@ZZ@h", "password SECRET@ZZ, SECRET%40ZZ"),
        ("http://SECRET@h", "the token SECRET is wrong"),
        ("postgresql://user:SECRET/x@h/runs", "postgresql://user:SECRET/x@h/runs is down"),
        ("mysql+pymysql://user:a#SECRET@h/runs", "login of user with a#SECRET, mysql+pymysql://user:a#SECRET@h/runs"),
        ("postgresql://user:1?SECRET@h:5/runs", "postgresql://user:1?SECRET@h:5/runs"),
        ("postgresql://h/runs?user=u&password=SECRET", "postgresql://h/runs?user=u&password=SECRET: password 'SECRET' refused"),
    ],
)
def test_what_others_say_of_a_store_is_made_fit_to_be_told(uri: str, text: str) -> None:
    """However the address or its parts are written in the text, no secret of it is left."""
    told = redact_error(text, uri)
    assert "SECRET" not in told
    assert "%45CRET" not in told
    assert "ZZ" not in told


def test_a_reason_without_the_address_is_told_as_it_is() -> None:
    """Nothing is taken from a text that says nothing secret, whatever address it is about."""
    for uri in ("http://h:1", "sqlite:////tmp/mlflow.db", "databricks", "http://user:SECRET@h"):
        assert redact_error("the user has no\n  rights at h", uri) == "the user has no rights at h"


def test_a_database_without_its_driver_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no error of MLflow's own is an environment's problem, too, and not unexpected."""
    pytest.importorskip("mlflow")
    uri = "postgresql+nosuchdriver:///runs"
    assert run(["bench", "compare", RUN, RUN, "--output", str(tmp_path), "--tracking-uri", uri]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"picsum-vision: tracking_uri: {uri} cannot be used (")
    assert printed.count("\n") == 1
