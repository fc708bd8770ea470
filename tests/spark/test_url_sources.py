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
    return sorted(row.image_url for row in urls_from(spark, str(source), url_col).collect())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("quotes.csv", f'note,photo\n"He said ""hi"", ok",{A}\n"one\nnote, two lines",{B}\nplain,"{C}"\n'),
        ("excel.csv", f'\ufeffnote;photo;price\n"a; b";{A};1,50\n"a ""b""";{B};2,50\n;{C};\n'),
        ("dos.csv", f'photo,note\r\n{A},x\r\n{B},"y\r\nz"\r\n"{C}",\r\n'),
        ("tabs.csv", f"note\tphoto\na, b\t{A}\nc\t{B}\nd\t{C}\n"),
        ("MINE.TSV", f"note, with a comma\tphoto\na, b\t{A}\nc\t{B}\nd\t{C}\n"),
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
