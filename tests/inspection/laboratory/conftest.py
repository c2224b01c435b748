"""One browser for all tests of a module."""

from __future__ import annotations

from typing import Any

import pytest
from browser import chromium


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Any:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver
