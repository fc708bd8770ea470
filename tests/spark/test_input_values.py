"""A text that is not UTF-8 is a row like any other, and never fails its task."""

from __future__ import annotations

import pyarrow as pa
import pytest

from picsum_vision import DownloadOptions
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.download_stage import DownloadStage
from picsum_vision.spark.input_values import value_of, values_of

LATIN_1 = "http://h.example/città.jpg".encode("latin-1")


def texts(*values: bytes | None, kind: pa.DataType | None = None) -> pa.Array:
    """Return an array of texts that nobody has checked, as Spark's are."""
    binary = pa.array(values, pa.large_binary() if kind == pa.large_string() else pa.binary())
    return pa.Array.from_buffers(kind or pa.string(), len(values), binary.buffers(), binary.null_count)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_text_that_is_none_is_its_bytes(kind: pa.DataType) -> None:
    """Only the values that cannot be decoded are bytes; the others beside them are texts, also in a part of an array."""
    column = texts(b"a", LATIN_1, None, "città".encode(), kind=kind)
    assert values_of(column) == ["a", LATIN_1, None, "città"]
    assert values_of(column.slice(1, 2)) == [LATIN_1, None]
    assert [value_of(value) for value in column] == ["a", LATIN_1, None, "città"]


def test_other_values_are_as_they_are() -> None:
    """Numbers, bytes and lists are what Arrow makes of them."""
    for values in ([1, None], [b"\xff", b""], [["a"], None]):
        assert values_of(pa.array(values)) == values


@pytest.mark.parametrize("ordered", [False, True])
def test_a_url_that_is_no_text(ordered: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Each URL that is not UTF-8 is `invalid_url` and says so; its row's own columns stay, and the other rows are worked on."""
    urls = texts(b"nonsense", LATIN_1, None, LATIN_1)
    batch = pa.RecordBatch.from_arrays([urls, pa.array([0, 1, 2, 3])], names=["image_url", "row"])
    bridge = ArrowBridge(DownloadStage(options=DownloadOptions()).open(), "image_url", ordered=ordered)
    rows = pa.Table.from_batches(bridge.process(iter([batch]))).select(["row", "download_outcome"]).to_pylist()
    told = {row["row"]: (row["download_outcome"]["status"], row["download_outcome"]["message"]) for row in rows}
    assert told[1] == told[3] == ("invalid_url", "the URL is not UTF-8")
    assert {told[0][0], told[2][0]} == {"invalid_url"}
    assert len(rows) == len(told) == 4
