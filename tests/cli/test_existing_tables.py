"""Which tables `report` and `export` read, by the words that name them."""

from __future__ import annotations

import pytest

from picsum_vision import SettingError, Tables
from picsum_vision.cli.existing_tables import choose_existing_tables

OWN = "[tables]\nschema = 'mine'\nimage_desc = 'answers'\nimage_codes = 'pictures'\n"
NAMES = {"image_desc": "answers", "image_codes": "pictures"}


@pytest.fixture(autouse=True)
def made(tmp_path, monkeypatch):
    """Work in a folder with a job's file and the tables that it made, of both formats."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.toml").write_text(OWN)
    for place in ("iceberg/mine/answers/metadata", "iceberg/other/answers/metadata", "delta/answers/_delta_log"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "picsum-vision-data").symlink_to("iceberg")
    return tmp_path


def test_names_of_the_jobs_file(made):
    """With the job's file tables are found under its names, in the folder that is given or that a run takes by itself."""
    mine = Tables(schema="mine", **NAMES)
    assert choose_existing_tables("report", "iceberg", None, None, config="job.toml") == (mine, "iceberg")
    assert choose_existing_tables("report", None, None, None, config="job.toml") == (mine, "picsum-vision-data")
    other = Tables(schema="other", **NAMES)
    assert choose_existing_tables("report", "iceberg", None, "other", config="job.toml") == (other, "iceberg")
    delta = Tables(schema="mine", path=str(made / "delta"), **NAMES)
    assert choose_existing_tables("report", "delta", None, None, config="job.toml") == (delta, "delta")


def test_names_in_a_catalog(monkeypatch):
    """In a catalog they are what flags and file say together; a server's is the file's where no flag names one."""
    assert choose_existing_tables("report", None, "main", None) == (Tables(catalog="main"), None)
    mine = Tables(catalog="main", schema="mine", **NAMES)
    assert choose_existing_tables("report", None, "main", None, config="job.toml") == (mine, None)
    of_file = Tables(schema="mine", **NAMES)
    assert choose_existing_tables("report", None, None, None, config="job.toml", remote="sc://h") == (of_file, None)
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
    assert choose_existing_tables("report", None, None, None, config="job.toml") == (of_file, None)


@pytest.mark.parametrize(
    ("folder", "catalog", "words"),
    [
        (None, None, "give either the folder of the tables or --catalog"),
        ("iceberg", "main", "give either the folder of the tables or --catalog"),
        (
            "iceberg",
            None,
            r"'iceberg' holds no tables of a run; start one with: picsum-vision run --output 'iceberg', or give the",
        ),
    ],
)
def test_words_that_name_no_tables(folder, catalog, words):
    """Neither, both, or a folder without such tables is one line with what to do."""
    with pytest.raises(SettingError, match=words):
        choose_existing_tables("report", folder, catalog, None)
