"""What a suite measures where nothing else is said."""

from __future__ import annotations

import pytest

import picsum_vision as pv
from picsum_vision.cli.bench import _describe
from picsum_vision.cli.entry import run
from picsum_vision.sizing.settings import SizingConfig


@pytest.mark.parametrize("per_minute", [None, 3_000])
def test_each_row_is_a_question_to_the_suites_own_model(per_minute):
    """The image server has fewer pictures than seeds: an answer shared by two rows would be a wait that nobody has had."""
    assert not SizingConfig().describe_options.deduplicate
    given = _describe(None, per_minute, None, 1.0, None, own=True)
    assert given is not None
    assert not given.deduplicate


def test_a_real_model_is_asked_as_a_job_asks_it():
    """Where questions cost money, the same picture is asked about once, unless the settings say otherwise."""
    backend = pv.ChatCompletions("https://host.example/v1", "a-model")
    assert SizingConfig(backend=backend).describe_options.deduplicate
    options = pv.DescribeOptions(deduplicate=False)
    assert SizingConfig(backend=backend, describe=options).describe_options is options


def test_a_model_whose_answers_take_a_day_is_refused_before_anything_starts():
    """A batch endpoint is no model for a suite; that is a wrong setting, and needs no Spark to be found."""
    with pytest.raises(pv.SettingError, match="backend: BatchChat is not allowed"):
        SizingConfig(backend=pv.BatchChat("https://host.example/v1", "a-model"))


@pytest.mark.parametrize("sizes", ["9" * 5_000, f"5,{'1' * 13}", f"{'1' * 5_000},5"])
def test_a_size_of_thousands_of_digits_is_a_wrong_setting(capsys, sizes):
    """Python does not read such a number; it is one short line and exit code 2."""
    assert run(["bench", "--sizes", sizes]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("picsum-vision: sizes: '")
    assert "they must be whole numbers of at least 1" in printed
    assert len(printed) < 300


@pytest.mark.parametrize("words", [["bench"], ["bench", "compare", "0" * 32, "0" * 32]])
def test_a_tracking_address_that_cannot_be_read_is_a_wrong_setting(capsys, words):
    """A bracket that is never closed is named like any other wrong address."""
    assert run([*words, "--tracking-uri", "http://["]) == 2
    assert "tracking_uri: 'http://[' is not allowed; it must be" in capsys.readouterr().err
    assert run([*words, "--tracking-uri", "user:SECRET@host:5000"]) == 2
    assert "tracking_uri: 'host:5000' is not allowed" in capsys.readouterr().err
