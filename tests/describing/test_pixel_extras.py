"""PixelDescriber with its extras: faces counted, text read, and plain words where something is missing."""

from __future__ import annotations

import functools
import importlib
import io
import shutil
import sys
from typing import Any

import numpy as np
import pytest
from asking import ask, outcome, picture, statuses
from PIL import Image, ImageDraw, ImageFont

from picsum_vision import Classify, Describe, DescribeOptions, PixelDescriber, ReadText, SettingError
from picsum_vision.describing import pixel_extras
from picsum_vision.describing.backends import check_backend
from picsum_vision.describing.pixel_extras import extras_needed, missing_for
from picsum_vision.errors import EnvironmentProblem, MissingExtraError

FACES = PixelDescriber(faces=True)
has_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="the system package tesseract-ocr is not installed: apt-get install tesseract-ocr"
)


def png(pixels: Any) -> bytes:
    """Encode an array or a picture."""
    stream = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(stream, "PNG")
    return stream.getvalue()


@functools.cache
def photograph(name: str) -> bytes:
    """Give one of scikit-image's pictures."""
    return png(getattr(pytest.importorskip("skimage.data"), name)())


def drawn(text: str) -> bytes:
    """Draw black letters on white."""
    image = Image.new("RGB", (900, 60 + 60 * text.count("\n") + 60), "white")
    ImageDraw.Draw(image).text((30, 20), text, fill="black", font=ImageFont.load_default(40))
    return png(image)


def words(text: str) -> str:
    """Return the text in small letters with single spaces."""
    return " ".join(text.lower().split())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("astronaut", "Si riconosce un volto di fronte."),
        ("coffee", "Non si riconosce nessun volto di fronte."),
        ("chelsea", "Non si riconosce nessun volto di fronte."),
        ("coins", "Non si riconosce nessun volto di fronte."),
    ],
)
def test_faces_are_counted(name: str, sentence: str) -> None:
    """A photograph of a person has one face, those of a cup, a cat and coins have none."""
    pytest.importorskip("cv2")
    (job,) = ask(FACES, [photograph(name)])
    assert job.answer.endswith(sentence)
    assert job.answer.startswith("Immagine ")


def test_several_faces_and_other_orientations() -> None:
    """Two people side by side are two faces, also where only the EXIF says which way up they are; English says so as well."""
    pytest.importorskip("cv2")
    one = np.asarray(Image.open(io.BytesIO(photograph("astronaut"))))
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(np.rot90(np.hstack([one, one]))).save(stream, "JPEG", exif=exif, quality=95)
    (job,) = ask(FACES, [stream.getvalue()], Describe(language="en"))
    assert job.answer.endswith("2 frontal faces were found.")


def test_many_pictures_at_once_give_the_same_as_one() -> None:
    """Faces are counted in several threads at once without one disturbing the other, each OpenCV on one thread."""
    cv2 = pytest.importorskip("cv2")
    jobs = ask(FACES, [photograph(name) for name in ("astronaut", "coffee") * 6])
    assert ["riconosce un volto" in job.answer for job in jobs] == [True, False] * 6
    assert cv2.getNumThreads() == 1


def test_without_the_setting_nothing_is_said_of_faces() -> None:
    """The default describes as ever, whatever is installed."""
    (job,) = ask(PixelDescriber(), [photograph("astronaut")])
    assert "volt" not in job.answer


@has_tesseract
def test_text_is_read() -> None:
    """Drawn letters and a scanned page are read; a picture without letters has an empty text."""
    pytest.importorskip("pytesseract")
    sign = drawn("Vietato fumare 1234\nUscita a destra")
    jobs = ask(PixelDescriber(), [sign, photograph("coffee"), None, b"no image"], ReadText())
    assert statuses(jobs) == ["ok", "ok", "no_image", "not_an_image"]
    assert words(jobs[0].answer) == "vietato fumare 1234 uscita a destra"
    assert outcome(jobs[0]).task == "text"
    (page,) = ask(PixelDescriber(), [photograph("page")], ReadText(language="en"))
    assert "markers are pixels that we can label" in words(page.answer)


@has_tesseract
def test_a_reading_that_takes_too_long_is_a_timeout() -> None:
    """A picture that cannot be read in request_timeout_s is `timeout`, and the program is ended."""
    pytest.importorskip("pytesseract")
    (job,) = ask(PixelDescriber(), [photograph("page")], ReadText(language="en"), request_timeout_s=0.001)
    assert outcome(job).status.value == "timeout"
    assert "request_timeout_s" in (outcome(job).message or "")


def without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Make a module impossible to import."""
    monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize(
    ("module", "backend", "task", "remedy"),
    [
        ("cv2", FACES, Describe(), "opencv-python-headless is not installed: pip install 'picsum-vision[faces]'"),
        ("pytesseract", PixelDescriber(), ReadText(), "pytesseract is not installed: pip install 'picsum-vision[ocr]'"),
    ],
)
def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch, module: str, backend: Any, task: Any, remedy: str) -> None:
    """Without the extra the driver knows the pip command, and a worker's rows are `model_error` with the same words."""
    without(monkeypatch, module)
    problem = missing_for(backend, task)
    assert isinstance(problem, MissingExtraError)
    assert str(problem) == remedy
    jobs = ask(backend, [picture(1), picture(2)], task)
    assert statuses(jobs) == ["model_error"] * 2
    assert outcome(jobs[0]).message == remedy


def test_a_missing_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Tesseract itself the system package is named, on the driver and by a worker's rows."""
    pytesseract = pytest.importorskip("pytesseract")
    monkeypatch.setattr(pytesseract.pytesseract, "tesseract_cmd", "tesseract-that-is-not-there")
    problem = missing_for(PixelDescriber(), ReadText())
    assert isinstance(problem, EnvironmentProblem)
    assert "install the system package tesseract-ocr" in str(problem)
    assert "\n" not in str(problem)
    (job,) = ask(PixelDescriber(), [picture(1)], ReadText())
    assert (outcome(job).status.value, outcome(job).message) == ("model_error", str(problem))


def test_a_missing_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Tesseract lacks the language, its package is named."""
    pytest.importorskip("pytesseract")
    monkeypatch.setattr(pixel_extras, "_tesseract_languages", lambda _command: frozenset({"eng", "osd"}))
    assert missing_for(PixelDescriber(), ReadText(language="en")) is None
    assert "tesseract-ocr-ita" in str(missing_for(PixelDescriber(), ReadText()))


def test_a_newer_opencv_without_cascades(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV 5, which has no cascades any more, is told with the version that has."""
    cv2 = pytest.importorskip("cv2")
    monkeypatch.delattr(cv2, "CascadeClassifier")
    assert "opencv-python-headless>=4.6,<5" in str(missing_for(FACES, Describe()))


def test_what_needs_nothing_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default needs no extra, so none is missed."""
    for module in ("cv2", "pytesseract"):
        without(monkeypatch, module)
    assert missing_for(PixelDescriber(), Describe()) is None
    assert extras_needed(PixelDescriber(), Describe()) == ()
    assert (extras_needed(FACES, Describe()), extras_needed(PixelDescriber(), ReadText())) == (("faces",), ("ocr",))


@pytest.mark.parametrize(
    ("backend", "task", "words"),
    [
        (PixelDescriber(), Classify(), "ReadText with the extra ocr"),
        (PixelDescriber(), Describe(language="fr"), "writes it and en"),
        (PixelDescriber(), ReadText(language="zh"), "reads it, en"),
        (PixelDescriber(), ReadText(prompt="Read the sign"), "answers no questions"),
        (FACES, ReadText(), "counts no faces"),
    ],
)
def test_what_it_cannot_do_is_refused(backend: PixelDescriber, task: Any, words: str) -> None:
    """A task, language or prompt that is not for PixelDescriber is refused at once, and what helps is named."""
    with pytest.raises(SettingError, match=words):
        check_backend(backend, task)


@pytest.mark.spark
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
)
def test_in_spark(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers count faces; without the extra on the driver nothing is planned."""
    pytest.importorskip("cv2")
    transforms = importlib.import_module("picsum_vision.spark.transforms")
    df = spark.createDataFrame([(photograph("astronaut"),)], "image_binary BINARY")
    (row,) = transforms.describe(df, FACES, options=DescribeOptions()).collect()
    assert row["descrizione"].endswith("Si riconosce un volto di fronte.")
    without(monkeypatch, "cv2")
    with pytest.raises(MissingExtraError, match="picsum-vision"):
        transforms.describe(df, FACES)
