"""Panels of the laboratory in a browser: opening them, and reading what they show."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser import show
from drawing_page import Stroke

WAITING = "return document.body.dataset.ready && document.querySelector('#answers .value').dataset.probability"
OPEN = "document.getElementById(arguments[0]).open = true"
DRAW = """
    const [strokes, release] = arguments, canvas = document.querySelector('.paper canvas');
    const box = canvas.getBoundingClientRect();
    const at = ([x, y]) => ({ clientX: box.left + x * box.width / 336, clientY: box.top + y * box.height / 336 });
    const send = (name, point) => canvas.dispatchEvent(
        new PointerEvent(name, { pointerId: 7, pointerType: 'pen', bubbles: true, ...at(point) }));
    for (const { points } of strokes) {
        send('pointerdown', points[0]);
        for (const point of points.slice(1)) send('pointermove', point);
        if (release) send('pointerup', points.at(-1));
    }
"""
CHANGE = """
    const [selector, value, kind] = arguments, field = document.querySelector(selector);
    field.value = value;
    field.dispatchEvent(new Event(kind, { bubbles: true }));
"""


def open_panel(driver: Any, file: Path, name: str, width: int = 1280, dark: bool = False) -> None:
    """Open a page, and one of its panels, with the first stored digit."""
    show(driver, file, width, dark)
    wait_until(lambda: driver.execute_script(WAITING))
    driver.execute_script(OPEN, f"panel-{name}")


def wait_until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for what the page's workers compute."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "the page did not answer"
        time.sleep(0.05)
    return found


def all_of(driver: Any, selector: str) -> list[Any]:
    return driver.find_elements("css selector", selector)


def text(driver: Any, selector: str) -> str:
    """The text of an element; empty if there is none."""
    found = all_of(driver, selector)
    return found[0].text if found else ""


def click(driver: Any, selector: str) -> None:
    driver.execute_script("document.querySelector(arguments[0]).click()", selector)


def choose(driver: Any, selector: str, value: object, kind: str = "change") -> None:
    """Set a field or a list to a value, as the user does."""
    driver.execute_script(CHANGE, selector, str(value), kind)


def number_of(words: str) -> float:
    """The number that a text contains, with its real minus signs."""
    return float(words.replace("\u2212", "-"))


def draw(driver: Any, strokes: list[Stroke], release: bool = True) -> None:
    """Draw with a pen; without `release`, it stays on the paper."""
    driver.execute_script(DRAW, strokes, release)
