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
A name counts as an earlier export's if that export's manifest, or the journal of one that was broken off, lists it, and if it has
the form of such a name: what stands in a file is not believed beyond that. Nothing is followed through a symbolic link.
All of it happens on a worker: the driver of a Spark Connect client may be on a machine that cannot reach the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from picsum_vision.errors import EnvironmentProblem, SettingError
from picsum_vision.exporting.plan import ExportPlan

STAGING: Final = ".picsum-vision-staging"
MANIFEST: Final = ".picsum-vision-export.json"
_JOURNAL: Final = "names.json"
_DATA: Final = "data"
_OWN_NAME: Final = re.compile(r"\w+-\d{6}\.tar|data/\w+-\d{5}-of-\d{5}\.parquet|\d{5}-\d{4}|metadata\.jsonl", re.ASCII)
_OWN_IMAGE: Final = re.compile(r"\d{5}-\d{7}\.[a-z]+")


def staging_folder(plan: ExportPlan) -> Path:
    """Return the folder that is this export's own until it is committed."""
    return Path(plan.folder) / STAGING / plan.export_id


@contextlib.contextmanager
def telling_what_failed(plan: ExportPlan) -> Iterator[None]:
    """Raise an OSError as an EnvironmentProblem that names the folder."""
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(f"path: {plan.folder!r} cannot be written: {error.strerror or error}") from error


def claim(plan: ExportPlan) -> None:
    """Make the folder this export's own; raises SettingError if something is in it that must not be touched."""
    with telling_what_failed(plan):
        folder, own = Path(plan.folder), staging_folder(plan)
        if own.is_dir():
            return
        if folder.exists() and not folder.is_dir():
            raise SettingError(f"path: {plan.folder!r} is a file; it must be a folder")
        folder.mkdir(parents=True, exist_ok=True)
        is_overwriting = plan.mode == "overwrite"
        there = _others(folder, _earlier_names(plan)) if is_overwriting else sorted(entry.name for entry in folder.iterdir())
        some = ", ".join(there[:3]) + (", ..." if there[3:] else "")
        if is_overwriting and there:
            raise SettingError(
                f"path: {plan.folder!r} has things in it that no export wrote ({some}); mode='overwrite' "
                "(--overwrite) takes away an earlier export only: give another folder"
            )
        if not is_overwriting and own.parent.exists():
            raise SettingError(
                f"path: another export is writing to {plan.folder!r}, or was ended while it did; "
                "mode='overwrite' (--overwrite) takes its place"
            )
        if there:
            raise SettingError(
                f"path: {plan.folder!r} is not empty ({some}); give another folder, or mode='overwrite' (--overwrite), "
                "which takes the place of an earlier export"
            )
        own.parent.mkdir(exist_ok=True)
        own.mkdir()


def prepare(plan: ExportPlan, names: Iterable[str]) -> None:
    """Write down which names are an export's, and take away the earlier one; refuse what has come into the folder since."""
    with telling_what_failed(plan):
        folder = Path(plan.folder)
        if _read(folder / MANIFEST).get("export_id") == plan.export_id:  # committed
            return
        before = _earlier_names(plan)
        if strangers := _others(folder, before):
            raise SettingError(f"path: something else was written to {plan.folder!r} meanwhile ({strangers[0]})")
        _write(plan, staging_folder(plan) / _JOURNAL, {"files": sorted({*before, *names})})
        _take_away(folder, before)


def commit(plan: ExportPlan, names: Mapping[str, list[str]], manifest: dict[str, Any]) -> None:
    """Move what counts to its final names, or join it there, write the manifest, and take the rest away."""
    with telling_what_failed(plan):
        folder, own = Path(plan.folder), staging_folder(plan)
        if _read(folder / MANIFEST).get("export_id") != plan.export_id:
            for name, sources in names.items():
                if len(sources) == 1:
                    _move(own / sources[0], folder / name)
                else:
                    _join([own / source for source in sources], own / "joined", folder / name)
            _write(plan, folder / MANIFEST, manifest)
        shutil.rmtree(folder / STAGING, ignore_errors=True)


def abandon(plan: ExportPlan) -> None:
    """Take away what an export that failed has written; what it moved already stays listed in its journal."""
    own = staging_folder(plan)
    if not (own / _JOURNAL).exists():
        shutil.rmtree(own, ignore_errors=True)
    with contextlib.suppress(OSError):  # another export's is left where it is
        own.parent.rmdir()


def _earlier_names(plan: ExportPlan) -> set[str]:
    """Return the names of what earlier exports wrote here, or were about to write when broken off, if it may be taken away."""
    if plan.mode != "overwrite":
        return set()
    folder = Path(plan.folder)
    told = [_read(file).get("files") for file in (folder / MANIFEST, *(folder / STAGING).glob(f"*/{_JOURNAL}"))]
    names = {name for listed in told if isinstance(listed, list) for name in listed if isinstance(name, str)}
    return set(filter(_OWN_NAME.fullmatch, names))


def _others(folder: Path, known: Iterable[str]) -> list[str]:
    """Return what lies in the folder, and in its folder of Parquet files, but is neither `known` nor an export's own book."""
    found, data = {entry.name for entry in os.scandir(folder)} - {STAGING, MANIFEST}, folder / _DATA
    if data.is_dir() and not data.is_symlink():
        found = found - {_DATA} | {f"{_DATA}/{child.name}" for child in os.scandir(data)}
    return sorted(found - set(known))


def _take_away(folder: Path, names: Iterable[str]) -> None:
    """Delete what earlier exports wrote, and no more: a folder with anything else in it is an OSError."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in names:
        place = folder / name
        if place.is_dir() and not place.is_symlink():
            for image in list(place.iterdir()):
                if _OWN_IMAGE.fullmatch(image.name):
                    image.unlink()
            place.rmdir()
        else:
            place.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # missing, or not empty
        (folder / _DATA).rmdir()


def _move(source: Path, target: Path) -> None:
    if not source.exists() and target.exists():
        return
    if not source.exists():
        raise EnvironmentProblem(
            f"path: a worker wrote {source.name!r}, which another one does not find; "
            "give a folder on storage that all of them share"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError:
        if not source.is_dir():
            raise
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


def _read(file: Path) -> dict[str, Any]:
    """Return a file's JSON object, an empty one where it has none."""
    with contextlib.suppress(OSError, ValueError):
        if isinstance(told := json.loads(file.read_text(encoding="utf-8")), dict):
            return told
    return {}


def _write(plan: ExportPlan, file: Path, content: dict[str, Any]) -> None:
    part = staging_folder(plan) / f"{file.name}.part"
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(file)
