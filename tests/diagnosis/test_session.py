"""A session's troubles, really produced: catalog, schema, permissions, ai_query, workers, network, memory."""

from __future__ import annotations

import uuid

import pytest

from picsum_vision import (
    AiQuery,
    ChatCompletions,
    DownloadOptions,
    PipelineConfig,
    PixelDescriber,
    Secret,
    Tables,
    doctor,
    register_ai_query,
)
from picsum_vision.diagnosis.finding import Case, Verdict
from picsum_vision.diagnosis.worker_checks import Fetched, WorkerReport, _egress, not_asked
from picsum_vision.testing.image_server import Fault, ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark
LOCAL = DownloadOptions(allow_private_addresses=True)


def job(host, **settings):
    return PipelineConfig(**{"base_url": host.base_url, "download": LOCAL, **settings})


def tables(spark, session, **names):
    return doctor(session or spark, PipelineConfig(tables=Tables(**names)), probe_url="http://127.0.0.1:9/")


def test_a_healthy_session(spark, image_server):
    """Everything that a job needs is ok, and nothing is left behind in the schema."""
    schema = f"doctor_{uuid.uuid4().hex[:8]}"
    spark.sql(f"CREATE SCHEMA platform_catalog.{schema}")
    diagnosis = doctor(spark, job(image_server, tables=Tables(schema=schema)))
    assert diagnosis.ok, diagnosis
    for name in ("session", "catalog", "schema", "tables", "permissions", "worker python", "worker egress", "memory"):
        assert diagnosis.named(name).verdict is Verdict.OK, diagnosis
    assert "image_urls, image_codes, image_desc not yet" in diagnosis.named("tables").message
    assert spark.sql(f"SHOW TABLES IN platform_catalog.{schema}").collect() == []


def test_tasks_that_spark_may_run_twice(spark, image_server):
    """Speculative execution is legal, and pays twice: doctor says so, and what to set."""
    legacy = "spark.sql.legacy.setCommandRejectsSparkCoreConfs"
    spark.conf.set(legacy, "false")
    spark.conf.set("spark.speculation", "true")
    try:
        found = doctor(spark, job(image_server), write=False).named("speculation")
    finally:
        spark.conf.unset("spark.speculation")
        spark.conf.unset(legacy)
    assert found.verdict is Verdict.WARNING
    assert "paid for twice" in found.message
    assert "spark.speculation to false" in found.remedy


def test_a_catalog_that_is_not_there(spark):
    """A missing catalog is a failure with the SQL that makes it, and what hangs on it is skipped."""
    diagnosis = tables(spark, None, catalog="nowhere")
    assert diagnosis.named("catalog").verdict is Verdict.FAILURE
    assert "CREATE CATALOG IF NOT EXISTS `nowhere`" in diagnosis.named("catalog").remedy
    assert diagnosis.named("permissions").message == "needs the catalog"


def test_a_schema_that_is_not_there(spark):
    """A missing schema is a warning with the SQL: a run makes it, if its user may."""
    found = tables(spark, None, schema="nowhere").named("schema")
    assert (found.verdict, found.remedy) == (Verdict.WARNING, "CREATE SCHEMA IF NOT EXISTS `platform_catalog`.`nowhere`")


def test_a_schema_where_nothing_can_be_made(spark):
    """Where a table cannot be made it is a failure with the grant. /proc/sys takes no folder, not even from root."""
    session = spark.newSession()
    session.conf.set("spark.sql.catalog.locked", "org.apache.iceberg.spark.SparkCatalog")
    session.conf.set("spark.sql.catalog.locked.type", "hadoop")
    session.conf.set("spark.sql.catalog.locked.warehouse", "/proc")
    diagnosis = tables(spark, session, catalog="locked", schema="sys")
    found = diagnosis.named("permissions")
    assert found.verdict is Verdict.FAILURE, diagnosis
    assert "no table can be made in locked.sys" in found.message
    assert "GRANT USE SCHEMA, SELECT, MODIFY, CREATE TABLE ON SCHEMA `locked`.`sys` TO `you`" in found.remedy


def test_delta_by_path(spark, tmp_path):
    """A folder is tried with a table that is taken away again; one that is in fact no place for tables is a failure."""
    good = tables(spark, None, path=str(tmp_path / "new"))
    assert good.named("permissions").verdict is Verdict.OK, good
    assert list(tmp_path.iterdir()) == []
    assert tables(spark, None, path="/proc/sys").named("permissions").verdict is Verdict.FAILURE


def test_ai_query_that_is_not_there(spark, image_server):
    """Without the function it is a failure that says where there is one; with it, it is ok, and with ask_model it is asked."""
    session = spark.newSession()
    config = job(image_server, backend=AiQuery())
    missing = doctor(session, config, write=False).named("ai_query")
    assert missing.verdict is Verdict.FAILURE
    assert "no such function" in missing.message + missing.remedy
    register_ai_query(session, PixelDescriber())
    assert "takes files" in doctor(session, config, write=False).named("ai_query").message
    asked = doctor(session, config, write=False, ask_model=True).named("ai_query")
    assert "has answered one question" in asked.message


def test_a_python_that_the_workers_do_not_have(spark, image_server, monkeypatch):
    """A worker Python that does not exist is named, with the variable to set."""
    monkeypatch.setattr(spark.sparkContext, "pythonExec", "/nowhere/python3.12")
    found = doctor(spark, job(image_server), write=False).named("worker python")
    assert found.verdict is Verdict.FAILURE
    assert "/nowhere/python3.12" in found.message
    assert "PYSPARK_PYTHON" in found.remedy


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.10 than that in driver: 3.11, PySpark",
            "export PYSPARK_PYTHON=python3",
        ),
        ("  File x\nModuleNotFoundError: No module named 'picsum_vision'\n", "install the wheel"),
    ],
)
def test_what_spark_says_of_workers_that_cannot_answer(said, remedy):
    """Another Python and a missing package are told apart by Spark's own words, which are those of real runs."""
    assert not_asked(said).remedy.startswith(remedy)


def test_no_way_to_the_image_host(spark, image_server):
    """Private addresses, refused connections and timeouts are told apart; an answer of 404 is a way out all the same."""
    blocked = doctor(spark, PipelineConfig(base_url=image_server.base_url), write=False).named("worker egress")
    assert "--allow-private-addresses" in blocked.remedy
    refused = doctor(spark, PipelineConfig(download=LOCAL), write=False, probe_url="http://127.0.0.1:9/x").named("worker egress")
    assert (refused.verdict, "nor can this process" in refused.message) == (Verdict.FAILURE, True)
    with ImageServer(faults=[Fault(kind="hang_before_headers", path="/")]) as slow:
        quick = DownloadOptions(allow_private_addresses=True, total_timeout_s=0.5)
        late = doctor(spark, job(slow, download=quick), write=False).named("worker egress")
    assert "--timeout 30" in late.remedy
    missing = doctor(spark, job(image_server), write=False, probe_url=f"{image_server.base_url}/id/86/10/10")
    assert (missing.named("worker egress").verdict, missing.ok) == (Verdict.OK, True)
    assert "404" in missing.named("worker egress").message


def test_workers_without_network_are_told_from_a_driver_without(spark, image_server):
    """Where this process gets an answer and the workers do not, the line says so and names the network policy."""
    report = WorkerReport(
        host="w", python="3.11.1", executable="python3", packages={}, memory_bytes=1, endpoint=None,
        fetched=Fetched("dns", "dns (the host's name has no address)"),
    )  # fmt: skip
    url = f"{image_server.base_url}/seed/1/10/10"
    (found, driver) = _egress(Case(config=job(image_server), spark=spark), url, [report])
    assert (found.verdict, driver.verdict) == (Verdict.FAILURE, Verdict.OK)
    assert "this process can: ok" in found.message
    assert "network policy" in found.remedy


def test_the_endpoint_is_asked_from_the_workers_too(spark, image_server, monkeypatch):
    """A key that is here and not where the workers run is found out."""
    monkeypatch.setenv("ONLY_THE_DRIVER_HAS_IT", "right")
    with ModelServer(api_key="right") as server:
        backend = ChatCompletions(server.base_url, "test-vision", api_key=Secret.env("ONLY_THE_DRIVER_HAS_IT"))
        diagnosis = doctor(spark, job(image_server, backend=backend), write=False)
    assert diagnosis.named("endpoint").verdict is Verdict.OK
    found = diagnosis.named("worker endpoint")
    assert found.verdict is Verdict.FAILURE
    assert "export ONLY_THE_DRIVER_HAS_IT=... where the workers run" in found.remedy


def test_a_window_that_the_memory_cannot_hold(spark, image_server):
    """A window larger than the machine is a failure with one that fits."""
    huge = DownloadOptions(allow_private_addresses=True, window_bytes_per_task=1 << 42)
    found = doctor(spark, job(image_server, download=huge), write=False).named("memory")
    assert found.verdict is Verdict.FAILURE
    assert "window_bytes_per_task = " in found.remedy or "fewer tasks" in found.remedy


def test_read_batches_for_narrow_rows(spark, image_server):
    """Spark's own batch sizes are a warning with the SQL that makes them smaller."""
    session = spark.newSession()
    session.conf.set("spark.sql.parquet.columnarReaderBatchSize", "4096")
    found = doctor(session, job(image_server), write=False).named("read batches")
    assert found.verdict is Verdict.WARNING
    assert "SET spark.sql.parquet.columnarReaderBatchSize = 32" in found.remedy
    session.sql(found.remedy.split("; ")[0])
    assert doctor(session, job(image_server), write=False).named("read batches").verdict is Verdict.OK


def test_an_unreadable_list_of_addresses(spark):
    """A list that cannot be read is a failure that names it."""
    diagnosis = doctor(spark, PipelineConfig(urls_from="nowhere.csv"), write=False)
    assert diagnosis.named("url source").verdict is Verdict.FAILURE
    assert diagnosis.named("worker egress").verdict is Verdict.SKIPPED
