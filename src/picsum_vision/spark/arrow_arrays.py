"""Python values to Arrow arrays without pyarrow's own conversion.

`pa.array` of a list imports pandas, to find out whether the list is one of its: a third of a second and 50 MB in each fresh
worker, where nothing else needs it. Only typed answers are left to it. The bytes of images are copied once,
into the one buffer that Arrow wants.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from picsum_vision.describing.well_formed import well_formed, well_formed_value

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_INT32_MAX: Final = np.iinfo(np.int32).max


def bytes_array(values: Sequence[bytes | None], kind: pa.DataType) -> pa.Array:
    """Return a binary array; raises ValueError where `kind` has 32-bit offsets and the bytes are more than 2 GiB."""
    return _sized(values, kind)


def text_array(values: Sequence[str | None]) -> pa.Array:
    """Return a string array; half a character of a text is U+FFFD."""
    return _sized([None if value is None else _utf8(value) for value in values], pa.string())


def answer_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return an array of answers of any type; a text that UTF-8 cannot hold costs no other row its answer."""
    if pa.types.is_string(kind):
        return text_array(values)
    try:
        return pa.array(values, type=kind)
    except UnicodeEncodeError:
        return pa.array([well_formed_value(value) for value in values], type=kind)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return well_formed(text).encode()


def whole_number_array(values: Sequence[int | None], kind: pa.DataType) -> pa.Array:
    """Return an array of integers of the type `kind`."""
    numbers = np.array([0 if value is None else value for value in values], dtype=f"int{kind.bit_width}")
    return pa.Array.from_buffers(kind, len(values), [validity(values), pa.py_buffer(numbers)])


def timestamp_array(values: Sequence[dt.datetime | None], kind: pa.DataType) -> pa.Array:
    """Return an array of moments in microseconds; the values know their time zone."""
    moments = [None if value is None else (value - _EPOCH) // _MICROSECOND for value in values]
    numbers = np.array([0 if moment is None else moment for moment in moments], dtype=np.int64)
    return pa.Array.from_buffers(kind, len(values), [validity(values), pa.py_buffer(numbers)])


def _sized(values: Sequence[bytes | None], kind: pa.DataType) -> pa.Array:
    is_large = kind in (pa.large_binary(), pa.large_string())
    offsets = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum([0 if value is None else len(value) for value in values], out=offsets[1:])
    if not is_large and offsets[-1] > _INT32_MAX:
        raise ValueError(f"{offsets[-1]} bytes do not fit into one {kind} array")
    data = pa.py_buffer(b"".join([value for value in values if value]))
    placed = offsets if is_large else offsets.astype(np.int32)
    return pa.Array.from_buffers(kind, len(values), [validity(values), pa.py_buffer(placed), data])


def validity(values: Sequence[Any]) -> pa.Buffer | None:
    """Return the bitmap that says which values are there, None where all are."""
    if None not in values:
        return None
    there = np.fromiter((value is not None for value in values), dtype=np.bool_, count=len(values))
    return pa.py_buffer(np.packbits(there, bitorder="little"))
