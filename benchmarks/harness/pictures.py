"""Pictures as a Parquet file, made once for a case: what describers read, also where the library is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.harness.case import Pictures
from picsum_vision.testing.image_server.pictures.cache import Rendering, encode, stamped

_VIEWS: Final = 16


def write_pictures(pictures: Pictures, rows: int, folder: Path) -> Path:
    """Write `rows` pictures, each with bytes of its own, as the column `image_binary`; return the file."""
    path = folder / f"{rows}-{pictures.width}-{pictures.height}-{pictures.quality}.parquet"
    if not path.exists():
        rendering = Rendering(width=pictures.width, height=pictures.height, quality=pictures.quality)
        views = [encode(number, rendering) for number in range(min(_VIEWS, rows))]
        images = [stamped(views[number % len(views)], number) for number in range(rows)]
        table = pa.table({"image_binary": pa.array(images, pa.binary())})
        # As local sessions write them: a group of rows is what a reader holds at a time.
        pq.write_table(table, path, row_group_size=max(1, 16_000_000 * rows // max(1, table.nbytes)))
    return path
