"""Faces counted with OpenCV's cascade: such as look at the camera, upright and not too small."""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np

from picsum_vision.describing.pixel_extras import cascade_path, face_module
from picsum_vision.images.fitting import picture_within

_SIDE_PX: Final = 1_024
_STEP: Final = 1.1
# Hits that a face needs around it: with OpenCV's usual 3 to 5, coins and leaves are faces.
_NEIGHBOURS: Final = 8
_SMALLEST_PX: Final = 24
_SMALLEST_PART: Final = 20
# A cascade is not to be used by two threads at once.
_of_thread = threading.local()


def count_faces(data: bytes, *, max_pixels: int) -> int:
    """Return the number of frontal faces that are found; raises BadImage, MissingExtraError, EnvironmentProblem."""
    cv2 = face_module()
    grey = cv2.equalizeHist(np.asarray(picture_within(data, max_side_px=_SIDE_PX, max_pixels=max_pixels).convert("L")))
    smallest = max(_SMALLEST_PX, min(grey.shape) // _SMALLEST_PART)
    return len(_cascade(cv2).detectMultiScale(grey, _STEP, _NEIGHBOURS, minSize=(smallest, smallest)))


def _cascade(cv2: Any) -> Any:
    if not hasattr(_of_thread, "cascade"):
        _of_thread.cascade = cv2.CascadeClassifier(cascade_path(cv2))
    return _of_thread.cascade
