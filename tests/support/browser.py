"""A headless Chromium for tests of pages: Debian's packages chromium and chromium-driver."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

INSTALL = "apt-get install chromium chromium-driver"
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip

CONTRAST = 4.5  # least contrast of text for WCAG 2.1, level AA
CONTRASTS = """
    const linear = (part) => part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
    const light = (colour) => { const [r, g, b] = colour.map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const parse = (text) => text.match(/[\\d.]+/g).map(Number);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
        }
        return [255, 255, 255];
    };
    document.querySelectorAll('details').forEach((each) => { each.open = true; });
    const found = [];
    for (const element of document.body.querySelectorAll('*')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !element.checkVisibility() || element.closest('script, svg')) continue;
        const [one, other] = [light(parse(getComputedStyle(element).color).slice(0, 3)), light(ground(element))];
        found.push([(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), element.outerHTML.slice(0, 80)]);
    }
    return found;
"""


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """A selenium driver; skips the test where there is no browser, but fails it where the variable CI is set."""
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if None in programs:
        message = f"needs chromium and chromedriver on the PATH: {INSTALL}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(programs[1]))
    try:
        driver.get("about:blank")  # away from the browser's own start page
        requested(driver)
        yield driver
    finally:
        driver.quit()


def show(driver: Any, file: Path, width: int = 1280, dark: bool = False) -> None:
    """Open a page in a window of that width, in light or dark colours, and wait until its script is done."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    driver.get(file.as_uri())


def complaints(driver: Any) -> list[str]:
    """What the console said since it was last asked: errors, and what the page's policy forbade."""
    return [entry["message"] for entry in driver.get_log("browser")]


def requested(driver: Any) -> list[str]:
    """Addresses that were asked for since this was last asked."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def contrasts(driver: Any) -> list[list[Any]]:
    """The contrast of each element with text to its background, and the beginning of its HTML; opens all details."""
    return driver.execute_script(CONTRASTS)
