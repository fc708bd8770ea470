"""A CSV file as spreadsheets and databases write it: RFC 4180, whatever stands between the columns; and plain .tsv.

Python reads it, in a task, because Spark's own reader makes one value of all that comes after a quote that never closes, leaves
out what a row has more than the header, and reads a folder's files by the header of one of them.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
from pyspark.sql import functions as F

from picsum_vision.validation import did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A spreadsheet writes semicolons where the comma is for decimals, as in Italy.
_SEPARATORS: Final = (",", ";", "\t")
_ADDRESS: Final = re.compile(r"\s*https?://", re.IGNORECASE)
_LONGEST_FIELD: Final = 64_000_000  # a column may hold an image in base64
_ROWS_AT_ONCE: Final = 10_000
UTF_16: Final = "is no UTF-8 text but UTF-16 or binary (it has NUL bytes); save it as UTF-8"


class CsvFormat(NamedTuple):
    """Which column is wanted, whether upper and lower case differ in its name, and whether tabs separate and quotes are text."""

    url_col: str
    tells_case_apart: bool
    is_tsv: bool


def read_csv(lines: DataFrame, wanted: CsvFormat) -> DataFrame:
    """Return the rows of the files whose lines these are: `url`, `file`, `line` from 1, and `problem` where it is no good row.

    `lines` has `file`, `value`, and `start` and `number`, which say how a file's lines follow one another.
    """
    whole_files = lines.repartition("file").sortWithinPartitions("file", "start", "number")

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        found = (row for batch in batches for row in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True))
        rows = itertools.chain.from_iterable(
            _rows(file, (line for _, line in of_file), wanted) for file, of_file in itertools.groupby(found, lambda row: row[0])
        )
        while part := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            columns = [pa.array(values, field.type) for values, field in zip(zip(*part, strict=True), _ARROW_ROW, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=_ARROW_ROW)

    text = whole_files.select("file", F.col("value").cast("binary"))
    rows = text.mapInArrow(work, "url BINARY, file STRING, line BIGINT, problem STRING")
    return rows.withColumn("url", F.col("url").cast("string"))


class _Row(NamedTuple):
    url: bytes | None  # as the file has it, which may be no UTF-8
    file: str
    line: int | None
    problem: str | None = None


_ARROW_ROW: Final = pa.schema([("url", pa.binary()), ("file", pa.string()), ("line", pa.int64()), ("problem", pa.string())])


def _rows(file: str, lines: Iterator[bytes], wanted: CsvFormat) -> Iterator[_Row]:
    """Yield a file's rows, up to the first that is no good one."""
    csv.field_size_limit(_LONGEST_FIELD)
    number_before, first = next(((number, line) for number, line in enumerate(lines) if line.strip(b" \t\xef\xbb\xbf")), (0, b""))
    if not first:
        return
    if b"\0" in first:
        yield _Row(None, file, None, UTF_16)
        return
    header = first.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")
    text = itertools.chain([header + "\n"], (line.decode(errors="surrogateescape") + "\n" for line in lines))
    if wanted.is_tsv:
        reader = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(text, delimiter=_separator(header, wanted.url_col), strict=True)
    row_begins = 0
    try:
        names = next(reader)
        place = _place(names, wanted)
        if isinstance(place, str):
            yield _Row(None, file, None, place)
            return
        row_begins = reader.line_num
        for row in reader:
            problem = _problem(row, names, place)
            if len(row) > 1 or any(map(str.strip, row)):
                url = None if problem else row[place].encode(errors="surrogateescape")
                yield _Row(url or None, file, number_before + row_begins + 1, problem)
            if problem:
                return
            row_begins = reader.line_num
    except csv.Error as error:
        is_open = "unexpected end of data" in str(error) or "field limit" in str(error)
        what = "a quote that opens here never closes" if is_open else f"this row is no CSV: {error}"
        remedy = "a quote within a quoted value is written twice, and a value that begins with one stands in quotes"
        yield _Row(None, file, number_before + row_begins + 1, f"{what}; {remedy}")


def _place(names: list[str], wanted: CsvFormat) -> int | str:
    """Return which field is the URL, or what is wrong with the header."""
    column, known = wanted.url_col, names
    if column not in names and not wanted.tells_case_apart:
        column, known = column.lower(), [name.lower() for name in names]
    if known.count(column) > 1:
        return f"has {known.count(column)} columns {wanted.url_col!r} in its header; rename all but one"
    if column in known:
        return known.index(column)
    if any(map(_ADDRESS.match, names)):
        return "has no header, its first line holds an address; add one, or name it .txt if each line is one"
    return f"has no column {wanted.url_col!r}; there are: {', '.join(names)}{did_you_mean(wanted.url_col, names)}"


def _problem(row: list[str], names: list[str], place: int) -> str | None:
    if not any(row[len(names) :]) and (len(row) > place or not any(map(str.strip, row))):
        return None
    told = f"fields in this row: {len(row)}, in the header: {len(names)}"
    return f"{told}; put a value that holds a separator or a line break in quotes, or save the list as .txt, an address a line"


def _separator(header: str, url_col: str) -> str:
    """Return the separator by which the header has the column, in any case, else the first that it has at all."""
    by_name = (separator for separator in _SEPARATORS if url_col.lower() in _cells(header.lower(), separator))
    there = (separator for separator in _SEPARATORS if separator in header)
    return next(by_name, next(there, _SEPARATORS[0]))


def _cells(header: str, separator: str) -> list[str]:
    return next(csv.reader([header], delimiter=separator), [])
