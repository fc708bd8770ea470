"""The Databricks bundle, as far as it can be judged without a workspace."""

from __future__ import annotations

import copy
import dataclasses
import enum
import json
import os
import re
import shutil
import subprocess
import typing
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

import picsum_vision as pv
from picsum_vision.cli.commands import app
from picsum_vision.setup_script import VOLUME, VOLUME_PRIVILEGES, setup_script
from picsum_vision.table_names import SCHEMA_PRIVILEGES

FOLDER = Path(__file__).parents[2] / "examples" / "databricks"
BUNDLE = yaml.safe_load((FOLDER / "databricks.yml").read_text(encoding="utf-8"))
TARGETS = tuple(BUNDLE["targets"])
SCHEMA_FILE = "PICSUM_VISION_BUNDLE_SCHEMA"
KEY_OF = {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key"}


def merged(base: Any, over: Any, name: str = "") -> Any:
    """Return what a target makes of the bundle: maps are merged, tasks and clusters by their keys, the rest is replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        both = base.keys() & over.keys()
        return {**base, **over, **{key: merged(base[key], over[key], key) for key in both}}
    if name in KEY_OF:
        items = {item[KEY_OF[name]]: item for item in base}
        for item in over:
            items[item[KEY_OF[name]]] = merged(items.get(item[KEY_OF[name]], {}), item)
        return list(items.values())
    return over


def resources_of(target: str) -> dict[str, Any]:
    return merged(copy.deepcopy(BUNDLE["resources"]), BUNDLE["targets"][target]["resources"])


def without_references(value: Any) -> Any:
    """Return a value with the defaults in the place of `${var...}` and the names in that of `${resources...}`."""
    if isinstance(value, dict):
        return {key: without_references(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_references(each) for each in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\$\{([A-Za-z_.]+)\}", lambda found: str(_looked_up(found[1].split("."))), value)


def _looked_up(path: list[str]) -> Any:
    if path[0] == "var":
        return without_references(BUNDLE["variables"][path[1]].get("default", f"the {path[1]} of whoever deploys"))
    if path == ["workspace", "current_user", "userName"]:
        return "me@example.com"
    found: Any = BUNDLE
    for name in path:
        found = found[name]
    return without_references(found)


def check_fields(value: Any, kind: Any, where: str) -> None:
    """Fail for a field that the SDK's model does not have, a word that its list does not have, or a value of another type."""
    arguments = [each for each in typing.get_args(kind) if each is not type(None)]
    if typing.get_origin(kind) is list:
        assert isinstance(value, list), f"{where}: {value!r} is no list"
        for place, each in enumerate(value):
            check_fields(each, arguments[0], f"{where}[{place}]")
    elif typing.get_origin(kind) is dict:
        assert isinstance(value, dict), f"{where}: {value!r} is no map"
    elif arguments:
        check_fields(value, arguments[0], where)
    elif dataclasses.is_dataclass(kind):
        assert isinstance(value, dict), f"{where}: {value!r} is no map"
        kinds = typing.get_type_hints(kind)
        for name, each in value.items():
            assert name in kinds, f"{where}: {kind.__name__} has no field {name!r}"
            check_fields(each, kinds[name], f"{where}.{name}")
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        assert value in {member.value for member in kind}, f"{where}: {value!r} is no {kind.__name__}"
    else:
        assert isinstance(value, kind), f"{where}: {value!r} is no {kind.__name__}"


@pytest.mark.parametrize("target", TARGETS)
def test_every_field_is_one_of_the_sdks_models(target):
    """Jobs, schema, volume and grants have no field, word or type that the Python SDK does not know."""
    pytest.importorskip("databricks.sdk")
    from databricks.sdk.service import catalog, jobs

    resources = without_references(resources_of(target))
    for name, job in resources["jobs"].items():
        check_fields(job, jobs.JobSettings, name)
    grants = []
    for kind, model in (("schemas", catalog.SchemaInfo), ("volumes", catalog.VolumeInfo)):
        for name, resource in resources[kind].items():
            grants += resource.pop("grants", [])
            check_fields(resource, model, name)
    assert grants
    check_fields(grants, list[catalog.PrivilegeAssignment], "grants")


@pytest.mark.parametrize(
    "wrong",
    [
        {"tasks": [{"task_key": "a", "notebok_task": {}}]},
        {"schedule": {"pause_status": "ASLEEP"}},
        {"max_concurrent_runs": "1"},
        {"tasks": {"task_key": "a"}},
    ],
)
def test_an_unknown_field_would_be_found(wrong):
    """The check above does find what is wrong."""
    jobs = pytest.importorskip("databricks.sdk.service.jobs")
    with pytest.raises(AssertionError, match=r"has no field|is no"):
        check_fields(wrong, jobs.JobSettings, "job")


def test_the_bundle_is_what_the_cli_takes():
    """The bundle is valid by the JSON schema of the Databricks CLI that is installed here, or that a file holds."""
    jsonschema = pytest.importorskip("jsonschema")
    # Python's patterns have no such classes.
    text = _schema().replace(r"[\\p{L}\\p{N}]", "[a-zA-Z0-9]").replace(r"\\p{L}", "[a-zA-Z]")
    schema = json.loads(text)
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.validate(BUNDLE)
    wrong = copy.deepcopy(BUNDLE)
    wrong["resources"]["jobs"]["daily"]["shedule"] = {}
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(wrong)


def _schema() -> str:
    if SCHEMA_FILE in os.environ:
        return Path(os.environ[SCHEMA_FILE]).read_text(encoding="utf-8")
    command = shutil.which("databricks")
    if command is None:
        pytest.skip(f"no Databricks CLI here, whose licence keeps its schema out of this project; {SCHEMA_FILE} may name a file")
    return subprocess.run([command, "bundle", "schema"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("target", TARGETS)
def test_every_task_has_where_it_runs(target):
    """Each task names an environment or a cluster that its job has, with the wheel in it; notebooks and the project are there."""
    for job in resources_of(target)["jobs"].values():
        environments = {each["environment_key"]: each["spec"]["dependencies"] for each in job.get("environments", [])}
        clusters = {each["job_cluster_key"] for each in job.get("job_clusters", [])}
        for task in job["tasks"]:
            if target == "serverless":
                wheels = environments[task["environment_key"]]
            else:
                assert task["job_cluster_key"] in clusters
                wheels = [library["whl"] for library in task["libraries"] if "whl" in library]
            assert any(wheel.startswith("../../dist/*.whl") for wheel in wheels)
            if "notebook_task" in task:
                _check_notebook(FOLDER / task["notebook_task"]["notebook_path"])
    assert (FOLDER / BUNDLE["artifacts"]["picsum_vision"]["path"] / "pyproject.toml").is_file()


def _check_notebook(notebook: Path) -> None:
    assert notebook.read_text(encoding="utf-8").startswith("# Databricks notebook source\n")
    assert notebook.resolve().parent in [(FOLDER / path).resolve() for path in BUNDLE["sync"]["paths"]]


def test_the_classic_cluster_gets_what_the_extra_brings():
    """The packages beside the wheel are those of the extra `cli`, which a cluster's wheel comes without."""
    (task,) = [task for task in resources_of("classic")["jobs"]["daily"]["tasks"] if task["task_key"] == "run"]
    listed = {library["pypi"]["package"] for library in task["libraries"] if "pypi" in library}
    required = [line for line in metadata.requires("picsum-vision") or [] if re.search(r"extra == ['\"]cli['\"]", line)]
    assert listed == {re.split(r"[;\s]", line)[0] for line in required if "python_version" not in line}


@pytest.mark.parametrize("target", TARGETS)
def test_wheel_tasks_are_commands_that_exist(target):
    """A wheel task's entry point is the distribution's, and its parameters are a command with flags that the command takes."""
    import typer

    points = {point.name for point in metadata.distribution("picsum_vision").entry_points}
    (wheel,) = [
        task["python_wheel_task"]
        for job in without_references(resources_of(target))["jobs"].values()
        for task in job["tasks"]
        if "python_wheel_task" in task
    ]
    assert wheel["entry_point"] in points
    name, *flags = wheel["parameters"]
    context = typer.main.get_command(app).commands[name].make_context(name, flags)
    assert (context.params["backend"], context.params["images"]) == ("ai-query", 1000)


def test_grants_are_those_of_setup_sql():
    """Bundle and `picsum-vision setup-sql` grant the same to who runs the job, and make the same volume."""
    resources = without_references(BUNDLE["resources"])
    runs, _ = resources["schemas"]["pictures"]["grants"]
    volume = resources["volumes"]["exports"]
    (files,) = volume["grants"]
    assert runs["principal"] == files["principal"] == "me@example.com"
    assert ", ".join(runs["privileges"]).replace("_", " ") == SCHEMA_PRIVILEGES
    assert ", ".join(files["privileges"]).replace("_", " ") == VOLUME_PRIVILEGES
    script = setup_script(pv.Tables(), grant_to=runs["principal"])
    assert [line for line in script.splitlines() if line.startswith("GRANT")] == [
        "GRANT USE CATALOG ON CATALOG `platform_catalog` TO `me@example.com`;",
        "GRANT USE SCHEMA, SELECT, MODIFY, CREATE TABLE ON SCHEMA `platform_catalog`.`marketplace` TO `me@example.com`;",
        f"GRANT READ VOLUME, WRITE VOLUME ON VOLUME `platform_catalog`.`marketplace`.`{VOLUME}` TO `me@example.com`;",
    ]
    assert (volume["catalog_name"], volume["schema_name"], volume["name"]) == ("platform_catalog", "marketplace", VOLUME)
    assert f"CREATE VOLUME IF NOT EXISTS `platform_catalog`.`marketplace`.`{VOLUME}`;" in script


def test_nobody_has_rights_who_was_not_named():
    """No default of the bundle is a group of everybody, who reads only reads, and nobody may do what the job never does."""
    resources = without_references(BUNDLE["resources"])
    _, reads = resources["schemas"]["pictures"]["grants"]
    assert "default" not in BUNDLE["variables"]["read_by"]
    assert reads["privileges"] == ["USE_SCHEMA", "SELECT"]
    told = (FOLDER / "databricks.yml").read_text(encoding="utf-8").lower()
    assert [word for word in ("account users", "all_privileges", "users]") if word in told] == []


def test_an_entry_point_that_ends_well_raises_nothing(monkeypatch, capsys):
    """Databricks takes any SystemExit of a wheel task for a failure: a command that ends well returns."""
    (point,) = [each for each in metadata.distribution("picsum_vision").entry_points if each.name == "picsum-vision"]
    monkeypatch.setattr("sys.argv", ["picsum_vision", "setup-sql", "--catalog", "c"])
    assert point.load()() is None
    assert "CREATE CATALOG" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["picsum_vision", "setup-sql", "--catalogue", "c"])
    with pytest.raises(SystemExit) as ended:
        point.load()()
    assert ended.value.code == 2


@pytest.mark.spark
def test_the_notebook_shows_what_the_tables_hold(spark, image_server, tmp_path, monkeypatch, capsys):
    """look.py runs as it stands: statuses, descriptions, and a page of the gallery in the folder that it is given."""
    tables = pv.Tables(schema="bundle_look")
    local = pv.DownloadOptions(allow_private_addresses=True)
    pv.run_pipeline(spark, pv.PipelineConfig(
        images=5, start=84, width=32, height=24, tables=tables, base_url=image_server.base_url, download=local, partitions=1,
    ))  # fmt: skip
    for name, value in (("SCHEMA", "bundle_look"), ("FOLDER", str(tmp_path))):
        monkeypatch.setenv(f"PICSUM_VISION_{name}", value)
    exec(compile((FOLDER / "look.py").read_text(encoding="utf-8"), "look.py", "exec"), {"spark": spark})  # noqa: S102 - our own
    said = capsys.readouterr().out
    assert "http_error" in said
    assert "Immagine" in said
    assert (tmp_path / "gallery.html").stat().st_size > 10_000
