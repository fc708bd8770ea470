"""What is done with this project, each in an environment of its own; CONTRIBUTING.md says when. `nox` alone: lint, types, tests.

Sessions that run the library build the wheel and install it: what is tested is what users get. They take their versions
from requirements.lock, except `matrix` and `lowest`, whose point is other versions.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
PROJECT = nox.project.load_toml(HERE / "pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
# For each Spark, the newest Python that it runs on.
NEWEST_PYTHON = {"3.5": "3.12", "4.0": "3.13", "4.1": "3.13"}
# What a machine may have set for other work with Spark, and what a test must find as on a machine without it.
CLEAN = dict.fromkeys(["PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "PYSPARK_SUBMIT_ARGS", "PYTHONPATH", "SPARK_CONF_DIR"])
CLEAN |= dict.fromkeys(["SPARK_HOME", "SPARK_REMOTE"])
# Where versions were not tried out together, one warns of the other; only with the lock's versions is that an error.
WARN_ONLY = ["-W", "default"]
# Tests wait more than they compute, so there are more processes than cores; who does what: tests/conftest.py. `-n 0` behind `--`
# is one process again. A process that dies fails its test and ends the run: xdist would give that test to the next, for ever.
SPREAD = ["-n", "4", "--dist", "loadgroup", "--no-loadscope-reorder", "--max-worker-restart", "0"]
RUN = {**CLEAN, "TZ": "UTC", "SPARK_LOCAL_IP": "127.0.0.1", "PICSUM_VISION_WHEEL": "1"}

# pyenv answers `python3.10` only where that version is switched on: look into its folders too, after everything else.
_PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *sorted(map(str, _PYENV.glob("versions/*/bin")), reverse=True)])


@nox.session
def lint(session: nox.Session) -> None:
    """Rules, format and the arrows between the packages."""
    session.install("-c", str(LOCK), *_group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": "src"})


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly."""
    _install(session, "bench,cli,local,photos", _group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on the wheel. Some need the system's Tesseract or Chromium, and are skipped without."""
    _install(session, "bench,demo,faces,ocr", _group("test"))
    session.run("pytest", *SPREAD, *session.posargs, env=RUN)


@nox.session
def soak(session: nox.Session) -> None:
    """Run what takes too long for every day."""
    _install(session, "bench,demo", _group("test"))
    no_test_is_marked_so = 5
    session.run("pytest", "-m", "soak", "--timeout", "0", *session.posargs, env=RUN, success_codes=[0, no_test_is_marked_so])
    if not session.posargs:
        session.run("pytest", "tests/transport", "--timeout", "0", env={**RUN, "PICSUM_VISION_THOROUGH": "1"})


@nox.session(python=PYTHONS)
@nox.parametrize("spark", list(NEWEST_PYTHON))
def matrix(session: nox.Session, spark: str) -> None:
    """Run the tests on each Spark with each Python that is here, in the newest versions that go with them."""
    if _parts(str(session.python)) > _parts(NEWEST_PYTHON[spark]):
        session.skip(f"Spark {spark} runs on Python up to {NEWEST_PYTHON[spark]}")
    # Python 3.12 has no distutils any more; Spark 3.5 finds it in setuptools.
    session.install(_wheel(session, "bench,cli,photos"), f"pyspark[connect]=={spark}.*", "setuptools", *_group("test"))
    session.run("pytest", *WARN_ONLY, *SPREAD, *session.posargs, env=RUN)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests on the lowest versions that the wheel declares: the oldest Python, Spark 3.5."""
    session.install("-c", str(LOCK), "uv")
    uv = ["uv", "pip", "install", "--quiet"]
    extras = [f"--extra={name}" for name in ("bench", "cli", "mlflow", "photos", "spark")]
    session.run(*uv, "--resolution", "lowest-direct", "-r", "pyproject.toml", *extras)
    held = Path(session.create_tmp()) / "lowest.txt"
    held.write_text(str(session.run("python", "-m", "pip", "freeze", "--exclude", "uv", silent=True)))
    session.run(*uv, "-c", str(held), *_group("test-tools"))
    session.run(*uv, "--no-deps", _wheel(session))
    session.run("uv", "pip", "list")
    session.run("pytest", *WARN_ONLY, *SPREAD, *session.posargs, env=RUN)


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demo from the wheel."""
    _install(session, "demo")
    session.run("picsum-vision", "demo", *session.posargs, env=CLEAN)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against baselines and peers; `nox -s bench` alone lists the cases."""
    _install(session, "demo,mlflow", ("uv", *_group("bench")))
    session.run("python", "-m", "benchmarks", *session.posargs, env=CLEAN)


@nox.session
def guard(session: nox.Session) -> None:
    """Count operations and compare them with their bounds; `nox -s guard -- --renew` sets new ones."""
    _install(session, "demo", _group("bench"))
    session.run("python", "-m", "benchmarks.guard", *session.posargs, env=CLEAN)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a link that leads nowhere is an error."""
    session.install("-c", str(LOCK), *_group("docs"))
    session.run("python", "-m", "tools.site")


@nox.session
def notebooks(session: nox.Session) -> None:
    """Write the Jupyter form of the notebooks anew from their Databricks sources."""
    session.install("-c", str(LOCK), "nbformat")
    session.run("python", "-m", "tools.notebooks")


@nox.session
def lock(session: nox.Session) -> None:
    """Write requirements.lock anew; `nox -s lock -- --upgrade` takes newer versions."""
    session.install("uv")
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--all-extras", "--group", "dev"]
    command += ["--python-version", PYTHONS[0], "--custom-compile-command", "nox -s lock", "-o", LOCK.name, "pyproject.toml"]
    session.run(*command, *session.posargs, env={"UV_PYTHON_DOWNLOADS": "never"}, silent=True)
    if "://" in LOCK.read_text():
        session.error("requirements.lock names a host: packages are to come from wherever the reader's pip looks")


def _group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, name)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _install(session: nox.Session, extras: str, packages: tuple[str, ...] = ()) -> None:
    """Install the wheel and other packages in the versions of the lock file, whose hashes pip checks."""
    session.install("-c", str(LOCK), _wheel(session, extras), *packages)


def _wheel(session: nox.Session, extras: str = "") -> str:
    """Build the wheel; return it as a requirement with its hash, without which pip takes nothing beside a lock with hashes."""
    folder = Path(session.create_tmp()) / "wheel"
    for old in folder.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(HERE))
    (wheel,) = folder.glob("*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"picsum-vision{f'[{extras}]' if extras else ''} @ {wheel.resolve().as_uri()}#sha256={digest}"
