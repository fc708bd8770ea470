"""The JSON document of a case, and the page that is made of it."""

from __future__ import annotations

import dataclasses
import getpass
import json
import socket
from pathlib import Path

import jsonschema
import pytest
from sample import BARE, OURS, case, run, runs

from benchmarks.harness.case import Expectation
from benchmarks.harness.page import ahead, number, write_page
from benchmarks.harness.result import document, judged, write

SETTINGS = {
    "rounds": 3, "images": None, "only": None, "is_whole": True, "minutes": 2.2,
    "run": "2026-01-02 03:04 UTC", "commit": "abc1234",
}  # fmt: skip
SPREADS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["median", "min", "max"],
        "additionalProperties": {"type": "number"},
    },
}
SCHEMA = {
    "type": "object",
    "required": [
        "case", "title", "shows", "shows_not", "date", "machine", "versions", "settings", "plotted", "groups", "expectations",
    ],
    "properties": {
        "machine": {"type": "object", "required": ["cores", "memory_gb", "cpu", "os"], "additionalProperties": False,
                    "properties": {"cores": {}, "memory_gb": {}, "cpu": {}, "os": {}}},
        "groups": {"type": "array", "items": {"type": "object", "required": ["name", "rows", "server", "baseline", "contestants"],
            "properties": {"contestants": {"type": "array", "items": {"type": "object",
                "required": ["name", "what", "rows", "order", "warm_up", "rounds", "summary", "ratios"],
                "properties": {"summary": SPREADS, "ratios": SPREADS}}}}}},
    },
}  # fmt: skip


@pytest.fixture
def result(tmp_path: Path):
    expectation = Expectation(text="half of it", line=OURS, over=BARE, figure="rows_per_second", at_least=0.5)
    path = write(document(case(expectation), runs(), SETTINGS, {"daft": {"python": "3", "daft": "9.9"}}), tmp_path)
    assert path.name == "d0.json"
    return json.loads(path.read_text())


def test_a_result_has_its_shape_and_every_round(result):
    """The document fits its schema, keeps each round's raw figures, and has the warm-up apart from them."""
    jsonschema.validate(result, SCHEMA)
    bare, _, peer = result["groups"][0]["contestants"]
    assert [one["figures"]["rows_per_second"] for one in bare["rounds"]] == [100, 200, 400]
    assert bare["warm_up"]["round"] == 0
    assert peer["rounds"][0]["failed"] == "no answer to 'run' within 5 s"


def test_a_result_tells_nothing_of_the_host(result):
    """No host name, no user's home and no path of this machine is in a result."""
    text = json.dumps(result)
    assert socket.gethostname() not in text
    for place in (Path.cwd(), Path.home() if getpass.getuser() != "root" else Path("/root")):
        assert str(place) not in text


@pytest.mark.parametrize(
    ("bounds", "reached", "in_every_round"),
    [
        ({"at_least": 0.5}, True, False),
        ({"at_least": 0.2}, True, True),
        ({"at_least": 0.51}, False, False),
        ({"at_most": 0.5}, True, False),
        ({"at_most": 0.9}, True, True),
        ({"at_most": 0.4}, False, False),
    ],
)
def test_an_expectation_is_judged_by_the_median(bounds, reached, in_every_round):
    """What is reached is said by the median of the rounds' ratios, and the figure stands beside it."""
    found = judged(Expectation(text="t", line=OURS, over=BARE, figure="rows_per_second", **bounds), case(), runs())
    assert (found["reached"], found["in_every_round"]) == (reached, in_every_round)
    assert found["figure"] == {"median": 0.5, "min": 0.25, "max": 0.9}


def test_an_expectation_without_figures_is_not_judged():
    """Where nothing was measured an expectation is neither reached nor missed."""
    found = judged(Expectation(text="t", line=OURS, figure="not_measured", at_least=1), case(), runs())
    assert (found["figure"], found["reached"]) == (None, None)


@pytest.mark.parametrize(
    ("round_3", "fault"),
    [({"round": 3, "failed": "x"}, "failed in 1 of 3 rounds"), (run(3, 100, rows_ok=99), "lost rows in 1 of 3 rounds")],
)
def test_who_failed_or_lost_rows_reaches_nothing(tmp_path, round_3, fault):
    """Figures of the rounds that went well, or of fewer rows, reach no bound; the page's head says what is the matter."""
    found = runs()
    found["g", "ours"][3] = round_3
    expectation = Expectation(text="t", line=OURS, figure="rows_per_second", at_least=1)
    judgement = judged(expectation, case(), found)
    assert (judgement["reached"], judgement["in_every_round"], judgement["fault"]) == (False, False, fault)
    write(document(case(expectation), found, SETTINGS, {}), tmp_path)
    page = write_page(tmp_path, tmp_path / "RESULTS.md").read_text()
    assert "Of 1 expectations 0 are reached." in page
    assert f"wanted at least 1; {fault}" in page.partition("## D0")[0]


def test_ours_that_was_not_measured_is_no_victory(tmp_path):
    """Where our own line failed throughout, the page says so instead of that nobody is ahead."""
    found = runs()
    found["g", "ours"] = [{"round": number, "failed": "x"} for number in range(4)]
    write(document(case(), found, SETTINGS, {}), tmp_path)
    assert (
        "- D0: **Ours was not measured**: g.\n" in write_page(tmp_path, tmp_path / "RESULTS.md").read_text().partition("## D0")[0]
    )


def test_a_peer_that_lost_rows_is_not_ahead(result):
    """Who had fewer rows to do is compared in the other rounds only."""
    peer = result["groups"][0]["contestants"][2]
    peer["rounds"][1]["figures"]["rows_ok"] = 99
    assert ahead(result["groups"][0]) == [("peer", 2.0)]


def test_the_page_says_what_was_found_and_where_we_lose(result, tmp_path):
    """RESULTS.md has both sentences, each contestant's figures, the expectations, failures, and the peers ahead of us."""
    page = write_page(tmp_path, tmp_path / "RESULTS.md").read_text()
    assert "## D0. T" in page
    assert "Shows one thing.\n\nDoes not show another.\n" in page
    assert "| `ours` | 100 (50 .. 180) | 0.5 (0.25 .. 0.9) | 64 | 100 |" in page
    assert "| half of it | at least 0.5 | 0.5 (0.25 .. 0.9) | reached, not in every round |" in page
    assert "`peer`: a peer. **No figure from 1 of 3 rounds**: no answer to 'run' within 5 s" in page
    assert "Peers with a higher rate than ours: g: `peer` 1.833 times." in page
    assert (
        "Of 1 expectations 1 are reached. All cases are of one run, begun 2026-01-02 03:04 UTC with the code of abc1234." in page
    )
    assert "- the first, cold run, in no figure above: " in page
    assert "- D0: Peers with a higher rate" in page
    assert "Rounds where they are fewer than 5, so that chance has more to say: D0 3." in page
    assert "Not measured yet: D1, D2, " in page
    assert "daft 9.9" in page
    assert ahead(result["groups"][0]) == [("peer", pytest.approx((300 / 180 + 2) / 2))]


def test_the_page_has_a_plot_that_is_the_same_each_time(result, tmp_path):
    """Each case has its plot beside the results, with the contestants' names as text, and the same figures draw the same file."""
    page = write_page(tmp_path, tmp_path / "RESULTS.md").read_text()
    assert "![D0: rows/s](plots/d0.svg)" in page
    drawn = (tmp_path / "plots" / "d0.svg").read_bytes()
    assert all(f">{one['name']}<".encode() in drawn for one in result["groups"][0]["contestants"])
    write_page(tmp_path, tmp_path / "RESULTS.md")
    assert (tmp_path / "plots" / "d0.svg").read_bytes() == drawn


def test_what_is_missed_stands_first_and_says_what_an_ideal_client_would_have(tmp_path):
    """An expectation that is not reached is named at the head, with what the waits alone would allow."""
    expectation = Expectation(text="thrice it", line=OURS, over=BARE, figure="rows_per_second", at_least=3)
    missed = case(expectation)
    group = dataclasses.replace(missed.groups[0], ideal_rows_per_second=500.0, ideal="simulated")
    found = runs()
    write(document(dataclasses.replace(missed, groups=(group,)), found, SETTINGS, {}), tmp_path)
    assert "an ideal client" not in write_page(tmp_path, tmp_path / "RESULTS.md").read_text()  # of nobody here it is the ideal
    for one in (*found["g", "ours"], *found["g", "bare"]):
        one["figures"]["share_of_ideal"] = 0.2
    write(document(dataclasses.replace(missed, groups=(group,)), found, SETTINGS, {}), tmp_path)
    page = write_page(tmp_path, tmp_path / "RESULTS.md").read_text()
    assert "- D0: thrice it: 0.5 (0.25 .. 0.9), wanted at least 3; an ideal client would have 2.50\n" in page
    assert "- the ideal: 500 rows/s, simulated\n" in page


@pytest.mark.parametrize(
    ("share", "said"), [(0.02, "2 % of the machine's CPU (2 .. 2); "), (0.4, "(40 .. 40), **more than 10 % in 9 of 9 runs**")]
)
def test_other_work_on_the_machine_is_said(tmp_path, share, said):
    """What others took of the machine's CPU meanwhile stands with the machine, and that it disturbs where it was much."""
    found = {line: [{**one, "others_cpu_share": share} for one in rounds] for line, rounds in runs().items()}
    write(document(case(), found, SETTINGS, {}), tmp_path)
    assert said in write_page(tmp_path, tmp_path / "RESULTS.md").read_text()


def test_the_page_says_when_a_run_was_no_whole_one(tmp_path):
    """A trial's figures are never shown as if they counted."""
    write(document(case(), runs(), {**SETTINGS, "is_whole": False, "images": 20}, {}), tmp_path)
    assert "**No whole run** (3 rounds, 2 minutes, 20 images)" in write_page(tmp_path, tmp_path / "RESULTS.md").read_text()


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.85123, "0.851"), (12.345, "12.3"), (1234.5, "1,234"), (1_000_000, "1,000,000"), (1e-5, "1e-05")],
)
def test_a_number_has_three_digits_that_count(value, written):
    """Numbers are written short, and thousands can be read."""
    assert number(value) == written
