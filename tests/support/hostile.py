"""Strategies and helpers that damage files, for tests of what hostile files can do."""

import copy

from hypothesis import strategies as st


@st.composite
def damage(draw):
    """A function that damages bytes: changes a few, removes the end, or replaces a part."""
    changes = draw(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5))
    start, length = draw(st.tuples(st.floats(0, 1), st.integers(0, 300)))
    insertion, end = draw(st.binary(max_size=20)), draw(st.none() | st.floats(0, 1))

    def damaged(content):
        changed = bytearray(content)
        for place, value in changes:
            changed[int(place * len(changed))] = value
        if end is not None:
            del changed[int(end * len(changed)) :]
        elif length > 250:
            place = int(start * len(changed))
            changed[place : place + length - 250] = insertion
        return bytes(changed)

    return damaged


def places(value, at=()):
    """Iterate over the paths of all values nested in a description."""
    yield at
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*at, key))


def replaced(value, at, other):
    if not at:
        return other
    changed = copy.copy(value)
    changed[at[0]] = replaced(value[at[0]], at[1:], other)
    return changed


UNEXPECTED = st.sampled_from([
    None, True, False, -1, 0, 1, 2, 3.5, float("nan"), float("inf"), 10**9, 10**30, -(10**30), 1e308, "", "x" * 99,
    "relu", "Dense", "Adam", "float64", "float16", "object", "kernels", [], [[]], {}, [1, 2], [10**9] * 3, [None],
    {"class_name": "Dense"},
    {"class_name": "Dense", "config": {"units": 10**12}}, {"class_name": "History", "config": {}}, {"class_name": []},
])  # fmt: skip
