"""How an export becomes visible: the folder is claimed, tasks write beside the result, and one task moves what counts.

States of the folder: free -> claimed (`.picsum-vision-staging/ID` is there) -> written (every partition has one attempt that
Spark has handed over) -> prepared (a journal lists the names, an older export is gone with mode="overwrite") -> committed (the
manifest is there).
Invariants, held by tests/exporting/test_staging.py:
  * a file under its final name is whole: it was closed under another name before it was moved;
  * of each partition exactly one attempt's files are moved; those of lost, repeated and speculative attempts never are;
  * the manifest is written last: a folder without it is no finished export;
  * each of these steps may run again, in full or after it was broken off anywhere, with the same end;
  * nothing is ever deleted but what an export wrote, and that only with mode="overwrite" and once all new files are written.
All of it happens on a worker: the driver of a Spark Connect client may be on a machine that cannot reach the folder.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from picsum_vision.errors import EnvironmentProblem, SettingError
from picsum_vision.exporting.earlier import JOURNAL, earlier_names, others, take_away
from picsum_vision.exporting.layout import FinalNames
from picsum_vision.exporting.plan import MANIFEST, STAGING, ExportPlan


def claim(plan: ExportPlan) -> None:
    """Make the folder this export's own; raises SettingError if something is in it that must not be touched."""
    with _told(plan):
        folder = Path(plan.folder)
        own = folder / STAGING / plan.export_id
        if own.is_dir():
            return
        if folder.exists() and not folder.is_dir():
            raise SettingError(f"path: {plan.folder!r} is a file; it must be a folder")
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_what_is_there(plan)
        (folder / STAGING).mkdir(exist_ok=True)
        own.mkdir()


def prepare(plan: ExportPlan, names: FinalNames) -> None:
    """Write down which names are an export's, and take away the earlier one; refuse what has come into the folder since."""
    with _told(plan):
        folder = Path(plan.folder)
        if _is_committed(plan):
            return
        before = earlier_names(folder) if plan.mode == "overwrite" else set()
        strangers = others(folder, before)
        if strangers:
            raise SettingError(f"path: something else was written to {plan.folder!r} meanwhile ({strangers[0]})")
        _write(folder / STAGING / plan.export_id / JOURNAL, {"files": sorted({*before, *names.files})})
        take_away(folder, before)


def commit(plan: ExportPlan, names: FinalNames, manifest: dict[str, Any]) -> None:
    """Move what counts to its final names, write the manifest, and take the rest away."""
    with _told(plan):
        folder = Path(plan.folder)
        staging = folder / STAGING / plan.export_id
        if not _is_committed(plan):
            for source, target in names.moves:
                _move(staging / source, folder / target)
            if names.lines:
                _join([staging / source for source in names.lines], staging / "lines", folder / names.lines_target)
            _write(folder / MANIFEST, manifest, part=staging / "manifest")
        shutil.rmtree(folder / STAGING, ignore_errors=True)


def abandon(plan: ExportPlan) -> None:
    """Take away what an export that failed has written; what it moved already stays listed in its journal."""
    staging = Path(plan.folder) / STAGING
    if not (staging / plan.export_id / JOURNAL).exists():
        shutil.rmtree(staging / plan.export_id, ignore_errors=True)
    with contextlib.suppress(OSError):  # another export's is left where it is
        staging.rmdir()


def _is_committed(plan: ExportPlan) -> bool:
    try:
        told = json.loads((Path(plan.folder) / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("export_id") == plan.export_id


def _refuse_what_is_there(plan: ExportPlan) -> None:
    folder = Path(plan.folder)
    if plan.mode == "overwrite":
        strangers = others(folder, earlier_names(folder))
        if strangers:
            raise SettingError(
                f"path: {plan.folder!r} has things in it that no export wrote ({_some(strangers)}); mode='overwrite' "
                "(--overwrite) takes away an earlier export only: give another folder"
            )
        return
    if (folder / STAGING).exists():
        raise SettingError(
            f"path: another export is writing to {plan.folder!r}, or was ended while it did; "
            "mode='overwrite' (--overwrite) takes its place"
        )
    there = sorted(entry.name for entry in folder.iterdir())
    if there:
        raise SettingError(
            f"path: {plan.folder!r} is not empty ({_some(there)}); give another folder, or mode='overwrite' (--overwrite), "
            "which takes the place of an earlier export"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if names[3:] else "")


def _move(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            _move_folder(source, target)
        else:
            source.replace(target)
    elif not target.exists():
        raise EnvironmentProblem(
            f"path: a worker wrote {source.name!r}, which another one does not find; "
            "give a folder on storage that all of them share"
        )


def _move_folder(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError:
        # A mounted object store may have no renaming of folders, and a step that was broken off has left some files there.
        target.mkdir(exist_ok=True)
        for file in sorted(source.iterdir()):
            file.replace(target / file.name)
        source.rmdir()


def _join(sources: list[Path], part: Path, target: Path) -> None:
    with part.open("wb") as joined:
        for source in sources:
            with source.open("rb") as lines:
                shutil.copyfileobj(lines, joined)
    part.replace(target)


def _write(file: Path, content: dict[str, Any], part: Path | None = None) -> None:
    part = part or file.with_suffix(".part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(file)


@contextlib.contextmanager
def _told(plan: ExportPlan) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(f"path: {plan.folder!r} cannot be written: {error.strerror or error}") from error
