"""The page as text: nothing of the tables becomes markup, and nothing is asked of a network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys

import pytest
from html_elements import Elements
from hypothesis import given
from hypothesis import strategies as st
from pages import SCRIPT, page, row

from picsum_vision.errors import EnvironmentProblem, MissingExtraError, SettingError
from picsum_vision.quality import MEANINGS
from picsum_vision.report.gallery_rows import GalleryRow, GalleryRows
from picsum_vision.report.output_file import check_output_file, write_whole
from picsum_vision.report.page import SCRIPTS, STYLES, asset, render_page
from picsum_vision.report.script_data import script_json


def data_of(text: str) -> dict:
    return json.loads(next(script for attributes, script in Elements(text).scripts if attributes.get("id") == "data"))


@given(text=st.text() | st.sampled_from([SCRIPT, "<!--<script>", "]]>", "\u2028\u2029&lt;", "{{ 7 * 7 }}", "</SCRIPT >"]))
def test_data_are_only_data(text):
    """Any text comes back as it was from the page's JSON, which is ASCII without <, > and &."""
    written = script_json({"text": text})
    assert json.loads(written) == {"text": text}
    assert written.isascii()
    assert not set("<>&") & set(written)


def test_hostile_texts_make_no_element():
    """A page whose every text is an attack has the same elements as a harmless one."""
    hostile = row(1, url=f"javascript:alert(1)//{SCRIPT}", text=SCRIPT, download={"status": SCRIPT, "message": SCRIPT},
                  describe={"status": SCRIPT, "task": "classify", "model": SCRIPT})  # fmt: skip
    attacked, harmless = page([hostile]), page([row(1)])
    assert Elements(attacked).tags == Elements(harmless).tags
    assert data_of(attacked)["gallery"]["rows"][0]["text"] == SCRIPT


def test_nothing_is_fetched():
    """No element of the page names an address, and its policy allows only what is in it."""
    elements = Elements(page([row(1)]))
    for tag, attributes in elements.started:
        assert not {"src", "srcset", "action", "data"} & attributes.keys(), tag
        assert attributes.get("href", "#").startswith("#")
    policy = next(found["content"] for tag, found in elements.started if found.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_policy_names_exactly_the_pages_own_script_and_style():
    """The hashes in the policy are those of the one style and the one script that the browser sees."""
    text = page([row(1)])
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    for source in (style, script):
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in text


@pytest.mark.parametrize("name", [*STYLES, *SCRIPTS])
def test_the_packages_own_files_stay_in_their_element(name):
    """No style or script of the package could end its element, and no script writes markup."""
    text = asset(name)
    assert "</" not in text
    assert "<!--" not in text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(.on", text)


def test_both_languages_have_the_same_words():
    """Each word stands in both languages with the same places to fill, and each that page or script asks for is there."""
    words = json.loads(asset("words.json"))
    places = {language: {key: set(re.findall(r"\{\w+\}", text)) for key, text in of.items()} for language, of in words.items()}
    assert places["en"] == places["it"]
    asked = set(re.findall(r'data-word(?:-label|-placeholder)?="(\w+)"', asset("page.html")))
    for name in SCRIPTS:
        asked |= set(re.findall(r'\bword\("(\w+)"', asset(name)))
    assert asked <= words["en"].keys()
    states = ("running", "ok", "share_missed", "failed", "abandoned")
    assert {f"quality_{name}" for name in MEANINGS} | {f"run_{state}" for state in states} <= words["en"].keys()


def test_rows_thumbnails_and_what_is_left_out():
    """Each row's thumbnail stands at its row's place in the blocks, a row without one has null, and the sample is stated."""
    rows = [row(number) for number in range(1, 521)]
    scripts = Elements(page(rows, of_rows=9_000)).scripts
    blocks = [json.loads(script) for attributes, script in scripts if attributes.get("class") == "thumbnails"]
    assert [len(block) for block in blocks] == [250, 250, 20]
    found = [None if text is None else base64.b64decode(text) for block in blocks for text in block]
    assert found == [each.thumbnail for each in rows]
    gallery = data_of(page(rows, of_rows=9_000))["gallery"]
    assert (gallery["of_rows"], len(gallery["rows"])) == (9_000, 520)
    assert "thumbnail" not in gallery["rows"][0]


def test_an_empty_row_and_no_row():
    """A row of which nothing is known and a table without rows make pages as well."""
    assert data_of(page([GalleryRow()]))["gallery"]["rows"] == [{}]
    assert data_of(page([], with_figures=False))["gallery"]["rows"] == []


def test_without_jinja2_the_extra_is_named(monkeypatch):
    """Where jinja2 is missing, the error is the command that brings it."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'picsum-vision\[report\]'"):
        page([row(1)])


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    """An older file is replaced in one step, and where that fails it stays and nothing else is left."""
    target = tmp_path / "report.html"
    write_whole(target, "old")
    write_whole(target, "new è")
    assert target.read_text(encoding="utf-8") == "new è"
    with pytest.raises(UnicodeEncodeError):
        write_whole(target, "half \ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert target.read_text(encoding="utf-8") == "new è"
    with pytest.raises(EnvironmentProblem, match="cannot be written: No such file or directory"):
        write_whole(tmp_path / "nowhere" / "report.html", "x")


def test_an_output_that_cannot_be_is_refused_before_any_work(tmp_path, monkeypatch):
    """A folder, a file in a folder that is not there, and one in a folder of others are wrong settings."""
    (tmp_path / "theirs").mkdir(mode=0o555)
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path / "theirs")  # root may write anywhere
    with pytest.raises(SettingError, match="theirs' does not allow it; name another file with --output"):
        check_output_file(str(tmp_path / "theirs" / "report.html"))
    with pytest.raises(SettingError, match="is a folder; it must be a file"):
        check_output_file(str(tmp_path))
    with pytest.raises(SettingError, match="there is no folder"):
        check_output_file(str(tmp_path / "nowhere" / "report.html"))


SIGNED = "https://planted-user:planted-password@host.example/a.jpg?X-Amz-Signature=planted&x=1#planted"


def test_no_secret_of_a_url_is_in_the_page():
    """Signatures, users and passwords are nowhere in the page, whichever of its texts they came in, unless they are asked for."""
    plain = "https://host.example/b.jpg?w=800"
    outcome = {"status": "http_error", "message": f"from {SIGNED}", "final_url": SIGNED}
    rows = [
        row(1, url=SIGNED, text=f"see {SIGNED}", download=outcome),
        row(2, url=plain),
        row(3, url="u:planted@host.example/c.jpg"),
    ]
    gallery = GalleryRows(rows=tuple(rows), of_rows=3)
    figures, tables = {"reasons": [{"message": SIGNED}]}, {"image_urls": "s3://key:planted@bucket/urls"}
    shown = render_page(gallery, figures=figures, tables=tables)
    assert "planted" not in shown
    urls = [each["url"] for each in data_of(shown)["gallery"]["rows"]]
    assert urls == ["https://host.example/a.jpg?redacted", plain, "host.example/c.jpg"]
    whole = render_page(gallery, figures=figures, tables=tables, full_urls=True)
    assert data_of(whole)["gallery"]["rows"][0]["url"] == SIGNED
