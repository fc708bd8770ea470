"""What is checked and decided before any Spark is started."""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.errors import EnvironmentProblem, PicsumVisionError, SettingError
from picsum_vision.spark.jars import COORDINATES, SparkInstallation, check_installation, jar_settings, table_jar
from picsum_vision.spark.session import local_session
from picsum_vision.spark.session_memory import driver_memory_setting, machine_memory_bytes
from picsum_vision.spark.session_settings import TableCatalog, session_settings
from picsum_vision.spark.session_warehouse import warehouse_location

ICEBERG = TableCatalog(table_format="iceberg", name="platform_catalog", location="/data")
EMPTY = Path("/nonexistent")


def closed_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_import_needs_no_spark() -> None:
    """Importing the session's module imports neither pyspark nor py4j."""
    code = "import sys, picsum_vision.spark.session; print(sorted({'pyspark', 'py4j'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_user_packages_are_kept() -> None:
    """The format's jar is added to the packages that the user names, and not in place of them."""
    spark = SparkInstallation("4.1.4", EMPTY)
    settings = jar_settings(spark, "delta", {"spark.jars.packages": "a:b:1, c:d:2"})
    assert settings["spark.jars.packages"] == f"a:b:1,c:d:2,{COORDINATES['4.1']['delta']}"
    assert Path(settings["spark.jars.ivySettings"]).is_file()


@pytest.mark.parametrize("key", ["spark.jars.packages", "spark.jars"])
def test_own_jar_wins(key: str) -> None:
    """A jar of the format that the user names is the only one of its kind."""
    settings = jar_settings(
        SparkInstallation("4.1.4", EMPTY), "iceberg", {key: "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:9.9"}
    )
    assert "1.12.0" not in settings.get("spark.jars.packages", "")


@pytest.mark.parametrize("key", ["spark.jars.ivySettings", "spark.jars.repositories"])
def test_own_repository_wins(key: str) -> None:
    """A user who names a repository or a resolver file is not sent to Maven Central by ours."""
    assert "spark.jars.ivySettings" not in jar_settings(SparkInstallation("4.1.4", EMPTY), "iceberg", {key: "x"})


@pytest.mark.parametrize("version", ["3.4.1", "4.2.0", "4.10.0", "5.0.0.dev1"])
def test_unknown_spark_names_the_known_ones(version: str) -> None:
    """A Spark without a known jar is refused with the versions that work."""
    with pytest.raises(EnvironmentProblem, match=rf"pyspark {re.escape(version)}.*3\.5, 4\.0, 4\.1"):
        table_jar(SparkInstallation(version, EMPTY), "iceberg")


def test_other_spark_home_is_refused(tmp_path: Path) -> None:
    """A SPARK_HOME of another version than pyspark's is named instead of left to fail in the middle."""
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark-core_2.12-3.5.6.jar").touch()
    with pytest.raises(EnvironmentProblem, match=r"is Spark 3\.5, but the installed pyspark is 4\.1\.4: unset SPARK_HOME"):
        check_installation(SparkInstallation("4.1.4", tmp_path), str(tmp_path))


@given(st.integers(512, 1 << 20))
def test_memory_asked_for_is_memory_given(mib: int) -> None:
    """Every size from 512 MB on is passed to Spark as it is, with or without the unit's b, in either case."""
    assert driver_memory_setting(f"{mib}m") == driver_memory_setting(f" {mib}MB ") == f"{mib}m"


@pytest.mark.parametrize("asked", ["", "4", "lots", "100m", "0g", "-1g", "1.5g", "4 g", 4])
def test_bad_memory_is_named(asked: object) -> None:
    """A size that Spark would not take is refused with the setting's name and its value."""
    with pytest.raises(SettingError, match=f"^driver_memory: {re.escape(repr(asked))} is not allowed"):
        driver_memory_setting(asked)


def test_default_memory_is_a_share_of_the_machine() -> None:
    """Without a wish, the JVM gets a quarter of the machine, but 1 GB at least and 8 GB at most."""
    mib = int(driver_memory_setting(None).removesuffix("m"))
    assert mib == min(max(machine_memory_bytes() // 4 >> 20, 1024), 8192)


def test_user_settings_win_and_lists_are_joined() -> None:
    """extra_conf replaces our value, but extensions and Java options are added to ours."""
    asked = {
        "spark.master": "local[*]",
        "spark.sql.session.timeZone": "Europe/Rome",
        "spark.sql.extensions": "a.B",
        "spark.driver.extraJavaOptions": "-Dx=1",
    }
    settings = session_settings(ICEBERG, app_name="x", asked=asked)
    assert settings["spark.sql.session.timeZone"] == "Europe/Rome"
    assert settings["spark.sql.extensions"] == f"{ICEBERG.extension},a.B"
    assert settings["spark.driver.extraJavaOptions"].endswith(" -Dx=1")


@pytest.mark.parametrize(
    ("master", "loopback"),
    [("local[*]", True), ("local", True), ("spark://127.0.0.1:7077", True), ("spark://10.0.0.7:7077", False), ("yarn", False)],
)
def test_driver_listens_on_loopback_only_where_that_is_enough(master: str, *, loopback: bool) -> None:
    """The driver binds to 127.0.0.1 where every executor is on this machine, and only there."""
    assert ("spark.driver.bindAddress" in session_settings(ICEBERG, app_name="x", asked={"spark.master": master})) is loopback


@pytest.mark.parametrize("name", ["", "a.b", "a b", "spark_catalog", "SYSTEM", "`a`", "-a", None])
def test_bad_catalog_name(name: object) -> None:
    """A catalog name that Spark would read otherwise is refused."""
    with pytest.raises(SettingError, match=r"^catalog: .* is not allowed"):
        TableCatalog(table_format="iceberg", name=name, location="/data")  # type: ignore[arg-type]


def test_warehouse_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder, a home folder and a file address all become one absolute path, and nothing is created."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = str(tmp_path / "di lì" / "x")
    assert {warehouse_location(place) for place in ("di lì/x", "./di lì/y/../x", "~/di lì/x")} == {wanted}
    assert warehouse_location(Path(wanted).as_uri()) == wanted
    assert not list(tmp_path.iterdir())


def test_warehouse_elsewhere_stays_as_it_is() -> None:
    """An address of a store that Hadoop knows is not taken for a folder."""
    assert warehouse_location("s3a://bucket/tables") == "s3a://bucket/tables"


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_warehouse_that_is_a_file(tmp_path: Path, below: str) -> None:
    """A file, or a place below one, is refused under the name that the caller's user knows."""
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SettingError, match=r"^output: '.*notes\.txt.* is not a folder"):
        local_session(f"{tmp_path}/notes.txt{below}", setting_name="output")


def _say_refusals(folder: str, answers: multiprocessing.SimpleQueue[str]) -> None:
    if os.geteuid() == 0:
        os.setuid(65534)
    answers.put(warehouse_location(folder, read_only=True))
    try:
        answers.put(warehouse_location(folder))
    except SettingError as error:
        answers.put(str(error))


def test_warehouse_that_cannot_be_written_to(tmp_path: Path) -> None:
    """A folder that this user may not write to is refused before anything is started, but not to who only reads."""
    tmp_path.chmod(0o555)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_say_refusals, args=(f"{tmp_path}/tables", answers))
    child.start()
    child.join()
    assert answers.get() == f"{tmp_path}/tables"
    assert re.match(r"warehouse: '.*' cannot be written to", answers.get())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"master": "lokal"}, r"master: 'lokal' is not allowed"),
        ({"master": "local[0]"}, r"master: 'local\[0\]' is not allowed"),
        ({"master": "local[2]", "remote": "local[2]"}, r"master: .* beside a remote"),
        ({"remote": "http://x"}, r"remote: 'http://x' is not allowed"),
        ({"remote": "sc:///;token=geheim"}, r"remote: 'sc:///' is not allowed"),
        ({"table_format": "parquet"}, r"table_format: 'parquet'"),
        ({"app_name": " "}, r"app_name: ' '"),
        ({"extra_conf": {"sql.x": "1"}}, r"extra_conf: 'sql.x'"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    """A wrong setting fails at once with its name and value."""
    with pytest.raises(SettingError, match=f"^{message}"):
        local_session(tmp_path, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_nobody_there(tmp_path: Path, scheme: str) -> None:
    """A cluster or server that does not answer is said in one line, without waiting for Spark's retries and without the token."""
    address = f"{scheme}://127.0.0.1:{closed_port()}"
    given: dict[str, Any] = {"master": address} if scheme == "spark" else {"remote": f"{address}/;token=geheim"}
    with pytest.raises(EnvironmentProblem, match=address.partition("//")[2]) as caught:
        local_session(tmp_path, **given)
    assert "geheim" not in str(caught.value)


def test_environment_names_a_remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPARK_REMOTE counts as the remote, and a master beside it is refused rather than left to Spark."""
    monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{closed_port()}")
    with pytest.raises(PicsumVisionError, match="no Spark Connect server answers"):
        local_session(tmp_path)
    with pytest.raises(SettingError, match="SPARK_REMOTE"):
        local_session(tmp_path, master="local[1]")
