"""What PixelDescriber can do beyond measuring, and what is missing for it on this machine, each with its remedy."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Mapping
from typing import Any, Final

from picsum_vision.describing.backends import OCR_LANGUAGES, PixelDescriber
from picsum_vision.describing.tasks import ReadText, Task
from picsum_vision.errors import EnvironmentProblem, MissingExtraError, PicsumVisionError

_EXTRAS: Final[Mapping[str, tuple[str, str]]] = {
    "faces": ("cv2", "opencv-python-headless"),
    "ocr": ("pytesseract", "pytesseract"),
}
_CASCADE: Final = "haarcascade_frontalface_default.xml"


def extras_needed(backend: PixelDescriber, task: Task) -> tuple[str, ...]:
    """Return the extras of this library that the backend needs for the task."""
    return (*(("faces",) if backend.faces else ()), *(("ocr",) if isinstance(task, ReadText) else ()))


def missing_for(backend: object, task: Task) -> PicsumVisionError | None:
    """Return what this machine lacks for the backend and task, as an error whose one line has the remedy; None: nothing."""
    if not isinstance(backend, PixelDescriber):
        return None
    try:
        for extra in extras_needed(backend, task):
            if extra == "faces":
                face_module()
            else:
                text_module(task.language)
    except PicsumVisionError as problem:
        return problem
    return None


def face_module() -> Any:
    """Return OpenCV with its cascade, on one thread; raises MissingExtraError or EnvironmentProblem."""
    cv2 = _module("faces")
    if not hasattr(cv2, "CascadeClassifier") or not os.path.exists(cascade_path(cv2)):  # noqa: PTH110 - OpenCV gives text
        raise EnvironmentProblem(
            f"faces: OpenCV {cv2.__version__} has no cascade of faces: pip install 'opencv-python-headless>=4.6,<5'"
        )
    cv2.setNumThreads(1)  # a Spark task has one core
    return cv2


def cascade_path(cv2: Any) -> str:
    """Return where OpenCV keeps its cascade of frontal faces."""
    return os.path.join(getattr(getattr(cv2, "data", None), "haarcascades", ""), _CASCADE)  # noqa: PTH118 - the same


def text_module(language: str) -> Any:
    """Return pytesseract, on one thread; raises MissingExtraError, or EnvironmentProblem if program or language are missing."""
    pytesseract = _module("ocr")
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # a Spark task has one core
    pack = OCR_LANGUAGES[language.partition("-")[0].lower()]
    if pack not in _tesseract_languages(pytesseract.pytesseract.tesseract_cmd):
        raise EnvironmentProblem(
            f"ocr: Tesseract has no {pack} language data: install the system package tesseract-ocr-{pack} on every worker"
        )
    return pytesseract


@functools.cache
def _tesseract_languages(command: str) -> frozenset[str]:
    """Ask the program once; what is missing is not remembered, for it may be installed meanwhile."""
    pytesseract = _module("ocr")
    try:
        return frozenset(pytesseract.get_languages())
    except (pytesseract.TesseractNotFoundError, OSError) as error:
        raise EnvironmentProblem(
            f"ocr: the program {command} is not installed: install the system package tesseract-ocr (and tesseract-ocr-ita for "
            "Italian) on every worker"
        ) from error


def _module(extra: str) -> Any:
    name, package = _EXTRAS[extra]
    try:
        return importlib.import_module(name)
    except ImportError as error:  # also a library of the system that OpenCV wants and does not find
        raise MissingExtraError(package, extra) from error
