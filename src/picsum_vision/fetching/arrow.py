"""Results as Arrow and pandas have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from picsum_vision.outcomes import DOWNLOAD_OUTCOME_FIELDS
from picsum_vision.spark.arrow_arrays import bytes_array, text_array
from picsum_vision.spark.arrow_outcomes import DOWNLOAD_OUTCOME_TYPE, download_outcomes

if TYPE_CHECKING:
    import pandas as pd

    from picsum_vision.fetching.results import FetchedImage

SCHEMA: Final = pa.schema(
    [
        pa.field("image_url", pa.string()),
        pa.field("image_binary", pa.binary()),
        pa.field("download_outcome", DOWNLOAD_OUTCOME_TYPE),
    ]
)
_BATCH_BYTES: Final = 16_000_000
_BATCH_ROWS: Final = 5_000


def as_table(results: Iterable[FetchedImage]) -> pa.Table:
    """Return the results as one table, a chunk for each batch."""
    return pa.Table.from_batches(record_batches(results), schema=SCHEMA)


def as_frame(results: Iterable[FetchedImage]) -> pd.DataFrame:
    """Return the results as a DataFrame with a column for each field of the outcome."""
    table = as_table(results).flatten()
    frame: pd.DataFrame = table.rename_columns(["image_url", "image_binary", *DOWNLOAD_OUTCOME_FIELDS]).to_pandas()
    return frame


def record_batches(results: Iterable[FetchedImage]) -> Iterator[pa.RecordBatch]:
    """Yield the results in batches of at most 16 MB of images or one image."""
    held: list[FetchedImage] = []
    size = 0
    for result in results:
        number = len(result.data or b"")
        if held and (size + number > _BATCH_BYTES or len(held) >= _BATCH_ROWS):
            yield _batch(held)
            held, size = [], 0
        held.append(result)
        size += number
    if held:
        yield _batch(held)


def _batch(results: list[FetchedImage]) -> pa.RecordBatch:
    columns = [
        text_array([result.url for result in results]),
        bytes_array([result.data for result in results], pa.binary()),
        download_outcomes([result.outcome for result in results]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
