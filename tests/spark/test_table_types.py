"""Tables of somebody else's whose columns have other types: refused before any work, or taken as they are."""

from __future__ import annotations

import pytest
from pyspark.sql.types import (
    BinaryType,
    DataType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    VarcharType,
)
from whole_jobs import check_one_row_each, fresh_tables, job, make_table

import picsum_vision as pv
from picsum_vision.spark.schemas import DESCRIBED, DOWNLOADED
from picsum_vision.spark.table_types import unfit_columns
from picsum_vision.spark.tables import TableStore
from picsum_vision.table_columns import COLUMNS
from picsum_vision.testing.image_server import ImageServer

DOWNLOAD_OUTCOME = DOWNLOADED["download_outcome"]


def columns(**kinds: DataType) -> StructType:
    return StructType([StructField(name, kind) for name, kind in kinds.items()])


def changed(outcome: DataType, **kinds: DataType | None) -> StructType:
    """Return the struct with other fields; None takes one away."""
    fields = {field.name: field.dataType for field in outcome.fields} | kinds
    return columns(**{name: kind for name, kind in fields.items() if kind is not None})


def unfit(role: str, schema: StructType, *, is_delta: bool = False) -> list[str]:
    return list(unfit_columns(COLUMNS[role], schema, "`t`", is_delta=is_delta))


@pytest.mark.parametrize(
    ("role", "schema"),
    [
        ("image_codes", columns(image_url=StringType(), image_binary=BinaryType())),
        ("image_codes", columns(IMAGE_URL=VarcharType(99), download_outcome=DOWNLOAD_OUTCOME, width=IntegerType())),
        ("image_codes", columns(download_outcome=StructType(DOWNLOAD_OUTCOME.fields[::-1]))),
        ("image_codes", columns(download_outcome=changed(DOWNLOAD_OUTCOME, attempts=LongType()))),
        ("image_desc", StructType([StructField("image_url", StringType(), nullable=False)])),
        ("image_desc", StructType([StructField("n", LongType(), nullable=False, metadata={"CURRENT_DEFAULT": "1"})])),
        ("image_desc", columns(describe_outcome=DESCRIBED["describe_outcome"])),
    ],
)
def test_what_spark_writes_without_a_loss_is_taken(role, schema):
    """VARCHAR for STRING, a wider number, fields in another order, columns beside ours and a key that is NOT NULL are taken."""
    assert unfit(role, schema) == []


@pytest.mark.parametrize(
    ("role", "schema", "said"),
    [
        ("image_codes", columns(image_binary=StringType()), "column image_binary is string, and must be binary; "),
        (
            "image_desc",
            columns(descrizione=columns(a=StringType())),
            "column descrizione is struct<a:string>, and must be string; ",
        ),
        (
            "image_codes",
            columns(download_outcome=changed(DOWNLOAD_OUTCOME, bytes=IntegerType())),
            "column download_outcome.bytes is int, and must be bigint; ",
        ),
        (
            "image_codes",
            columns(download_outcome=changed(DOWNLOAD_OUTCOME, width=None)),
            "column download_outcome has no field width, and must have one; ",
        ),
        (
            "image_codes",
            columns(download_outcome=changed(DOWNLOAD_OUTCOME, more=StringType())),
            "column download_outcome has a field more, and must have none of that name; ",
        ),
        (
            "image_codes",
            columns(download_outcome=changed(DOWNLOAD_OUTCOME, finished_at=TimestampNTZType())),
            "column download_outcome.finished_at is timestamp_ntz, and must be timestamp; ",
        ),
    ],
)
def test_another_type_is_named_with_what_repairs_it(role, schema, said):
    """A column that rows do not fit into, or cannot be read from, is named with both types and a RENAME COLUMN that keeps it."""
    (line,) = unfit(role, schema)
    name = schema.fieldNames()[0]
    assert line.startswith(said)
    assert f"ALTER TABLE `t` RENAME COLUMN `{name}` TO `{name}_before`" in line
    assert "columnMapping" not in line
    assert "columnMapping" in unfit(role, schema, is_delta=True)[0]


def test_the_key_and_columns_that_must_be_filled_have_remedies_of_their_own():
    """A key of another type cannot be added anew; a column that every row must have is made nullable."""
    assert "it is the key: give the job other tables" in unfit("image_urls", columns(image_url=LongType()))[0]
    for name in ("image_binary", "shop"):
        kind = BinaryType() if name == "image_binary" else StringType()
        (line,) = unfit("image_codes", StructType([StructField(name, kind, nullable=False)]))
        assert line.endswith(f"ALTER TABLE `t` ALTER COLUMN `{name}` DROP NOT NULL")


@pytest.mark.spark
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_the_statements_that_a_refusal_names_repair_it(spark, tmp_path, table_format):
    """A run on such a table asks nobody for anything and says what to do; when that is done it goes well."""
    tables = fresh_tables(table_format, tmp_path)
    store = TableStore(spark, tables)
    make_table(spark, store, "image_desc", "image_url STRING, descrizione STRUCT<testo: STRING>, shop STRING NOT NULL")
    with ImageServer() as images:
        for _ in range(2):
            with pytest.raises(pv.TableProblem, match=r"column (descrizione|shop) is ") as caught:
                pv.run_pipeline(spark, job(tables, images, images=2, start=1))
            said = str(caught.value)
            assert said.startswith(tables.readable("image_desc"))
            assert "\n" not in said
            for part in said.split("; "):
                if part.startswith("ALTER TABLE"):
                    spark.sql(part)
        assert images.stats()["requests"] == 0
        report = pv.run_pipeline(spark, job(tables, images, images=2, start=1))
    assert report.describe.ok == 2
    check_one_row_each(spark, tables, 2)


LIMITED = {"__CHAR_VARCHAR_TYPE_STRING": "varchar(255)"}


def test_a_text_of_limited_length_cannot_take_an_answer():
    """VARCHAR, which Spark shows as STRING, is refused for descrizione with the SQL that repairs it; for a key it is taken."""
    shown = StructField("Descrizione", StringType(), metadata=LIMITED)
    for field in (shown, StructField("Descrizione", VarcharType(255))):
        (line,) = unfit("image_desc", StructType([field]))
        assert line.startswith("column Descrizione is varchar(255), and must be string")
        assert line.endswith("ALTER TABLE `t` ALTER COLUMN `Descrizione` TYPE STRING")
    assert unfit("image_desc", StructType([StructField("image_url", StringType(), metadata=LIMITED)])) == []


@pytest.mark.spark
def test_an_answer_of_limited_length_is_refused_before_it_is_paid_for(spark, tmp_path):
    """A Delta table whose descrizione is VARCHAR stops the run before any request; the statement that is named repairs it."""
    tables = fresh_tables("delta", tmp_path)
    store = TableStore(spark, tables)
    spark.sql(f"CREATE TABLE {store.name('image_desc')} (image_url VARCHAR(999), descrizione VARCHAR(9)) USING delta")
    with ImageServer() as images:
        with pytest.raises(pv.TableProblem, match=r"column descrizione is varchar\(9\), and must be string") as caught:
            pv.run_pipeline(spark, job(tables, images, images=2, start=1))
        assert images.stats()["requests"] == 0
        spark.sql(str(caught.value).rpartition("; ")[2])
        assert pv.run_pipeline(spark, job(tables, images, images=2, start=1)).describe.ok == 2
    check_one_row_each(spark, tables, 2)


@pytest.mark.spark
@pytest.mark.parametrize(
    ("table_format", "kind", "ending"), [("iceberg", "STRING NOT NULL", None), ("delta", "VARCHAR(40)", "x" * 40)]
)
def test_a_key_that_refuses_an_address_is_told_before_any_work(spark, tmp_path, table_format, kind, ending):
    """Where a table's key takes no NULL, or no long one, a source with such an address is refused; the named SQL repairs it."""
    tables = fresh_tables(table_format, tmp_path)
    store = TableStore(spark, tables)
    make_table(spark, store, "image_codes", f"image_url {kind}, image_binary BINARY")
    with ImageServer() as images:
        good, other = f"{images.base_url}/id/1/9/9", ending and f"{images.base_url}/{ending}"
        source = str(tmp_path / "mine.parquet")
        spark.createDataFrame([(good,), (other,)], "image_url STRING").write.parquet(source)
        settings = {"tables": tables, "download": pv.DownloadOptions(allow_private_addresses=True, max_attempts=1)}
        with pytest.raises(pv.TableProblem, match="image_codes: column image_url is ") as caught:
            pv.run_pipeline(spark, pv.PipelineConfig(urls_from=source, **settings))
        assert images.stats()["requests"] == 0
        assert "\n" not in str(caught.value)
        spark.sql(str(caught.value).rpartition("; ")[2])
        assert pv.run_pipeline(spark, pv.PipelineConfig(urls_from=source, **settings)).describe.ok == 1
    check_one_row_each(spark, tables, 2)
