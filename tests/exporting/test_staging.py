"""However often a step of an export runs, and wherever it is broken off, what becomes visible is whole and counted once."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import picsum_vision as pv
from picsum_vision.exporting import staging
from picsum_vision.exporting.plan import ExportPlan, Shard, final_names
from picsum_vision.exporting.staging import MANIFEST, STAGING


class Broken(BaseException):
    """Nothing that the code could catch."""


def plan_for(folder, layout="webdataset", mode="error", export_id="this"):
    return ExportPlan(layout=layout, folder=str(folder), mode=mode, max_bytes_per_shard=1_000, export_id=export_id)


def written(plan, partition, folder, shards):
    """Write what an attempt of a task writes: each piece says which export, partition and piece it is."""
    place = Path(plan.folder) / STAGING / plan.export_id / folder
    place.mkdir(parents=True)
    names = [f"{partition:05d}-{number:04d}" for number in range(shards)]
    for name in names:
        if plan.layout == "files":
            (place / name).mkdir()
            (place / name / f"{partition:05d}-{0:07d}.png").write_text(f"{plan.export_id} {name}")
            (place / f"{name}.jsonl").write_text(f"{plan.export_id} {name}\n")
        else:
            (place / name).write_text(f"{plan.export_id} {name}")
    return [Shard(f"{folder}/{name}", images=1, bytes=1) for name in names]


def again_until_done(step, breaks):
    """Run a step, broken off after so many renames, again and again, until it comes to its end; and once more after it."""
    for after in [*breaks, None]:
        left = [after]

        def replace(source, target, left=left):
            if left[0] == 0:
                raise Broken
            left[0] = None if left[0] is None else left[0] - 1
            os.replace(source, target)  # noqa: PTH105 - what stands in for Path.replace

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "replace", replace)
            try:
                step()
            except Broken:
                continue
        step()  # nobody heard of its end
        return


def exported(plan, shards, breaks=()):
    """Run a whole export whose tasks each have an attempt that counts and one that is lost; return what is to be seen."""
    staging.claim(plan)
    staging.claim(plan)
    counted = [shard for part, number in enumerate(shards) for shard in written(plan, part, f"{part}-won", number)]
    for partition, number in enumerate(shards):
        written(plan, partition, f"{partition}-lost", number)
    names = final_names(plan, counted)
    again_until_done(lambda: staging.prepare(plan, names), breaks)
    manifest = {"export_id": plan.export_id, "files": list(names)}
    again_until_done(lambda: staging.commit(plan, names, manifest), breaks)
    return [f"{plan.export_id} {Path(shard.source).name}" for shard in counted]


LAYOUTS = st.sampled_from(["webdataset", "huggingface", "files"])


@settings(max_examples=60)
@given(
    layouts=st.tuples(LAYOUTS, LAYOUTS),
    shards=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    earlier=st.none() | st.lists(st.integers(0, 3), min_size=1, max_size=4),
    breaks=st.lists(st.integers(0, 8), max_size=3),
)
def test_each_piece_of_the_attempts_that_count_once(tmp_path_factory, layouts, shards, earlier, breaks):
    """Lost attempts never show, broken and repeated steps end alike, and nothing of an earlier export is left."""
    folder = tmp_path_factory.mktemp("export")
    if earlier is not None:
        exported(plan_for(folder, layouts[0], export_id="earlier"), earlier)
    layout = layouts[1]
    expected = exported(plan_for(folder, layout, mode="error" if earlier is None else "overwrite"), shards, breaks)
    found = [path for path in folder.rglob("*") if path.is_file()]
    pieces = [path.read_text() for path in found if path.suffix in {".tar", ".parquet", ".png"}]
    assert Counter(pieces) == Counter(expected)
    has_lines = layout == "files" and bool(expected)
    assert not has_lines or (folder / "metadata.jsonl").read_text().splitlines() == expected
    assert json.loads((folder / MANIFEST).read_text())["export_id"] == "this"
    assert not (folder / STAGING).exists()
    assert len(found) == len(expected) + 1 + has_lines


def everything_in(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["error", "overwrite"])
@pytest.mark.parametrize("name", ["mine.txt", "train-000000.tar", "data/mine.parquet", "00000-0000/mine.png", "sub/mine.txt"])
def test_what_no_export_wrote_is_never_touched(tmp_path, mode, name):
    """A folder with anything in it that no export wrote is refused and stays as it is, whatever its name and the mode."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    before = everything_in(tmp_path)
    with pytest.raises(pv.SettingError, match=r"is not empty|no export wrote"):
        staging.claim(plan_for(tmp_path, mode=mode))
    assert everything_in(tmp_path) == before
    assert not (tmp_path / STAGING).exists()


def test_files_added_to_an_export_stay(tmp_path):
    """What somebody added to an export keeps it from being overwritten, beside its files and within its folders."""
    exported(plan_for(tmp_path, "files", export_id="earlier"), [1])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(pv.SettingError, match=r"no export wrote \(notes.txt\)"):
        staging.claim(plan_for(tmp_path, mode="overwrite"))
    (tmp_path / "notes.txt").unlink()
    (tmp_path / "00000-0000" / "notes.txt").write_text("mine")
    plan = plan_for(tmp_path, mode="overwrite")
    staging.claim(plan)
    with pytest.raises(pv.EnvironmentProblem, match="not empty"):
        staging.prepare(plan, final_names(plan, written(plan, 0, "won", 1)))
    assert (tmp_path / "00000-0000" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["../outside/mine.txt", "/etc/hostname", "..", "", ".", "mine.txt", "data", None])
def test_a_manifest_is_not_believed(tmp_path, name):
    """A manifest that lists what is no name of an export's leads to nothing being deleted."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "mine.txt").write_text("mine")
    folder = tmp_path / "out"
    (folder / "data").mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    (folder / MANIFEST).write_text(json.dumps({"files": [name]}))
    with pytest.raises(pv.SettingError, match="no export wrote"):
        staging.claim(plan_for(folder, mode="overwrite"))
    assert everything_in(tmp_path).keys() == {"outside/mine.txt", "out/mine.txt", f"out/{MANIFEST}"}


def test_links_are_not_followed(tmp_path):
    """A link in the place of an export's folder is taken away itself, not what it leads to."""
    exported(plan_for(tmp_path / "out", "files", export_id="earlier"), [1])
    shutil.move(tmp_path / "out" / "00000-0000", tmp_path / "elsewhere")
    (tmp_path / "out" / "00000-0000").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    exported(plan_for(tmp_path / "out", "webdataset", mode="overwrite"), [1])
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1
    assert not (tmp_path / "out" / "00000-0000").is_symlink()


def test_killed_exports(tmp_path):
    """What a killed export left is refused, and overwritten if asked for; also when it was killed while it moved files."""
    staging.claim(plan_for(tmp_path, export_id="killed"))
    with pytest.raises(pv.SettingError, match="another export is writing"):
        staging.claim(plan_for(tmp_path))
    exported(plan_for(tmp_path, mode="overwrite", export_id="second"), [2])
    third = plan_for(tmp_path, mode="overwrite", export_id="third")
    staging.claim(third)
    names = final_names(third, written(third, 0, "won", 3))
    staging.prepare(third, names)
    name, (source,) = next(iter(names.items()))
    (tmp_path / STAGING / "third" / source).replace(tmp_path / name)
    assert not (tmp_path / MANIFEST).exists()
    assert exported(plan_for(tmp_path, "huggingface", mode="overwrite"), [1]) == ["this 00000-0000"]
    assert sorted(everything_in(tmp_path)) == [MANIFEST, "data/train-00000-of-00001.parquet"]


def test_written_meanwhile(tmp_path):
    """What somebody else wrote into the folder while the export ran is refused, not mixed with, and stays."""
    for mode in ("error", "overwrite"):
        plan = plan_for(tmp_path / mode, mode=mode)
        staging.claim(plan)
        (tmp_path / mode / "theirs").write_text("theirs")
        with pytest.raises(pv.SettingError, match="meanwhile"):
            staging.prepare(plan, final_names(plan, []))
        staging.abandon(plan)
        assert everything_in(tmp_path / mode) == {"theirs": "theirs"}


def test_workers_without_a_common_folder(tmp_path):
    """A piece that the committing worker cannot see is an error that says what to do."""
    plan = plan_for(tmp_path / "out")
    staging.claim(plan)
    shards = written(plan, 0, "elsewhere", 1)
    shutil.rmtree(tmp_path / "out" / STAGING / "this" / "elsewhere")
    with pytest.raises(pv.EnvironmentProblem, match="storage that all of them share"):
        staging.commit(plan, final_names(plan, shards), {})


def test_a_file_is_no_folder(tmp_path):
    """A file in the place of the folder is refused."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(pv.SettingError, match="is a file"):
        staging.claim(plan_for(tmp_path / "file", mode="overwrite"))
