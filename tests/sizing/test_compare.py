"""Two suites side by side."""

from __future__ import annotations

import json

import pytest
from suites import suite

from picsum_vision.cli.entry import run
from picsum_vision.sizing.compare import changes, comparison, set_otherwise


def times(*values: float, **terms):
    def seconds(stage: str, images: int, repeat: int) -> float:
        return values[repeat] * (images / 100)

    return suite(seconds, sizes=(100,), repeats=len(values), **terms)


def verdict(before, after) -> str:
    (found,) = (change.verdict for change in changes(before, after) if (change.stage, change.figure) == ("total", "seconds"))
    return found


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((10, 11, 12), (14, 15, 13), "slower"),
        ((14, 15, 13), (10, 11, 12), "faster"),
        ((10, 11, 12), (11.5, 14, 15), "noise"),
        ((10, 11), (20, 21), "too few repeats"),
        ((10,), (20,), "too few repeats"),
        ((10, 11, 12), (10, 11, 12), "noise"),
    ],
)
def test_only_what_lies_apart_has_changed(before, after, said):
    """Repeats that overlap are noise, repeats that lie apart a change, if there are enough of them that chance is rare."""
    assert verdict(times(*before), times(*after)) == said


def test_the_chance_is_that_of_all_ways_to_deal_the_repeats():
    """Of three and three repeats one in ten falls apart by chance, of five and five one in 126."""
    (three,) = (change for change in changes(times(1, 2, 3), times(4, 5, 6)) if change.stage == "total")
    (five,) = (change for change in changes(times(1, 2, 3, 4, 5), times(6, 7, 8, 9, 9.5)) if change.stage == "total")
    assert three.chance == pytest.approx(1 / 10)
    assert five.chance == pytest.approx(1 / 126)


def test_what_was_set_otherwise_is_named():
    """A setting and a version that differ are listed with both values, what is alike is not."""
    before, after = times(1, 2, 3), times(4, 5, 6, requests_per_minute=600)
    after.environment["spark"] = "4.0.1"
    found = {name: (one, two) for name, one, two in set_otherwise(before, after)}
    assert found == {"demand.requests_per_minute": (None, 600), "spark": ("4.1.4", "4.0.1")}
    assert "spark: 4.1.4 -> 4.0.1" in comparison(before, after)


def test_files_are_compared_on_the_command_line(tmp_path, capsys):
    """Two results' files are compared as text and as one object; a file that is none is one line."""
    for name, values in (("one", (1, 2, 3)), ("two", (4, 5, 6))):
        (tmp_path / name).mkdir()
        times(*values, name=name).write(tmp_path / name)
    words = ["bench", "compare", str(tmp_path / "one" / "sizing.json"), str(tmp_path / "two")]
    assert run(words) == 0
    assert "slower (by chance 1 in 10)" in capsys.readouterr().out
    assert run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {change["verdict"] for change in found["changes"] if change["figure"] == "seconds"} == {"slower"}
    (tmp_path / "none.json").write_text("{}")
    assert run(["bench", "compare", str(tmp_path / "none.json"), str(tmp_path / "two")]) == 2
    printed = capsys.readouterr().err
    assert "not a result of `picsum-vision bench`" in printed
    assert printed.count("\n") == 1
