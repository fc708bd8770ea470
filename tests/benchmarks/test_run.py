"""Contestants as processes, and a tiny run of a case."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import benchmarks
from benchmarks import cases
from benchmarks.__main__ import all_narrowed, main
from benchmarks.harness.case import Contestant
from benchmarks.harness.contestant_process import ContestantFailedError, ContestantProcess
from benchmarks.harness.process_tree import OtherWork, TreeWatch, cpu_beside, kind_of
from benchmarks.harness.rounds import _turns

_BARE = Contestant(name="bare", module="bare_download", what="aiohttp", order={"in_flight": 4})


@pytest.fixture(autouse=True)
def where_we_import_from(monkeypatch):
    """Contestants import the library from where this process does."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


def test_every_case_can_be_built_and_names_what_it_has():
    """Each case has its sentences, and every baseline and expectation names a line of it, in its own size and another."""
    for case in [cases.build(name, images) for name in cases.NAMES for images in (None, 20)]:
        assert case.shows
        assert case.shows_not
        lines = {(group.name, one.name) for group in case.groups for one in group.contestants}
        assert len({group.name for group in case.groups}) == len(case.groups)
        assert {(group.name, name) for group in case.groups for name in (group.baseline, group.ours)} <= lines
        named = [line for one in case.expectations for line in (one.line, one.over) if line is not None]
        assert {(line.group, line.contestant) for line in named} <= lines


def test_the_modules_of_all_contestants_are_there():
    """Each contestant's module is a file, and each peer's environment has its requirements."""
    folder = Path(benchmarks.__file__).parent
    for name in cases.NAMES:
        for one in (one for group in cases.build(name).groups for one in group.contestants):
            assert (folder / "contestants" / f"{one.module}.py").is_file()
            assert one.environment is None or (folder / "peers" / f"{one.environment}.txt").is_file()


def test_all_ends_in_the_page(tmp_path, capsys, monkeypatch):
    """One command runs every case and makes the page of their results; here of one case that is tiny."""
    monkeypatch.setattr(cases, "NAMES", ("d3",))
    assert main(["all", "--images", "20", "--rounds", "1", "--only", "bare,engine", "--output", str(tmp_path)]) == 0
    page = tmp_path / "RESULTS.md"
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "d3.json"), str(page)]
    assert "## D3." in page.read_text()


def test_a_case_that_cannot_be_run_does_not_end_all(tmp_path, capsys, monkeypatch):
    """The cases after it are run, the page is made with what there is of it from before, and the exit code says so."""
    asked = ["--images", "20", "--rounds", "1", "--only", "bare,engine", "--output", str(tmp_path)]
    assert main(["d3", *asked]) == 0
    before = json.loads((tmp_path / "d3.json").read_text())
    for one in before["expectations"]:  # as results were before
        one.pop("fault")
    (tmp_path / "d3.json").write_text(json.dumps({**before, "machine": {**before["machine"], "cores": 99}}))
    capsys.readouterr()
    monkeypatch.setattr(cases, "NAMES", ("d3", "d4"))
    assert main(["all", "--more", *asked]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(tmp_path / "d4.json"), str(tmp_path / "RESULTS.md")]
    assert "d3: --more: d3.json was measured with another case, machine or version" in err
    page = (tmp_path / "RESULTS.md").read_text()
    assert "## D3." in page
    assert "## D4." in page


def test_only_is_for_the_cases_that_have_the_contestant(tmp_path):
    """Of all cases those run that have a named contestant; a name that no case has stops before anything runs."""
    built = [cases.build(name) for name in cases.NAMES]
    assert {case.name for case in all_narrowed(built, ["ray"])} == {"d1"}
    assert [case.name for case in all_narrowed(built, None)] == list(cases.NAMES)
    with pytest.raises(SystemExit, match="--only: no case has nobody"):
        main(["all", "--only", "bare,nobody", "--output", str(tmp_path)])


def test_each_round_begins_with_another():
    """Who comes after whom changes from round to round, and everybody has a turn in each."""
    case = cases.build("d1", 20)
    names = [[one.name for _, one in _turns(case, number)] for number in range(4)]
    assert len({tuple(order) for order in names}) == 4
    assert len({frozenset(order) for order in names}) == 1


def test_a_contestant_that_is_to_be_fresh_has_a_process_for_each_run(tmp_path, monkeypatch):
    """It is started for each run and ended after it, and its first run there is the one that counts."""
    monkeypatch.setattr("benchmarks.cases.downloads.bare", lambda *_: dataclasses.replace(_BARE, is_fresh=True))
    assert main(["d3", "--images", "5", "--rounds", "2", "--only", "bare", "--output", str(tmp_path)]) == 0
    (one,) = json.loads((tmp_path / "d3.json").read_text())["groups"][0]["contestants"]
    assert all("session_seconds" in run for run in [one["warm_up"], *one["rounds"]])


def test_a_tiny_run_of_d1(tmp_path, capsys):
    """Bare client and engine fetch 20 pictures each, as the server and both sides' processes count them."""
    assert main(["d1", "--images", "20", "--rounds", "1", "--only", "bare,engine", "--output", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "d1.json")
    result = json.loads((tmp_path / "d1.json").read_text())
    minutes, commit = result["settings"].pop("minutes"), result["settings"].pop("commit")
    assert minutes > 0
    assert commit == "unknown" or re.fullmatch(r"[0-9a-f]{7,}( and changes)?", commit)
    assert result["settings"].pop("run").endswith("UTC")
    assert result["settings"] == {"rounds": 1, "images": 20, "only": ["bare", "engine"], "is_whole": False}
    (group,) = result["groups"]
    for one in group["contestants"]:
        (found,) = one["rounds"]
        assert found["figures"]["rows_ok"] == 20
        assert found["figures"]["wasted"] == 0
        assert found["server"]["by_status"] == {"200": 20, "302": 20}
        assert 1 < found["figures"]["peak_in_flight"] <= 20
        assert found["cpu_seconds"]["main"] > 0
        assert found["peak_rss_mb"]["main"] > 10
        assert 0 <= found["others_cpu_share"] <= 1
    assert group["contestants"][0]["ratios"]["rows_per_second"]["median"] == 1


def test_more_rounds_are_added_to_those_that_are_there(tmp_path):
    """With --more the rounds before stay, the new ones have the next numbers, and what was measured otherwise is not added to."""
    asked = ["d1", "--rounds", "1", "--only", "bare", "--output", str(tmp_path)]
    assert main([*asked, "--images", "20"]) == 0
    before = json.loads((tmp_path / "d1.json").read_text())
    assert main([*asked, "--images", "20", "--more"]) == 0
    after = json.loads((tmp_path / "d1.json").read_text())
    (was,), (now,) = before["groups"][0]["contestants"], after["groups"][0]["contestants"]
    assert now["rounds"][0] == was["rounds"][0]
    assert [one["round"] for one in now["rounds"]] == [1, 2]
    assert now["warm_up"] == was["warm_up"]
    assert after["settings"]["rounds"] == 2
    assert after["settings"]["added_to"] == [{name: before["settings"][name] for name in ("run", "commit")}]
    assert after["settings"]["minutes"] > before["settings"]["minutes"]
    with pytest.raises(SystemExit, match=r"--more: d1\.json was measured with another case"):
        main([*asked, "--images", "21", "--more"])


def test_an_unknown_contestant_is_named(tmp_path):
    """A wrong name in --only stops before anything runs, with the names that there are."""
    with pytest.raises(SystemExit, match="--only: d1 has no nobody; it has bare, "):
        main(["d1", "--only", "bare,nobody", "--output", str(tmp_path)])


def test_a_contestant_that_raises_says_so_and_goes_on(capfd):
    """A failed command is a result with the error's name, and the process takes the next one."""
    process = ContestantProcess("bare_download", None, {})
    try:
        with pytest.raises(ContestantFailedError, match="it raised KeyError when asked to 'prepare'"):
            process.ask({"do": "prepare", "order": {}}, 30)
        assert "KeyError" in capfd.readouterr().err
        assert process.ask({"do": "check"}, 30) == {"rows_ok": 0, "told": {}}
    finally:
        process.close()
    assert not process.is_alive


def test_a_contestant_that_does_not_answer_is_ended():
    """Who does not keep to the time limit is ended, with all it started."""
    process = ContestantProcess("bare_download", None, {})
    with pytest.raises(ContestantFailedError, match="no answer to 'run' within 0 s"):
        process.ask({"do": "run"}, 0)
    assert not process.is_alive
    process.close()


def test_the_watch_counts_what_children_use():
    """CPU seconds and memory of a child that is started under watch and ends before it stops are counted."""
    busy = "import time; x = bytearray(80_000_000); end = time.process_time() + 1.5\nwhile time.process_time() < end: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}]); input()"
    root = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE)
    watch = TreeWatch(root.pid)
    watch.start()
    while not psutil.Process(root.pid).children():
        time.sleep(0.02)
    (child,) = psutil.Process(root.pid).children()
    child.wait(60)
    used = watch.stop()
    root.communicate(b"\n", timeout=30)
    assert used["cpu_seconds"]["child"] > 0.5
    assert used["peak_rss_mb"]["child"] > 80
    assert used["peak_rss_mb"]["main"] < used["peak_rss_mb"]["child"]


@pytest.mark.parametrize(
    ("command", "parent", "kind"),
    [
        (["/usr/lib/jvm/bin/java", "-cp", "x"], ["python"], "jvm"),
        (["python3", "-m", "pyspark.daemon", "pyspark.worker"], ["/usr/lib/jvm/bin/java"], "python_daemon"),
        (["python3", "-m", "pyspark.daemon", "pyspark.worker"], ["python3", "-m", "pyspark.daemon"], "python_worker"),
        (["python3", "-m", "picsum_vision.spark.worker_daemon", "pyspark.worker"], ["/usr/bin/java"], "python_daemon"),
        (
            ["python3", "-m", "picsum_vision.spark.worker_daemon", "pyspark.worker"],
            ["python3", "-m", "picsum_vision.spark.worker_daemon", "pyspark.worker"],
            "python_worker",
        ),
        (["python3", "-c", "from multiprocessing.spawn"], ["python"], "child"),
        ([], ["python"], "child"),
    ],
)
def test_processes_are_told_apart(command, parent, kind):
    """JVM, Spark's worker daemon, its workers and other children are told apart by their command lines."""
    assert kind_of(command, parent, is_root=False) == kind
    assert kind_of(command, parent, is_root=True) == "main"


def test_other_work_is_neither_the_contestants_nor_the_servers():
    """Beside the contestant, whose watch knows what it has used, this process counts all that it has started."""
    waits = [sys.executable, "-c", "input()"]
    parent = f"import subprocess; print(subprocess.Popen({waits!r}).pid, flush=True); input()"
    server = subprocess.Popen(waits, stdin=subprocess.PIPE)
    contestant = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    below = int(contestant.stdout.readline())
    found = {process.pid for process in cpu_beside(contestant.pid)}
    contestant.communicate("\n\n", timeout=60)
    server.communicate(b"\n", timeout=60)
    assert {os.getpid(), server.pid} <= found
    assert not {contestant.pid, below} & found


def test_what_the_watch_knows_is_not_others_work():
    """CPU seconds of the contestant's that ended with it are taken off what the machine has done."""
    others = OtherWork(os.getpid())
    assert others.share(contestant_cpu_s=1e9) == 0
