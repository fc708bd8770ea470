"""A wrong setting is one line that says which, what it is and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from picsum_vision import DownloadOptions
from picsum_vision.errors import SettingError


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_pixels": 0}, "max_pixels: 0 is not allowed; it must be an integer from 1 to 2147483647"),
        ({"max_pixels": 2**31}, "max_pixels: 2147483648 is not allowed; it must be an integer from 1 to 2147483647"),
    ],
)
def test_a_wrong_setting_of_a_download(settings: dict[str, Any], words: str) -> None:
    """It is refused when the options are made."""
    with pytest.raises(SettingError, match=f"^{words}$"):
        DownloadOptions(**settings)
