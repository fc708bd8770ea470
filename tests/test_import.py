"""What `import picsum_vision` gives, and what it leaves alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from typing import Any

import pytest

import picsum_vision

HEAVY = (
    "pyspark",
    "mlflow",
    "aiohttp",
    "pandas",
    "pyarrow",
    "numpy",
    "PIL",
    "typer",
    "rich",
    "jinja2",
    "asyncio",
    "skimage",
    "sklearn",
)
OF_NOTEBOOKS = (
    *("generate_urls", "download", "download_udf", "describe", "download_and_describe", "register_ai_query", "run_pipeline"),
    "display_gallery",
    *("DownloadOptions", "DescribeOptions", "PipelineConfig", "Tables", "Secret", "PicsumVisionError"),
    *("AiQuery", "ChatCompletions", "PyFunc", "PixelDescriber"),
    *("Describe", "ListObjects", "Sentiment", "ReadText", "Classify", "Extract"),
)


def in_new_python(code: str) -> Any:
    """Run `code` in a Python that has imported nothing else yet, and return what it printed as JSON."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def requirements_of_core() -> set[str]:
    """Return the names of the packages that the installed distribution needs without any extra."""
    declared = metadata.requires("picsum-vision") or []
    return {re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0].lower() for line in declared if "extra ==" not in line}


def test_import_is_light() -> None:
    """Importing the package loads neither Spark nor MLflow nor an HTTP client, nor anything else that is heavy."""
    code = f"import picsum_vision, json, sys; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    assert in_new_python(code) == []


def test_the_command_line_starts_without_spark() -> None:
    """Where pyspark is not installed the commands are there all the same: `doctor` is to say what is missing."""
    code = """
import json, sys
class NoSpark:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pyspark", "py4j"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NoSpark())
from picsum_vision.cli import commands
print(json.dumps(sorted(name for name in sys.modules if name.startswith("pyspark"))))
"""
    assert in_new_python(code) == []


def test_every_public_name_is_there() -> None:
    """Each name of `__all__` can be had, is what it is called, and is listed by `dir`."""
    for name in picsum_vision.__all__:
        assert getattr(getattr(picsum_vision, name), "__name__", name) == name
    assert set(picsum_vision.__all__) <= set(dir(picsum_vision))
    assert picsum_vision.__version__ == metadata.version("picsum-vision")


@pytest.mark.parametrize("name", OF_NOTEBOOKS)
def test_names_that_notebooks_use(name: str) -> None:
    """The names that notebooks import are public."""
    assert name in picsum_vision.__all__


def test_public_functions_are_not_shadowed() -> None:
    """`download` and `describe` stay functions after every module of the package was imported."""
    code = """
import importlib, json, pkgutil, picsum_vision
for module in pkgutil.walk_packages(picsum_vision.__path__, "picsum_vision."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(json.dumps([callable(picsum_vision.download), callable(picsum_vision.describe)]))
"""
    assert in_new_python(code) == [True, True]


def test_unknown_name() -> None:
    """A name that is not there is an AttributeError that says it."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = picsum_vision.no_such_name


def test_core_needs_no_spark() -> None:
    """The wheel without extras needs what a Databricks cluster has, and no pyspark, which would replace the cluster's own."""
    assert requirements_of_core() == {"aiohttp", "numpy", "pandas", "pillow", "pyarrow", "pycurl", "yarl"}
