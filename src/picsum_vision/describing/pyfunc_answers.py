"""Whose answer is whose: a model may leave rows out, sort them, or number them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from picsum_vision.describing.model_thread import ModelFailed

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_LABELS: Final = 3


class WrongAnswers(ModelFailed):
    """The answers cannot be told apart; asking again about fewer images would not help."""


class UnclearRows(ModelFailed):
    """The answers cannot be told apart, and could be if fewer images were asked about at once."""


def texts_of(found: Any, images: int) -> list[str | ModelFailed]:
    """Return the text that the model gave for each of so many images, or why there is none.

    A Series or DataFrame, of which the first column counts, belongs to the images by its index, which is that of the DataFrame
    that the model was given: 0 to `images` - 1. A list, a tuple or an array has one entry an image, in their order. A dict of
    lists is a DataFrame. Raises WrongAnswers and UnclearRows.
    """
    import numpy as np  # noqa: PLC0415 - only where a model runs
    import pandas as pd  # noqa: PLC0415

    if isinstance(found, dict) and found and all(isinstance(each, (list, tuple, np.ndarray)) for each in found.values()):
        found = next(iter(found.values()))
    if isinstance(found, pd.DataFrame) and len(found.columns):
        found = found.iloc[:, 0]
    if isinstance(found, pd.Series):
        answers: list[Any] = [ModelFailed("the model gave no answer for this image")] * images
        for row, answer in zip(_rows(found, images), found, strict=True):
            answers[row] = answer
    elif isinstance(found, (list, tuple)) or (isinstance(found, np.ndarray) and found.ndim):
        answers = list(found)
    else:
        raise WrongAnswers(f"the model gave one {type(found).__name__} for {images} images, not one text an image")
    if len(answers) != images:
        raise WrongAnswers(f"the model gave {len(answers)} answers for {images} images")
    return [
        answer if isinstance(answer, (str, ModelFailed)) else ModelFailed(f"the model gave {type(answer).__name__}, not text")
        for answer in answers
    ]


def _rows(found: pd.Series[Any], images: int) -> list[int]:
    """Return the image that each answer belongs to."""
    import pandas as pd  # noqa: PLC0415

    rows: list[int] = pd.RangeIndex(images).get_indexer(found.index).tolist()
    foreign = [repr(label) for label, row in zip(found.index, rows, strict=True) if row < 0]
    if foreign:
        more = ", ..." if len(foreign) > _SHOWN_LABELS else ""
        raise WrongAnswers(
            f"the model's answers have the index {', '.join(foreign[:_SHOWN_LABELS])}{more}, which is of none of the {images}"
            " images it was given; it must keep their index, or give a list in their order"
        )
    if len(set(rows)) < len(rows):
        raise UnclearRows(f"the model gave {len(rows)} answers for {images} images, some with the same index")
    # As many as are left are numbered without a gap: the last ones may be missing, or any, and the others numbered anew.
    if 0 < len(rows) < images and max(rows) == len(rows) - 1:
        raise UnclearRows(f"the model gave {len(rows)} answers for {images} images, and their index does not tell which")
    return rows
