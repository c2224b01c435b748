"""The order in which the workers of pytest-xdist run the tests: the slow modules first, and every test once."""

from pathlib import Path
from types import SimpleNamespace

import pytest

TESTS = Path(__file__).parent


@pytest.fixture
def conftest(pytestconfig):
    [found] = [plugin for plugin in pytestconfig.pluginmanager.get_plugins() if hasattr(plugin, "SLOWEST")]
    return found


def test_slowest_modules_exist(conftest):
    for beginning in conftest.SLOWEST:
        assert (TESTS / beginning.partition("::")[0]).exists(), beginning


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_every_worker_begins_with_slow_modules(conftest, monkeypatch, workers):
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(workers))
    slow = [f"tests/{beginning}/test_{number}" for beginning in conftest.SLOWEST[2:] for number in range(3)]
    fast = [f"tests/fast/test_{number}" for number in range(200)]
    names = [*fast[:150], *slow, *fast[150:]]
    items = [SimpleNamespace(nodeid=name) for name in names]
    conftest.pytest_collection_modifyitems(items)
    arranged = [item.nodeid for item in items]
    assert sorted(arranged) == sorted(names)
    start = 0
    for number in range(workers):
        size = (len(arranged) - start) // (workers - number)
        part = arranged[start : start + size]
        count = sum(name in slow for name in part)
        assert count >= len(slow) // workers - 3
        assert set(part[:count]) <= set(slow)  # they come first
        assert part[:3] == sorted(part[:3])  # and the tests of a module together, in their order
        assert len({name.rpartition("/")[0] for name in part[:3]}) == 1
        start += size


def test_one_process_keeps_the_order(conftest, monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    items = [SimpleNamespace(nodeid=f"tests/{name}/test") for name in ("first", *conftest.SLOWEST)]
    before = items.copy()
    conftest.pytest_collection_modifyitems(items)
    assert items == before
