"""The site that `nox -s docs` builds, on the disk and in a browser."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from chromium import browser, complaints
from markdown_blocks import PROJECT
from served import served

import picsum_vision
from picsum_vision.outcomes import DESCRIBE_CAN_CHANGE, DOWNLOAD_CAN_CHANGE, DescribeStatus, DownloadStatus

LOOKED_AT = (
    "index.html",
    "tutorial/own-urls.html",
    "explanation/rolling-window.html",
    "explanation/limits.html",
    "reference/api.html",
)
PHONE_PX, DESKTOP_PX = 390, 1400


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the built site; strict: a link that leads nowhere fails the build."""
    pytest.importorskip("zensical")
    folder = tmp_path_factory.mktemp("project")
    for name in ("docs", "tools"):
        shutil.copytree(PROJECT / name, folder / name)
    shutil.copytree(PROJECT / "benchmarks", folder / "benchmarks", ignore=shutil.ignore_patterns(".*", "*.py"))
    shutil.copy(PROJECT / "mkdocs.yml", folder / "mkdocs.yml")
    (folder / "src").symlink_to(PROJECT / "src")
    done = subprocess.run([sys.executable, "-m", "tools.site"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


class Addresses(HTMLParser):
    """What a page loads by itself, without a click."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of what is loaded."""
        if tag != "a":
            self.found += [value for name, value in attrs if name in ("src", "srcset", "href", "data", "poster") and value]


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    """Fonts, styles, scripts and pictures of every page are the site's own."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        addresses = Addresses()
        addresses.feed(page.read_text(encoding="utf-8"))
        assert not [address for address in addresses.found if re.match(r"(https?:)?//", address)], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_every_page_is_in_the_navigation() -> None:
    """A page under docs has its line under `nav` in mkdocs.yml, so that readers find it."""
    config = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(_leaves(config["nav"]))
    there = {str(path.relative_to(PROJECT / "docs")) for path in (PROJECT / "docs").rglob("*.md")}
    assert there - named == set(), "enter them under nav in mkdocs.yml"


def test_every_public_name_is_on_a_page_of_the_reference() -> None:
    """Whatever `import picsum_vision as pv` gives is described under docs/reference, by itself or with its whole module."""
    pages = (PROJECT / "docs" / "reference").glob("*.md")
    described = {name for page in pages for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)}
    homes = {name: f"picsum_vision.{picsum_vision._HOME_OF[name]}" for name in picsum_vision.__all__ if name != "__version__"}
    assert [name for name, home in homes.items() if not {home, f"{home}.{name}"} & described] == []


@pytest.mark.parametrize(
    ("heading", "statuses", "can_change"),
    [("Of a download", DownloadStatus, DOWNLOAD_CAN_CHANGE), ("Of a description", DescribeStatus, DESCRIBE_CAN_CHANGE)],
)
def test_the_page_of_outcomes_has_every_status(heading, statuses, can_change) -> None:
    """The tables name every status in its order, and say `yes` where a retry tries it again."""
    page = (PROJECT / "docs" / "reference" / "outcomes.md").read_text(encoding="utf-8")
    table = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ?([^|]*) \|$", table, re.MULTILINE)
    assert [word for word, _ in rows] == [status.value for status in statuses]
    assert [word for word, again in rows if again == "yes"] == [s.value for s in statuses if s in can_change]


def test_pages_in_a_browser(site: Path) -> None:
    """At desktop and phone width nothing is wider than the window, every picture is there, and only this site was asked."""
    with browser() as driver, _served(site) as address:
        for page in LOOKED_AT:
            for width in (DESKTOP_PX, PHONE_PX):
                for dark in (False, True):
                    _show(driver, f"{address}/{page}", width=width, dark=dark)
                    colours = driver.execute_script("return document.body.dataset.mdColorScheme")
                    assert colours == ("slate" if dark else "default"), page
                    _keep_screenshot(driver, f"{Path(page).stem}-{width}-{'dark' if dark else 'light'}")
                assert driver.execute_script("return document.documentElement.scrollWidth") <= width, page
            assert driver.execute_script("return [...document.images].every(image => image.naturalWidth > 0)"), page
            asked = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
            assert asked, page
            assert [name for name in asked if not name.startswith((address, "data:", "blob:"))] == [], page
        assert [line for line in complaints(driver) if "favicon" not in line] == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server that writes no log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    with served(handler) as address:
        yield address


def _show(driver: Any, address: str, *, width: int, dark: bool) -> None:
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width == PHONE_PX}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(address)
    driver.execute_script("localStorage.clear()")  # as on a first visit, where the system's choice counts
    driver.get(address)


def _keep_screenshot(driver: Any, name: str) -> None:
    folder = os.environ.get("PICSUM_VISION_SCREENSHOTS")
    if folder:
        driver.save_screenshot(str(Path(folder) / f"docs-{name}.png"))


def _leaves(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from _leaves(part)
