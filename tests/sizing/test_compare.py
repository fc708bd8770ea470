"""Two suites side by side."""

from __future__ import annotations

import dataclasses
import json

import pytest
from suites import suite

from picsum_vision.cli.entry import run
from picsum_vision.describing.backends import ChatCompletions
from picsum_vision.sizing.compare import changes, comparison, comparison_dict, set_otherwise
from picsum_vision.sizing.target import Target


def times(*values: float, **terms):
    def seconds(stage: str, images: int, repeat: int) -> float:
        return values[repeat] * (images / 100)

    return suite(seconds, sizes=(100,), repeats=len(values), **terms)


def verdict(before, after) -> str:
    (found,) = (change.verdict for change in changes(before, after) if of_total(change))
    return found


def of_total(change) -> bool:
    return (change.stage, change.figure) == ("total", "seconds")


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
    (three,) = (change for change in changes(times(1, 2, 3), times(4, 5, 6)) if of_total(change))
    (five,) = (change for change in changes(times(1, 2, 3, 4, 5), times(6, 7, 8, 9, 9.5)) if of_total(change))
    assert three.chance == pytest.approx(1 / 10)
    assert five.chance == pytest.approx(1 / 126)


def test_what_was_set_otherwise_is_named():
    """A setting and a version that differ are listed with both values, what is alike is not."""
    before, after = times(1, 2, 3), times(4, 5, 6, requests_per_minute=600)
    after.environment["spark"] = "4.0.1"
    found = {name: (one, two) for name, one, two in set_otherwise(before, after)}
    assert found == {"demand.requests_per_minute": (None, 600), "spark": ("4.1.4", "4.0.1")}
    assert "spark: 4.1.4 -> 4.0.1" in comparison(before, after)


def told(result, stage: str, figures):
    """Put what `figures(number)` says into the stage of each repeat."""
    for number, repeat in enumerate(result.sizes[0].repeats):
        repeat[stage] = dataclasses.replace(repeat[stage], **figures(number))
    return result


def test_how_many_would_fall_apart_by_chance_is_said():
    """One line tells how many figures were compared, and how many of those that vary chance alone would part."""
    before, after = times(1, 2, 3), times(4, 5, 6)
    found = changes(before, after)
    varying = [change for change in found if len({*change.before, *change.after}) > 1]
    assert {change.figure for change in varying} == {"seconds"}
    assert f"{len(found)} figures compared; were nothing different, chance alone would part up to 0.4 of them" in comparison(
        before, after
    )
    assert comparison_dict(before, after)["parted_by_chance_at_most"] == pytest.approx(0.4)
    assert "up to 0.0 of them" in comparison(times(1, 2), times(4, 5))


def test_all_that_tells_a_job_apart_is_compared():
    """Failed rows, their statuses, every latency, bytes, tokens, cost, questions; not the JVM's memory, which is its heap's."""
    known = {"bytes": 10, "input_tokens": 5, "output_tokens": 6, "cost": 0.5, "questions": 100}
    known["peak_memory_mb"] = {"jvm": 900.0, "python_worker": 90.0}

    def figures(failed: int, p99: float):
        def of(number: int):
            by_status = {"ok": 100 - failed - number, "timeout": failed + number} if failed else {"ok": 100}
            latency = {"mean": 2.0, "p50": 1.0 + number, "p99": p99 + number}
            return {**known, "by_status": by_status, "rows_ok": by_status["ok"], "latency_ms": latency}

        return of

    before, after = told(times(1, 2, 3), "download", figures(0, 5.0)), told(times(1, 2, 3), "download", figures(10, 50.0))
    found = {change.figure: change.verdict for change in changes(before, after) if change.stage == "download"}
    assert "peak_memory_mb.jvm" not in found
    assert {"latency_mean_ms", "peak_memory_mb.python_worker", *known} - {"peak_memory_mb"} <= set(found)
    assert (found["rows_failed"], found["status.timeout"], found["rows_ok"]) == ("more", "more", "less")
    assert (found["latency_p99_ms"], found["latency_p50_ms"]) == ("slower", "noise")
    json.dumps(comparison_dict(before, after), allow_nan=False)


def test_fewer_rows_are_not_faster():
    """Where other rows came out ok, seconds are shown without a verdict."""
    before, after = times(10, 11, 12), times(1, 2, 3)
    assert verdict(before, after) == "faster"
    told(after, "total", lambda _: {"rows_ok": 60})
    assert verdict(before, after) == "other rows ok"
    assert "other rows ok" in comparison(before, after)


def test_the_ports_of_a_suites_own_servers_are_nothing_that_was_set():
    """Servers of the suite's own are named as that, real ones by their address without a password."""
    chat = ChatCompletions("http://127.0.0.1:4711/v1", "m")
    own = Target(base_url="http://127.0.0.1:4712", backend=chat, image_latency_s=0.5, model_latency_s=1.0)
    assert own.described() == {"images": "servers of this suite", "model": "servers of this suite"}
    real = dataclasses.replace(own, base_url="https://user:word@pictures.example/a", image_latency_s=None, model_latency_s=None)
    assert real.described() == {"images": "https://pictures.example", "model": "http://127.0.0.1:4711"}


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


def test_a_suite_that_ended_early_is_said_to_have_done_so():
    """Why it ended stands above the figures, which may be half of a suite; a suite that is whole needs no word."""
    whole, half = times(1, 2, 3), dataclasses.replace(times(1, 2, 3), suite="b", problem="the host refuses")
    assert "suite b ended early: the host refuses" in comparison(whole, half).splitlines()
    assert comparison_dict(whole, half)["problems"] == [None, "the host refuses"]
    assert "ended early" not in comparison(whole, whole)
