"""Commits that meet another one."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

import picsum_vision as pv
from picsum_vision.spark import commit_conflicts
from picsum_vision.spark.commit_conflicts import MAX_TRIES, committed
from picsum_vision.spark.tables import TableStore

WORDS = [
    "org.apache.iceberg.exceptions.ValidationException: Found conflicting files that can contain records matching true",
    "org.apache.iceberg.exceptions.CommitFailedException: Version 7 already exists",
    "[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added to the root of the table",
    "[DELTA_METADATA_CHANGED] MetadataChangedException",
]


@pytest.mark.parametrize("words", WORDS)
def test_a_conflict_is_tried_again_with_waits_that_grow(words):
    """Each format's own words for a lost commit lead to another try, and the waits grow up to a bound and differ."""
    waits, tries = [], []

    def work() -> str:
        tries.append(1)
        if len(tries) < MAX_TRIES:
            raise RuntimeError(words)
        return "in"

    assert committed(work, sleep=waits.append) == "in"
    assert len(waits) == MAX_TRIES - 1
    assert all(0.05 * 2**n <= wait <= 0.1 * 2**n for n, wait in enumerate(waits[:6]))
    assert max(waits) <= 10
    assert len(set(waits)) == len(waits)


def test_the_last_try_tells_why():
    """After twelve tries the conflict itself is raised."""
    tries = []

    def work() -> None:
        tries.append(1)
        raise RuntimeError(WORDS[0])

    with pytest.raises(RuntimeError, match="conflicting"):
        committed(work, sleep=lambda _: None)
    assert len(tries) == MAX_TRIES


def test_nothing_else_is_tried_again():
    """Any other error is raised at once."""
    with pytest.raises(ZeroDivisionError):
        committed(lambda: 1 / 0, sleep=lambda _: pytest.fail("waited"))


@pytest.mark.spark
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_merges_of_other_keys_at_once_all_go_in(spark, tmp_path, table_format, monkeypatch):
    """Eight threads that MERGE other keys into one table meet each other, and in the end every row is there once."""
    lost = []
    spread = commit_conflicts.random.uniform
    monkeypatch.setattr(commit_conflicts.random, "uniform", lambda low, high: lost.append(1) or spread(low, high))
    path = str(tmp_path) if table_format == "delta" else None
    store = TableStore(spark, pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}", path=path))
    store.make_missing()
    name = store.name("image_urls")

    def merge(number: int) -> None:
        source = f"SELECT concat('u', id) AS image_url FROM range({number * 10}, {number * 10 + 10})"  # noqa: S608 - numbers
        store.sql(
            "image_urls",
            f"MERGE INTO {name} t USING ({source}) s ON t.image_url <=> s.image_url "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(merge, range(8)))
    addresses = [row.image_url for row in store.read("image_urls").collect()]
    assert sorted(addresses) == sorted(f"u{number}" for number in range(80))
    assert lost
