"""The laboratory in a browser: opening it, waiting for its workers, and reading its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from browser import show
from drawing_page import Stroke

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
INTERRUPT = """
    const [tool, interrupting] = arguments, canvas = document.querySelector('.paper canvas');
    const box = canvas.getBoundingClientRect(), press = (selector) => document.querySelector(selector).click();
    const send = (name, x, y) => canvas.dispatchEvent(new PointerEvent(name,
        { pointerId: 7, pointerType: 'pen', bubbles: true, clientX: box.left + x, clientY: box.top + y }));
    press(`[data-tool=${tool}]`);
    send('pointerdown', 100, 100);
    send('pointermove', 120, 110);
    press(interrupting);
    const after = canvas.toDataURL();
    send('pointermove', 140, 130);
    send('pointermove', 160, 150);
    send('pointerup', 160, 150);
    return [after, canvas.toDataURL()];
"""
PROBABILITIES = (
    "return [...document.querySelectorAll('#answers .value')].map((each) => each.dataset.probability ?? null)"
)


def opened(driver: Any, file: Path, width: int = 1280, dark: bool = False) -> None:
    show(driver, file, width, dark)
    wait_until(lambda: driver.execute_script("return document.body.dataset.ready"))
    wait_until(lambda: None not in probabilities(driver))


def open_panel(driver: Any, file: Path, name: str, width: int = 1280, dark: bool = False) -> None:
    """Open a page, and one of its panels, with the first stored digit."""
    opened(driver, file, width, dark)
    driver.execute_script(OPEN, f"panel-{name}")


def wait_until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for what the page's workers compute."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "the page did not answer"
        time.sleep(0.05)
    return found


def probabilities(driver: Any) -> list[float | None]:
    return [None if each is None else float(each) for each in driver.execute_script(PROBABILITIES)]


def all_of(driver: Any, selector: str) -> list[Any]:
    return driver.find_elements("css selector", selector)


def click(driver: Any, selector: str) -> None:
    driver.find_element("css selector", selector).click()


def text(driver: Any, selector: str) -> str:
    """Return the text of an element; empty if there is none."""
    return driver.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector).strip()


def choose(driver: Any, selector: str, value: object, kind: str = "change") -> None:
    """Set a field or a list to a value, as the user does."""
    driver.execute_script(CHANGE, selector, str(value), kind)


def number_of(words: str) -> float:
    """The number that a text contains, with its real minus signs."""
    return float(words.replace("\u2212", "-"))


def shows(driver: Any, expected: np.ndarray, tolerance: float = 1e-5) -> bool:
    """Return whether the page shows these probabilities."""
    found = probabilities(driver)
    return None not in found and np.allclose(found, expected, rtol=0, atol=tolerance)


def draw(driver: Any, strokes: list[Stroke], release: bool = True) -> None:
    """Draw with a pen; without `release`, it stays on the paper."""
    driver.execute_script(DRAW, strokes, release)
