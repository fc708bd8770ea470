"""A real browser, and what the tests ask of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def browser() -> Iterator[Any]:
    """Give Chromium without a window; skip, with the reason, where it or its driver is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver_program = shutil.which("chromedriver")
    if program is None or driver_program is None:
        pytest.skip("no Chromium with its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    # Containers run as root and have a small /dev/shm; the pages are the tests' own.
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-GB"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_program))
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


def show(driver: Any, path: Path, *, width: int = 1400, height: int = 900, dark: bool = False) -> None:
    """Open the file in a window of the size, light or dark, as on a first visit."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(path.as_uri())
    driver.execute_script("localStorage.clear()")
    driver.get(path.as_uri())


def complaints(driver: Any) -> list[str]:
    """Return what the browser's console has told since it was asked last."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def after_drawing(driver: Any, action: str) -> float:
    """Run the action in the page; return the milliseconds, by its own clock, until the change is laid out and painted."""
    return float(
        driver.execute_async_script(
            "const [done] = arguments; const began = performance.now();"
            f"{action};"
            "requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));"
        )
    )
