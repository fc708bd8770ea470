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
        ({"headers": None}, "headers: NoneType is not allowed; it must be a mapping of names to values"),
        ({"headers": [("A", "b")]}, "headers: list is not allowed; it must be a mapping of names to values"),
        ({"headers": {"": "b"}}, "headers: '' is not a header's name"),
        ({"headers": {1: "b"}}, "headers: 1 is not a header's name"),
        ({"headers": {"A:": "b"}}, "headers: 'A:' is not a header's name"),
        ({"headers": {"A\tB": "b"}}, r"headers: 'A\\tB' is not a header's name"),
        ({"headers": {"città": "b"}}, "headers: 'città' is not a header's name"),
        ({"headers": {"Host": "b"}}, "headers: Host is not allowed; the client itself sends it"),
        ({"headers": {"content-LENGTH": "1"}}, "headers: content-LENGTH is not allowed; the client itself sends it"),
        ({"headers": {"Transfer-Encoding": "b"}}, "headers: Transfer-Encoding is not allowed; the client itself sends it"),
        ({"headers": {"Connection": "close"}}, "headers: Connection is not allowed; the client itself sends it"),
        ({"headers": {"Referer": "a", "referer": "b"}}, "headers: referer is there twice; a name in capitals is the same name"),
        ({"headers": {"A": "planted\n"}}, "headers: the value of A must be one line of text or a Secret"),
        ({"headers": {"A": "planted\ud800"}}, "headers: the value of A must be one line of text or a Secret"),
        ({"headers": {"A": 1}}, "headers: the value of A must be one line of text or a Secret"),
        ({"user_agent": "planted\ud800"}, "user_agent: the value of User-Agent must be one line of text or a Secret"),
    ],
)
def test_a_wrong_setting_of_a_download(settings: dict[str, Any], words: str) -> None:
    """It is refused when the options are made."""
    with pytest.raises(SettingError, match=f"^{words}$"):
        DownloadOptions(**settings)
