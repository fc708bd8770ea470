"""Arrays made from buffers are the ones that pyarrow would make, and cost no import of pandas."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.outcomes import DownloadOutcome, DownloadStatus
from picsum_vision.spark import arrow_arrays
from picsum_vision.spark.arrow_arrays import answer_array, bytes_array, text_array, timestamp_array, whole_number_array
from picsum_vision.spark.arrow_outcomes import DOWNLOAD_OUTCOME_TYPE, download_outcomes

MOMENTS = st.datetimes(min_value=dt.datetime(1900, 1, 1), timezones=st.just(dt.timezone.utc))  # noqa: DTZ001 - hypothesis wants it


def same(ours: pa.Array, theirs: pa.Array) -> bool:
    ours.validate(full=True)
    return ours.equals(theirs)


@given(st.lists(st.none() | st.binary(max_size=20), max_size=40), st.sampled_from([pa.binary(), pa.large_binary()]))
def test_bytes(values, kind):
    """Any bytes, empty ones and NULLs become the array that pyarrow makes of them."""
    assert same(bytes_array(values, kind), pa.array(values, kind))


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=40))
def test_texts(values):
    """Any texts and NULLs become the array that pyarrow makes of them."""
    assert same(text_array(values), pa.array(values, pa.string()))


@given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=40), st.sampled_from([pa.int32(), pa.int64()]))
def test_whole_numbers(values, kind):
    """Any numbers and NULLs become the array that pyarrow makes of them."""
    assert same(whole_number_array(values, kind), pa.array(values, kind))


@given(st.lists(st.none() | MOMENTS, max_size=20))
def test_moments(values):
    """Any moments and NULLs become the array that pyarrow makes of them."""
    kind = pa.timestamp("us", tz="UTC")
    assert same(timestamp_array(values, kind), pa.array(values, kind))


NESTED = pa.struct([("tags", pa.list_(pa.string())), ("by_name", pa.map_(pa.string(), pa.struct([("word", pa.string())])))])


@pytest.mark.parametrize(
    ("kind", "value", "held"),
    [
        (pa.string(), "a\ud83d", "a\ufffd"),
        (pa.list_(pa.string()), ["a", None, "\udc00"], ["a", None, "\ufffd"]),
        (
            NESTED,
            {"tags": ["\ud83d"], "by_name": [("k\ud83d", {"word": "\ud83d\ude00"})]},
            {"tags": ["\ufffd"], "by_name": [("k\ufffd", {"word": "\U0001f600"})]},
        ),
    ],
)
def test_half_characters_in_answers(kind, value, held):
    """A half of a character, however deep it lies in an answer, is U+FFFD in the column, and harms no other row."""
    assert answer_array([value, None], kind).to_pylist() == [held, None]


def test_outcomes_are_whole():
    """An outcome's fields arrive in their columns, also where most are NULL."""
    outcomes = [
        DownloadOutcome(status=DownloadStatus.DNS),
        DownloadOutcome(status=DownloadStatus.OK, bytes=7, sha256="ab", width=3),
    ]
    told = download_outcomes(outcomes)
    assert told.type == DOWNLOAD_OUTCOME_TYPE
    assert [row["status"] for row in told.to_pylist()] == ["dns", "ok"]
    assert told.to_pylist()[1] | {"attempts": 0} == dict.fromkeys(DOWNLOAD_OUTCOME_TYPE.names) | {
        "status": "ok", "bytes": 7, "sha256": "ab", "width": 3, "attempts": 0, "elapsed_ms": 0,
    }  # fmt: skip


def test_more_than_two_gibibytes_need_large_offsets(monkeypatch: pytest.MonkeyPatch):
    """What 32-bit offsets cannot hold is an error, not a broken array."""
    monkeypatch.setattr(arrow_arrays, "_INT32_MAX", 10)
    with pytest.raises(ValueError, match="11 bytes do not fit"):
        bytes_array([b"12345678901"], pa.binary())
    assert bytes_array([b"12345678901"], pa.large_binary()).to_pylist() == [b"12345678901"]


def test_a_worker_imports_no_pandas():
    """A batch goes through the download stage without pandas being imported, and without the test servers' aiohttp."""
    program = """
import sys
import pyarrow as pa
from picsum_vision.options import DownloadOptions
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.download_stage import DownloadStage

urls = pa.StringArray.from_buffers(1, pa.py_buffer(b"\\x00\\x00\\x00\\x00\\x0b\\x00\\x00\\x00"), pa.py_buffer(b"ftp://a.b/c"))
batch = pa.RecordBatch.from_arrays([urls], names=["image_url"])
bridge = ArrowBridge(DownloadStage(options=DownloadOptions()).open(), "image_url")
print([out.num_rows for out in bridge.process(iter([batch]))], {"pandas", "aiohttp", "pyspark"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1] set()"
