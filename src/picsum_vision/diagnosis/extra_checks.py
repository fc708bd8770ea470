"""What is not needed by every job: the extras, and the system's packages behind them."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator
from typing import Final

from picsum_vision.describing.backends import OCR_LANGUAGES, PixelDescriber, PyFunc
from picsum_vision.describing.model_registry import settled
from picsum_vision.describing.pixel_extras import extras_needed, face_module, text_module
from picsum_vision.diagnosis.case import Case, Check
from picsum_vision.diagnosis.finding import Finding, failed_with, ok, skipped, warning
from picsum_vision.errors import PicsumVisionError

_OLDEST_MLFLOW_ON_CONNECT: Final = (2, 20)


def check_faces(case: Case) -> Iterator[Finding]:
    """Look for OpenCV and its cascade."""
    try:
        yield ok("opencv", f"OpenCV {face_module().__version__} counts faces")
    except PicsumVisionError as problem:
        yield _missing("opencv", problem, is_needed=_needs(case, "faces"))


def check_tesseract(case: Case) -> Iterator[Finding]:
    """Look for pytesseract, the program and the language's data."""
    language = case.config.task.language.partition("-")[0].lower()
    try:
        text_module(language if language in OCR_LANGUAGES else "it")
        yield ok("tesseract", f"the program and its data for {language!r} are here")
    except PicsumVisionError as problem:
        yield _missing("tesseract", problem, is_needed=_needs(case, "ocr"))


def check_report(_: Case) -> Iterator[Finding]:
    """Look for what the page with the gallery is made with."""
    if importlib.util.find_spec("jinja2") is None:
        yield warning("report", "jinja2 is not installed: no page, no gallery", "pip install 'picsum-vision[report]'")
    else:
        yield ok("report", "the page with figures and gallery can be written")


def check_mlflow(case: Case) -> Iterator[Finding]:
    """Look for MLflow, and for the job's model in its registry."""
    backend, found = case.config.backend, importlib.util.find_spec("mlflow") is not None
    if not isinstance(backend, PyFunc):
        remedy = "" if found else ": pip install 'picsum-vision[mlflow]'"
        yield skipped("mlflow", f"not needed by this job{remedy}; {'installed' if found else 'not installed'}")
        return
    try:
        settled(backend)
    except PicsumVisionError as problem:
        found_with = failed_with("mlflow", problem)
        remedy = found_with.remedy or "--model with one that MLflow has; MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI say where"
        yield dataclasses.replace(found_with, remedy=remedy)
        return
    import mlflow  # noqa: PLC0415 - an extra

    version = tuple(int(part) for part in mlflow.__version__.split(".")[:2])
    if case.spark is not None and ".connect." in type(case.spark).__module__ and version < _OLDEST_MLFLOW_ON_CONNECT:
        yield warning("mlflow", f"MLflow {mlflow.__version__} does not work on Spark Connect", "pip install 'mlflow>=2.20'")
    else:
        yield ok("mlflow", f"MLflow {mlflow.__version__} has {backend.model_uri}")


def _needs(case: Case, extra: str) -> bool:
    backend = case.config.backend
    return isinstance(backend, PixelDescriber) and extra in extras_needed(backend, case.config.task)


def _missing(name: str, problem: PicsumVisionError, *, is_needed: bool) -> Finding:
    return failed_with(name, problem) if is_needed else skipped(name, f"not needed by this job; {problem}")


EXTRA_CHECKS: Final[dict[str, Check]] = {
    "report": check_report,
    "opencv": check_faces,
    "tesseract": check_tesseract,
    "mlflow": check_mlflow,
}
