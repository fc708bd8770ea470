"""Lists of addresses as people have them: spreadsheets' CSV, text, folders without an ending."""

from __future__ import annotations

import bz2
import gzip

import pyarrow as pa
import pytest

import picsum_vision as pv
from picsum_vision.spark.url_sources import urls_from

A, B, C = "https://h.example/a.jpg", "https://h.example/b.jpg", "https://h.example/c,d.jpg"


def found(spark, source, url_col="photo") -> list[str | None]:
    return sorted(row.image_url for row in urls_from(spark, str(source), url_col).urls.collect())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("quotes.csv", f'note,photo\n"He said ""hi"", ok",{A}\n"one\nnote, two lines",{B}\nplain,"{C}"\n'),
        ("excel.csv", f'\ufeffnote;photo;price\n"a; b";{A};1,50\n"a ""b""";{B};2,50\n;{C};\n'),
        ("dos.csv", f'photo,note\r\n{A},x\r\n{B},"y\r\nz"\r\n"{C}",\r\n'),
        ("tabs.csv", f"note\tphoto\na, b\t{A}\nc\t{B}\nd\t{C}\n"),
        ("MINE.TSV", f'note, with a comma\tphoto\na, b\t{A}\n5" of rain\t{B}\n"d\t{C}\n'),
        ("inches.csv", f'note,photo\n5" of rain,{A}\nx,{B}\ny,"{C}"\n'),
        ("trailing.csv", f'photo,note\n{A},x,,\n\n   \n{B}\n"{C}",y\n'),
        ("[x].csv", f'photo\n{A}\n{B}\n"{C}"\n'),
        ("{a,b}.csv", f'photo\n{A}\n{B}\n"{C}"\n'),
        ("a*?\\b %20.txt", f"{A}\n{B}\n{C}"),
        ("comma-in-a-name.csv", f"note, in words;photo\na;{A}\nb;{B}\nc;{C}\n"),
        ("bom.csv", f'\ufeffphoto\n{A}\n\n{B}\n"{C}"\n'),
        ("bom-and-quotes.csv", f'\ufeff"photo"\n{A}\n{B}\n"{C}"\n'),
        ("blanks.txt", f"\ufeff{A}\r\n\r\n  {B}\t\n \t \n{C}\n\n{A}\n"),
    ],
)
def test_lists_as_people_have_them(spark, tmp_path, name, text):
    """Doubled quotes, breaks within quotes, semicolons, tabs, marks of byte order and blank lines do not shift or add a row."""
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert found(spark, tmp_path / name) == [A, B, C]


@pytest.mark.parametrize(
    ("ending", "packed"),
    [("gz", gzip.compress), ("bz2", bz2.compress), ("zst", lambda x: pa.Codec("zstd").compress(x).to_pybytes())],
)
def test_compressed_lists(spark, tmp_path, ending, packed):
    """A list may be compressed, and says so by a second ending."""
    if ending == "zst" and spark.version < "4.1":
        pytest.skip("this Spark reads .zst only where its Hadoop has a native library")
    (tmp_path / f"list.csv.{ending}").write_bytes(packed(f"note;photo\nx;{A}\ny;{B}\n".encode()))
    (tmp_path / f"list.TXT.{ending}").write_bytes(packed(f"{A}\n\n{B}\n".encode()))
    assert found(spark, tmp_path / f"list.csv.{ending}") == found(spark, tmp_path / f"list.TXT.{ending}") == [A, B]


@pytest.mark.parametrize("text", [f"{A}\n{B}\n", f"\ufeff{A}\n", f"{C}\n", f"1;{A}\n2;{B}\n"])
def test_a_list_without_a_header(spark, tmp_path, text):
    """Where the first line holds addresses it is no header: one line says what to do, and does not repeat the address."""
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    with pytest.raises(
        pv.ColumnError, match=r"mine\.csv' has no header, its first line holds an address; add one, or name it"
    ) as told:
        urls_from(spark, str(tmp_path / "mine.csv"), "image_url")
    assert "h.example" not in str(told.value)


def test_folders_without_an_ending(spark, tmp_path, monkeypatch):
    """A folder that Spark has written is read for what its files are, under its bare name too; a table of the name goes first."""
    monkeypatch.chdir(tmp_path)
    rows = spark.createDataFrame([(A, 1), (B, 2)], "photo STRING, day INT")
    rows.write.parquet(f"file:{tmp_path}/photos")
    rows.write.partitionBy("day").parquet(f"file:{tmp_path}/by-day")
    rows.write.option("header", "true").option("compression", "gzip").csv(f"file:{tmp_path}/sheets")
    for folder in ("photos", "by-day", "sheets"):
        assert found(spark, tmp_path / folder) == found(spark, f"file://{tmp_path}/{folder}/") == [A, B]
    (tmp_path / "pho_tos").mkdir()
    (tmp_path / "pho_tos" / "x.txt").write_text(A)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert found(spark, "~/pho_tos") == [A]
    rows.limit(1).createOrReplaceTempView("pho_tos")
    assert len(found(spark, "pho_tos")) == 1
    spark.catalog.dropTempView("pho_tos")


def test_folders_that_say_nothing(spark, tmp_path):
    """A folder of nothing that is known, of several things, or of a table is refused with what to do."""
    for name, files in (("none", ["a.jpg", "_SUCCESS"]), ("mixed", ["a.csv", "b.txt"]), ("delta", ["a.parquet"])):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text("x")
    (tmp_path / "delta" / "_delta_log").mkdir()
    for name, words in (
        ("none", r"none' has no file that ends in \.parquet, \.csv"),
        ("mixed", r"mixed' has files of several kinds \(csv, text\)"),
        ("delta", r"delta' is the folder of a Delta table; give the table's name"),
        ("nowhere/at-all", "is not allowed; it must be a table's name, a folder that is there, or end in"),
    ):
        with pytest.raises(pv.SettingError, match=words):
            urls_from(spark, str(tmp_path / name), "photo")
    with pytest.raises(pv.SettingError, match=r"urls_from: 'no_such_table' cannot be read"):
        urls_from(spark, "no_such_table", "photo")


def test_a_column_is_named_as_spark_does(spark, tmp_path):
    """A column's name may be given in another case, in a list as in a table, unless Spark is told to tell case apart."""
    (tmp_path / "mine.csv").write_text(f"note, short;Photo\nx;{A}\n")
    spark.createDataFrame([(A,)], "Photo STRING").write.parquet(str(tmp_path / "mine.parquet"))
    for name in ("mine.csv", "mine.parquet"):
        assert found(spark, tmp_path / name, "photo") == found(spark, tmp_path / name, "PHOTO") == [A]
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        with pytest.raises(pv.ColumnError, match="no column 'PHOTO'; there are: Photo"):
            found(spark, tmp_path / "mine.parquet", "PHOTO")
    finally:
        spark.conf.unset("spark.sql.caseSensitive")


def refusal(spark, path, url_col="photo"):
    with pytest.raises(pv.SettingError) as told:
        urls_from(spark, str(path), url_col)
    return str(told.value)


MANY = "".join(f"{number},https://h.example/{number}.jpg,x\n" for number in range(1_000))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "open.csv",
            'id,photo,note\n1,https://h.example/1.jpg,x\n2,https://h.example/2.jpg,"5 inches\n' + MANY,
            "line 3: a quote that",
        ),
        (
            "open.tsv.csv",
            'id\tphoto\n1\t"https://h.example/1.jpg\n' + "2\thttps://h.example/2.jpg\n" * 999,
            "line 2: a quote that",
        ),
        ("twice.csv", f'note,photo\n\n"a,{A}\n"b,{B}\n', "line 3: this row is no CSV"),
        ("late.csv", f'note,photo\n"a\nb",{A}\n\nx,{B},"{C}"\n', "line 5: fields in this row: 3, in the header: 2"),
        ("comma.csv", f"photo\n{A}\n{C}\n", "line 3: fields in this row: 2, in the header: 1"),
        ("short.csv", f"id,photo\n1,{A}\n2\n", "line 3: fields in this row: 1, in the header: 2"),
        ("short.tsv", f"id\tphoto\n1\t{A}\nsplit\n", "line 3: fields in this row: 1"),
        ("again.csv", f"photo,photo\n{A},{B}\n", "has 2 columns 'photo' in its header; rename all but one"),
        ("other.csv", f"Photos,note\n{A},x\n", "has no column 'photo'; there are: Photos, note (did you mean"),
    ],
)
def test_rows_that_are_none(spark, tmp_path, name, text, words):
    """A quote that never closes, or a row with other fields than the header, is refused with file, line and what to do."""
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert f"urls_from: '{tmp_path / name}'" in (told := refusal(spark, tmp_path / name))
    assert words in told


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["list.txt", "list.csv", "list.tsv"])
def test_text_that_is_not_utf_8(spark, tmp_path, name, encoding):
    """UTF-16, as Excel calls Unicode text, is refused by name in every kind of list."""
    (tmp_path / name).write_bytes(f"photo\n{A}\n{B}\n".encode(encoding))
    assert f"urls_from: '{tmp_path / name}' is no UTF-8 text but UTF-16" in refusal(spark, tmp_path / name)


def test_lists_without_a_row(spark, tmp_path):
    """A header alone, and a file without a byte, are lists without an address."""
    for name, text in (("header.csv", "photo,note\r\n"), ("header.tsv", "photo"), ("none.csv", ""), ("blank.txt", "\n \n")):
        (tmp_path / name).write_text(text)
        assert found(spark, tmp_path / name) == []


def test_each_file_of_a_folder_has_a_header_of_its_own(spark, tmp_path):
    """Columns may stand in another order in each file of a folder; the bad row's own file is named."""
    (tmp_path / "a.csv").write_text(f"note,photo\nx,{A}\n")
    (tmp_path / "b.csv").write_text(f"photo;note\n{B};x\n")
    assert found(spark, tmp_path) == [A, B]
    (tmp_path / "c.csv").write_text(f'photo\n"{A}\n')
    assert f"'{tmp_path / 'c.csv'}', line 2: a quote" in refusal(spark, tmp_path)


def test_what_spark_cannot_open(spark, tmp_path, monkeypatch):
    """A name that Spark leaves out or cannot open, a missing file and a missing file system are one line each."""
    monkeypatch.chdir(tmp_path)
    for name, words in (("_x.csv", "begins with '_'"), (".x.txt", "begins with '.'"), ("a:b.csv", "a colon in its name")):
        (tmp_path / name).write_text(f"photo\n{A}\n")
        for path in (name, tmp_path / name):
            assert words in (told := refusal(spark, path))
            assert told.endswith("rename it")
    assert "no file system for s3:" in refusal(spark, "s3://bucket/list.csv")
    assert "no file system for nowhere:" in refusal(spark, "nowhere://bucket/list.parquet")
    assert "PATH_NOT_FOUND" in refusal(spark, tmp_path / "none.csv")


def test_repeated_addresses_are_counted(spark, tmp_path):
    """What a list repeats is told from what it has."""
    (tmp_path / "list.txt").write_text(f"{A}\n{A}\n\n{B}\n")
    assert urls_from(spark, str(tmp_path / "list.txt"), "photo").rows == 3


@pytest.mark.parametrize(
    "other",
    [
        pa.array([1, 2], pa.timestamp("ns")),
        pa.array([1, 2], pa.time64("ns")),
        pa.array([1, 2], pa.float16()) if hasattr(pa, "float16") else None,
        pa.array([[1], [2]], pa.list_(pa.timestamp("ns"))),
    ],
)
def test_parquet_with_a_column_that_spark_does_not_know(spark, tmp_path, other):
    """A column that nobody needs does not keep the addresses from being read."""
    import numpy as np
    import pyarrow.parquet as pq

    if pa.types.is_float16(other.type):
        other = pa.array(np.array([1, 2], np.float16))
    pq.write_table(pa.table({"Photo": [A, B], "a.b": other}), tmp_path / "list.parquet", version="2.6")
    assert found(spark, tmp_path / "list.parquet") == [A, B]
    assert "list.parquet" in refusal(spark, tmp_path / "list.parquet", "image_url")
