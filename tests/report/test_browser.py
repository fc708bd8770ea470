"""The page in a real browser, with 5,000 images."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from chromium import after_drawing, browser, complaints, show
from pages import SCRIPT, labelled, page, row

from picsum_vision.report.gallery_rows import GalleryRow

ROWS = 5_000
WIDTHS = (360, 800, 1400)
AXE = "axe-core@4.14.1"


@pytest.fixture(scope="module")
def driver():
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Write the pages that the tests look at, each once."""
    folder = tmp_path_factory.mktemp("pages")
    hostile = [row(1, text=SCRIPT, url=f"javascript:window.injected=3//{SCRIPT}"),
               row(2, text=f'{{"label": "{SCRIPT}"}}'.replace("'", ""), describe={"status": SCRIPT}),
               row(3, text=None, describe={"status": "model_error", "message": SCRIPT, "model": SCRIPT})]  # fmt: skip
    pages = {
        "many": page(row(number) for number in range(1, ROWS + 1)),
        "labelled": page(labelled(number) for number in range(1, 300)),
        "hostile": page(hostile),
        "typed": page(
            [row(1, text=json.dumps({"colour": "red", "seen": ["tree", "lake"]}, indent=1), describe={"status": "ok"})]
        ),
        # As if Python had taken for JSON what a browser does not.
        "no json": page([row(1, text='{"share": 1}', describe={"status": "ok"})]).replace(
            '"{\\"share\\": 1}"', '"{\\"share\\": NaN}"'
        ),
        "right to left": page(
            [
                row(1, text="بحيرة بين الجبال", describe={"status": "ok", "message": "אגם"}),
                row(2, text=json.dumps({"colour": "أحمر"})),
                row(3, text=json.dumps(["בוקר", "lake"])),
            ]
        ),
        "failed": page(row(13 * number) for number in range(1, 100)),
        "empty": page([]),
        "sparse": page([GalleryRow(), row(2, thumbnail=None)], with_figures=False),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> str:
    """Fetch axe-core, which looks for what shuts people out; skip where it cannot be had."""
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), AXE]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{AXE} cannot be had: {error}")
    if ended.returncode != 0:
        pytest.skip(f"{AXE} cannot be had: {ended.stderr.strip()[:200]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def text_of(driver, selector: str) -> str:
    return driver.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def choose(driver, name: str, value: str) -> None:
    driver.execute_script(
        "const select = document.getElementById(arguments[0]); select.value = arguments[1];"
        "select.dispatchEvent(new Event('change', {bubbles: true}))",
        name,
        value,
    )


def search_for(driver, words: str) -> None:
    driver.execute_script(
        "const field = document.getElementById('search'); field.value = arguments[0]; field.dispatchEvent(new Event('input'))",
        words,
    )


def press(driver, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    for key in keys:
        ActionChains(driver).send_keys(key).perform()


def alts(driver) -> list[str]:
    return driver.execute_script("return [...document.querySelectorAll('#cards img')].map((image) => image.alt)")


def test_it_opens_with_the_first_page(driver, files):
    """A page of 5,000 images shows the first sixty, each picture decoded, and the browser has nothing to complain of."""
    show(driver, files["many"])
    complaints(driver)
    driver.get(files["many"].as_uri())
    driver.execute_async_script(
        "const [done] = arguments; Promise.all([...document.images].map((image) => image.decode())).then(() => done())"
    )
    opened = driver.execute_script(
        "const [mark] = performance.getEntriesByName('picsum-vision:first-page');"
        "return [mark.startTime, performance.now(), document.images.length]"
    )
    assert text_of(driver, "#shown") == "1 to 60 of 5,000 images"
    assert len(driver.execute_script("return [...document.querySelectorAll('.card')]")) == 60
    assert opened[2] == 60 - 60 // 13
    assert complaints(driver) == []
    megabytes = files["many"].stat().st_size / 1e6
    print(
        f"opened: first page drawn after {opened[0]:.0f} ms, its pictures decoded after {opened[1]:.0f} ms ({megabytes:.1f} MB)"
    )


def test_filters(driver, files):
    """Words (without regard to case and accents), status and their combination find exactly the rows that have them."""
    show(driver, files["many"])
    rows = [row(number).as_dict() for number in range(1, ROWS + 1)]
    by_night = [each for each in rows if "città di notte" in each.get("text", "")]
    failed = [each for each in rows if each["describe"]["status"] != "ok"]
    field = "const field = document.getElementById('search'); field.value = {}; field.dispatchEvent(new Event('input'))"
    took = [after_drawing(driver, field.format(json.dumps(words))) for words in ("C", "CITTA notte", "mostra monti", "")]
    search_for(driver, "CITTA notte")
    assert text_of(driver, "#shown") == f"1 to 60 of {len(by_night):,} images"
    assert all("città di notte" in alt for alt in alts(driver))
    search_for(driver, "")
    choose(driver, "status", "failed")
    assert text_of(driver, "#shown").endswith(f"of {len(failed):,} images")
    choose(driver, "status", "describe:timeout")
    search_for(driver, "id/17/")
    assert text_of(driver, "#shown") == "1 to 1 of 1 images"
    search_for(driver, "no such words")
    assert text_of(driver, "#shown").startswith("No image matches")
    driver.execute_script("document.getElementById('reset').click()")
    assert text_of(driver, "#shown") == "1 to 60 of 5,000 images"
    print(f"filters: {', '.join(f'{ms:.0f}' for ms in took)} ms until painted")


def test_orders(driver, files):
    """Each order puts the right row first."""
    show(driver, files["many"])
    rows = [row(number).as_dict() for number in range(1, ROWS + 1)]
    choose(driver, "sort", "largest")
    largest = max(rows, key=lambda each: each["download"].get("bytes", 0))
    assert text_of(driver, "#cards .where") == largest["url"]
    choose(driver, "sort", "text")
    texts = alts(driver)
    assert texts[0] == next(each["text"] for each in rows if "text" in each)
    choose(driver, "sort", "slowest")
    slowest = max(rows, key=lambda each: each["download"]["elapsed_ms"] + each["describe"]["elapsed_ms"])
    assert text_of(driver, "#cards .where") == slowest["url"]
    choose(driver, "sort", "trouble")
    first = next(each for each in rows if each["download"]["status"] != "ok")
    assert text_of(driver, "#cards .where") == first["url"]
    choose(driver, "status", "describe:timeout")
    assert text_of(driver, "#cards .where") == next(each["url"] for each in rows if each["describe"]["status"] == "timeout")
    choose(driver, "status", "")
    took = after_drawing(driver, "document.getElementById('sort').value = 'longest';"
                         "document.getElementById('sort').dispatchEvent(new Event('change'))")  # fmt: skip
    print(f"order: {took:.0f} ms until painted")


def test_labels(driver, files):
    """A classification's labels are offered with their numbers, and choosing one shows its rows only."""
    show(driver, files["labelled"])
    numbers = [number for number in range(1, 300) if number % 13 and number % 17]
    urban = [number for number in numbers if number % 5 == 1]
    offered = driver.execute_script("return [...document.getElementById('label').options].map((option) => option.text)")
    assert f"urbano ({len(urban)})" in offered
    choose(driver, "label", "urbano")
    assert set(alts(driver)) == {"urbano"}
    assert text_of(driver, "#shown") == f"1 to {len(urban)} of {len(urban)} images"


def test_pages(driver, files):
    """Every page holds its sixty rows, the last one the rest, and focus stays on the button that was pressed."""
    show(driver, files["many"])
    took = [
        after_drawing(driver, "document.querySelectorAll('.pages')[0].querySelector('[data-key=next]').click()") for _ in range(3)
    ]
    assert text_of(driver, "#shown") == "181 to 240 of 5,000 images"
    assert driver.execute_script("return document.activeElement.dataset.key") == "next"
    driver.execute_script("document.querySelectorAll('.pages')[1].querySelector('[data-key=last]').click()")
    assert text_of(driver, "#shown") == "4,981 to 5,000 of 5,000 images"
    assert text_of(driver, ".pages span") == "Page 84 of 84"
    assert driver.execute_script("return document.activeElement.disabled") is False
    print(f"paging: {', '.join(f'{ms:.0f}' for ms in took)} ms until painted")


def test_keyboard(driver, files):
    """With keys alone: / searches, arrows move, Enter opens, arrows step, Esc closes and focus is where it was."""
    from selenium.webdriver.common.keys import Keys

    show(driver, files["many"])
    press(driver, "/", "u", "n", "/", "c")
    assert driver.execute_script("return document.getElementById('search').value") == "un/c"
    driver.execute_script("document.getElementById('reset').click()")
    where = "return document.activeElement.querySelector('.where').textContent"
    driver.execute_script("document.querySelector('.card').focus()")
    press(driver, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert driver.execute_script(where).endswith("/id/2/800/600")
    columns = driver.execute_script(
        "return getComputedStyle(document.getElementById('cards')).gridTemplateColumns.split(' ').length"
    )
    press(driver, Keys.ARROW_DOWN)
    assert driver.execute_script(where).endswith(f"/id/{2 + columns}/800/600")
    press(driver, Keys.ENTER)
    assert driver.execute_script("return document.getElementById('large').open") is True
    press(driver, Keys.ARROW_RIGHT)
    assert text_of(driver, "#large-title").endswith(f"/id/{3 + columns}/800/600")
    press(driver, Keys.ESCAPE)
    assert driver.execute_script("return document.getElementById('large').open") is False
    assert driver.execute_script(where).endswith(f"/id/{3 + columns}/800/600")
    driver.execute_script("[...document.querySelectorAll('.card')].at(-1).focus()")
    press(driver, Keys.ARROW_RIGHT)
    assert text_of(driver, "#shown").startswith("61 to 120")
    assert driver.execute_script(where).endswith("/id/61/800/600")


def test_the_large_view_has_all_fields(driver, files):
    """The large view shows the whole description and every field of both outcomes; a typed answer field by field."""
    show(driver, files["many"])
    driver.execute_script("document.querySelector('.card').click()")
    shown = text_of(driver, "#large-body")
    first = row(1).as_dict()
    assert first["text"] in shown
    for outcome in (first["download"], first["describe"]):
        assert all(name in shown for name in outcome)
    assert "0" * 63 + "1" in shown
    assert driver.execute_script("return document.querySelector('#large-body a').href") == first["url"]
    assert driver.execute_script("return document.querySelector('#large-body img').alt") == first["text"]
    show(driver, files["typed"])
    assert alts(driver) == ["colour: red; seen: tree, lake"]
    driver.execute_script("document.querySelector('.card').click()")
    assert "colour" in text_of(driver, "#large-body .fields")
    assert '["tree","lake"]' in "".join(text_of(driver, "#large-body .fields").split())


def test_an_address_that_was_cut_off_is_no_link(driver, tmp_path):
    """A URL without a secret opens from the large view, also with a query; what is left of a signed one is no link."""
    from selenium.webdriver.common.keys import Keys

    urls = ["https://host.example/b.jpg?w=80", "https://host.example/c.jpg?sig=planted"]
    (tmp_path / "signed.html").write_text(page([row(number, url=url) for number, url in enumerate(urls, 1)]), encoding="utf-8")
    show(driver, tmp_path / "signed.html")
    driver.execute_script("document.querySelectorAll('.card')[0].click()")
    assert driver.execute_script("return document.querySelector('#large-body a').href") == urls[0]
    press(driver, Keys.ARROW_RIGHT)
    assert "https://host.example/c.jpg?redacted" in text_of(driver, "#large-body")
    assert driver.execute_script("return document.querySelectorAll('#large-body a').length") == 0


def test_an_answer_that_is_no_json_is_shown_as_text(driver, files):
    """A large view opens with what an answer reads like where the browser cannot take it apart."""
    show(driver, files["no json"])
    driver.execute_script("document.querySelector('.card').click()")
    assert text_of(driver, "#large-body .large-text") == "share: 1"
    assert complaints(driver) == []


def test_right_to_left(driver, files):
    """Arabic and Hebrew begin at the right, in cards, fields and labels; the rest begins at the left."""
    from selenium.webdriver.common.keys import Keys

    script = (
        "return Object.fromEntries([...document.querySelectorAll(arguments[0])]"
        ".map((each) => [each.textContent, [getComputedStyle(each).direction, getComputedStyle(each).textAlign]]))"
    )
    at_right, at_left = ["rtl", "start"], ["ltr", "start"]
    show(driver, files["right to left"])
    cards = driver.execute_script(script, ".card .text")
    assert cards == {"بحيرة بين الجبال": at_right, "colour: أحمر": at_left, "בוקר, lake": at_right}
    assert {began[0] for began in driver.execute_script(script, ".card .where").values()} == {"ltr"}
    driver.execute_script("document.querySelector('.card').click()")
    assert driver.execute_script(script, "#large-body .large-text") == {"بحيرة بين الجبال": at_right}
    fields = driver.execute_script(script, "#large-body dd")
    assert (fields["אגם"], fields["https://picsum.photos/id/1/800/600"]) == (at_right, at_left)
    press(driver, Keys.ARROW_RIGHT)
    assert driver.execute_script(script, "#large-body dd")["أحمر"] == at_right
    press(driver, Keys.ARROW_RIGHT)
    assert driver.execute_script(script, "#large-body .chips > *") == {"בוקר": at_right, "lake": at_left}


def test_an_injected_script_does_not_run(driver, files):
    """Markup in any field is shown as text, an address with javascript: is no link, and no global is set by either."""
    show(driver, files["hostile"])
    for place in range(3):
        driver.execute_script("document.querySelectorAll('.card')[arguments[0]].click()", place)
        assert SCRIPT in text_of(driver, "#large-body")
        links = driver.execute_script("return [...document.querySelectorAll('#large-body a')].map((link) => link.protocol)")
        assert links == ([] if place == 0 else ["https:"])
        driver.execute_script("document.getElementById('large').close()")
    driver.execute_script("document.getElementById('tab-figures').click()")
    assert alts(driver)[0] == SCRIPT
    assert driver.execute_script("return typeof window.injected") == "undefined"
    # Even a script that did get into the document would be refused.
    driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.injected = 4'; document.body.append(s)"
    )
    assert driver.execute_script("return typeof window.injected") == "undefined"
    assert any("Content Security Policy" in message for message in complaints(driver))


def test_italian_and_english(driver, files):
    """The switch changes words, numbers and the page's lang, and is remembered."""
    show(driver, files["many"])
    assert driver.execute_script("return document.documentElement.lang") == "en"
    choose(driver, "language", "it")
    assert driver.execute_script("return document.documentElement.lang") == "it"
    assert text_of(driver, "h1") == "Immagini e descrizioni"
    assert text_of(driver, "#shown") == "da 1 a 60 di 5000 immagini"
    driver.refresh()
    assert text_of(driver, "#tab-gallery") == "Galleria"
    words = driver.execute_script("return document.body.innerText")
    assert "Words" not in words


def test_light_and_dark(driver, files):
    """The page follows the system, and the switch wins over it."""
    ground = "return getComputedStyle(document.body).backgroundColor"
    show(driver, files["sparse"])
    light = driver.execute_script(ground)
    show(driver, files["sparse"], dark=True)
    dark = driver.execute_script(ground)
    driver.execute_script("document.getElementById('theme').click()")
    assert driver.execute_script(ground) == light != dark
    assert driver.execute_script("return document.getElementById('theme').getAttribute('aria-pressed')") == "false"


def test_rows_of_which_little_is_known(driver, files):
    """A row without anything, and a page without figures, are shown all the same."""
    show(driver, files["sparse"])
    complaints(driver)
    driver.get(files["sparse"].as_uri())
    assert text_of(driver, "#shown") == "1 to 2 of 2 images"
    assert "image 1" in text_of(driver, ".card")
    driver.execute_script("document.querySelector('.card').click()")
    assert text_of(driver, "#large-title") == "image 1"
    assert complaints(driver) == []


def test_only_failures_and_nothing_at_all(driver, files):
    """A page on which nothing has a picture shows the reasons, and one of empty tables says that there is none."""
    show(driver, files["failed"])
    assert text_of(driver, "#shown") == "1 to 60 of 99 images"
    assert "http_error" in text_of(driver, ".card")
    choose(driver, "status", "ok")
    assert text_of(driver, "#shown").startswith("No image matches")
    show(driver, files["empty"])
    assert driver.execute_script("return document.querySelectorAll('.card').length") == 0
    assert complaints(driver) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_width_is_readable(driver, files, tmp_path, width, dark):
    """Nothing is wider than the window on a phone, a tablet and a desk, in the gallery, the large view and the figures."""
    folder = Path(os.environ.get("PICSUM_VISION_SCREENSHOTS", tmp_path))
    show(driver, files["many"], width=width, height=900, dark=dark)
    views = {
        "gallery": "",
        "large": "document.querySelector('.card').click()",
        "figures": "document.getElementById('large').close(); document.getElementById('tab-figures').click()",
    }
    for name, action in views.items():
        after_drawing(driver, action)
        wide = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1] == width, name
        driver.save_screenshot(str(folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["many", "labelled", "sparse"])
def test_axe_finds_nothing_serious(driver, files, axe, name, dark):
    """Gallery, large view and figures have no fault that axe calls serious or critical, contrast included."""
    show(driver, files[name], dark=dark)
    driver.execute_script(axe)
    views = {"gallery": "", "large": "document.querySelector('.card').click()"}
    if name != "sparse":
        views["figures"] = "document.getElementById('large').close(); document.getElementById('tab-figures').click()"
    found = {}
    for view, action in views.items():
        after_drawing(driver, action)
        ended = driver.execute_async_script(
            "const [done] = arguments; axe.run(document).then((told) => done(told), (error) => done(String(error)))"
        )
        assert len(ended["passes"]) > 10, ended
        found[view] = [
            (each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]][:3]) for each in ended["violations"]
        ]
    print({view: [(fault, impact) for fault, impact, _ in faults] for view, faults in found.items()})
    serious = {view: [fault for fault in faults if fault[1] in ("serious", "critical")] for view, faults in found.items()}
    assert not any(serious.values()), serious
