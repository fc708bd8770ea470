"""Real sessions, each in a process of its own: a JVM keeps its jars and memory for life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from clusters import standalone_cluster

pytestmark = pytest.mark.spark

PRELUDE = """
import json, os, sys
from picsum_vision.errors import EnvironmentProblem
from picsum_vision.spark.session import local_session

def photos(batches):
    import pyarrow as pa
    for batch in batches:
        yield pa.RecordBatch.from_pydict({"id": batch.column(0), "b": pa.array([os.urandom(44_000) for _ in range(len(batch))])})

def sizes(batches):
    import pyarrow as pa, pyarrow.compute as pc
    for batch in batches:
        yield pa.RecordBatch.from_pydict({"n": pa.array([pc.sum(pc.binary_length(batch.column(0))).as_py()])})

def workers(batches):
    import pyarrow as pa, time
    for batch in batches:
        time.sleep(1)  # long enough for the other worker to start as well
        yield pa.RecordBatch.from_pydict({"python": [sys.executable], "pid": [os.getpid()]})

def refusal(**arguments):
    try:
        local_session(**arguments)
    except EnvironmentProblem as error:
        return str(error)

folder, answer = sys.argv[1], {}
"""


def run_session(folder: Path, code: str, **environment: str) -> tuple[dict[str, Any], str]:
    """Run `code` in a new Python; return what it put into `answer`, and all that it and Spark printed."""
    script = folder / "job.py"
    script.write_text(PRELUDE + textwrap.dedent(code) + "\njson.dump(answer, open('answer.json', 'w'))\n")
    warehouse = folder / "i miei dati, perché no"
    run = subprocess.run(
        [sys.executable, str(script), str(warehouse)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=700,
        check=False,
    )
    printed = run.stdout + run.stderr
    assert run.returncode == 0, printed
    return json.loads((folder / "answer.json").read_text()), printed


WRITE_READ_MERGE = """
rows = spark.range(1000, numPartitions=2).mapInArrow(photos, "id long, b binary")
write(rows)
answer["bytes"] = spark.table(name).select("b").mapInArrow(sizes, "n long").groupBy().sum("n").first()[0]
spark.range(500, 1500).selectExpr("id", "cast('x' as binary) b").createOrReplaceTempView("new")
spark.sql(f"MERGE INTO {name} t USING new n ON t.id = n.id WHEN MATCHED THEN UPDATE SET b = n.b WHEN NOT MATCHED THEN INSERT *")
answer["rows"], answer["merged"] = spark.table(name).count(), spark.table(name).where("length(b) = 1").count()
answer["files"] = sorted(path for path in os.listdir() if path not in ("job.py", "answer.json"))
"""


def test_iceberg_tables_of_images(tmp_path: Path) -> None:
    """With 1 GB of JVM, 44 MB of images go into an Iceberg table and back through Python, MERGE works, all in silence."""
    code = f"""
    spark = local_session(folder, master="local[2]", driver_memory="1g")
    name = "platform_catalog.marketplace.images"
    spark.sql("CREATE NAMESPACE platform_catalog.marketplace")
    write = lambda rows: rows.writeTo(name).create()
    spark.range(3).write.saveAsTable("spark_catalog.default.plain")
    {textwrap.indent(WRITE_READ_MERGE, "    ").strip()}
    answer["folder"] = sorted(os.listdir(folder + "/marketplace/images"))
    answer["same"] = local_session(folder) is spark
    other = local_session(folder + " 2")
    other.sql("CREATE NAMESPACE platform_catalog.elsewhere")
    other.range(7).writeTo("platform_catalog.elsewhere.t").create()
    answer["other"] = [os.listdir(folder + " 2"), other.table("platform_catalog.elsewhere.t").count(), os.listdir(folder)]
    third = local_session(folder, catalog="second")
    answer["third"] = third.table("second.marketplace.images").count()
    wrong = ("driver_memory", "2g"), ("table_format", "delta"), ("master", "local[1]"), ("remote", "local[1]")
    answer["refused"] = [refusal(**{{name: value}}) for name, value in wrong]
    spark.stop()
    answer["again"] = local_session(folder, master="local[1]").table(name).count()
    """
    answer, printed = run_session(tmp_path, code, LC_ALL="C")
    assert printed == ""
    assert (answer["bytes"], answer["rows"], answer["merged"]) == (44_000_000, 1500, 1000)
    assert answer["folder"] == ["data", "metadata"]
    assert answer["files"] == ["i miei dati, perché no"]
    assert answer["other"] == [["elsewhere"], 7, ["marketplace"]]
    assert answer["third"] == answer["again"] == 1500
    memory, delta, master, remote = answer["refused"]
    assert memory.startswith("spark.driver.memory: '2g' is not possible")
    assert "without delta's extension" in delta
    assert "io.delta:" in delta
    assert master.startswith("spark.master: 'local[1]' is not possible")
    assert "cannot have both kinds" in remote


def test_delta_tables_of_images(tmp_path: Path) -> None:
    """With 1 GB of JVM, 44 MB of images go into a Delta table and back through Python, MERGE works, all in silence."""
    code = f"""
    spark = local_session(folder, master="local[2]", driver_memory="1g", table_format="delta")
    name = f"delta.`{{folder}}/images`"
    write = lambda rows: rows.write.format("delta").save(folder + "/images")
    {textwrap.indent(WRITE_READ_MERGE, "    ").strip()}
    answer["folder"] = os.listdir(folder)
    """
    answer, printed = run_session(tmp_path, code)
    assert printed == ""
    assert (answer["bytes"], answer["rows"], answer["merged"]) == (44_000_000, 1500, 1000)
    assert answer["folder"] == ["images"]
    assert answer["files"] == ["i miei dati, perché no"]


def test_foreign_session_without_jars(tmp_path: Path) -> None:
    """A Spark that runs without Iceberg is refused in one line that names the jar, also after it was stopped."""
    code = """
    from pyspark.sql import SparkSession
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    answer["running"] = refusal(warehouse=folder)
    spark.stop()
    answer["stopped"] = refusal(warehouse=folder)
    """
    answer, _ = run_session(tmp_path, code)
    for message in answer.values():
        assert "new Python process" in message
        assert "org.apache.iceberg:iceberg-spark-runtime-" in message
        assert "\n" not in message


def test_jars_out_of_reach(tmp_path: Path) -> None:
    """Jars that cannot be downloaded are named in one line with the remedy, and no trace of Java's is printed."""
    code = """
    closed = "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=9 -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=9"
    extra_conf = {"spark.jars.ivy": folder + "/ivy", "spark.driver.extraJavaOptions": closed}
    answer["unreachable"] = refusal(warehouse=folder, extra_conf=extra_conf)
    answer["no_folder"] = refusal(warehouse=folder, extra_conf={"spark.jars.ivy": "/proc/ivy"})
    """
    answer, printed = run_session(tmp_path, code)
    assert printed == ""
    assert answer["unreachable"].startswith("cannot get org.apache.iceberg:iceberg-spark-runtime-")
    assert "ConnectException" in answer["unreachable"]
    assert "spark.jars.ivySettings" in answer["unreachable"]
    assert "set spark.jars.ivy to a folder that can be written to" in answer["no_folder"]
    assert not any("\n" in message for message in answer.values())


@pytest.mark.soak
def test_later_start_needs_no_network(tmp_path: Path) -> None:
    """Once the jars are in the cache, a session starts with every way to Maven Central closed."""
    code = """
    local_session(folder, master="local[1]").stop()
    """
    run_session(tmp_path, code)
    closed = "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=9 -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=9"
    code = f"""
    spark = local_session(folder, master="local[1]", extra_conf={{"spark.driver.extraJavaOptions": "{closed}"}})
    answer["found"] = spark.catalog.tableExists("platform_catalog.a.b")
    """
    assert run_session(tmp_path, code)[0] == {"found": False}


JOB_ON_WORKERS = """
spark.sql("CREATE NAMESPACE platform_catalog.m")
found = spark.range(2, numPartitions=2).mapInArrow(workers, "python string, pid long").collect()
answer["pythons"], answer["pids"] = sorted({row.python for row in found}), len({row.pid for row in found})
spark.range(10).writeTo("platform_catalog.m.t").create()
answer["rows"], answer["folder"] = spark.table("platform_catalog.m.t").count(), os.listdir(folder)
"""


@pytest.mark.soak
def test_standalone_cluster(tmp_path: Path) -> None:
    """On a standalone cluster of two workers, two workers run this Python, and tables lie in the folder."""
    with standalone_cluster(workers=2, cores_each=1) as address:
        start = f'spark = local_session(folder, master="{address}", extra_conf={{"spark.executor.memory": "512m"}})'
        answer, _ = run_session(tmp_path, f"{start}\n{JOB_ON_WORKERS}")
    assert answer == {"pythons": [sys.executable], "pids": 2, "rows": 10, "folder": ["m"]}


@pytest.mark.usefixtures("connect_port")
@pytest.mark.soak
def test_local_spark_connect(tmp_path: Path) -> None:
    """The same work is done through Spark Connect, started here, with the same tables and nothing printed."""
    code = f"""
    spark = local_session(folder, remote="local[2]")
    {textwrap.indent(JOB_ON_WORKERS, "    ").strip()}
    answer["kind"] = type(spark).__module__
    answer["beside"] = refusal(warehouse=folder + " 2", remote="local[2]")
    answer["same"] = local_session(folder, remote="local[2]") is spark
    answer["both"] = refusal(warehouse=folder, master="local[2]")
    spark.range(3).write.saveAsTable("spark_catalog.default.plain")
    spark.stop()
    answer["files"] = sorted(path for path in os.listdir() if path not in ("job.py", "answer.json"))
    """
    answer, printed = run_session(tmp_path, code)
    assert printed == ""
    assert answer.pop("kind") == "pyspark.sql.connect.session"
    assert answer.pop("files") == ["i miei dati, perché no"]
    assert answer.pop("beside").startswith("catalog platform_catalog has another folder")
    assert answer.pop("same")
    assert "cannot have both kinds" in answer.pop("both")
    assert answer == {"pythons": [sys.executable], "pids": 2, "rows": 10, "folder": ["m"]}
