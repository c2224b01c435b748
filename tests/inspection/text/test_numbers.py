"""Numbers as text: units after rounding."""

import pytest

from scratchcnn.inspection.text.numbers import scaled


@pytest.mark.parametrize(
    ("number", "step", "text"),
    [
        (999_499, 1000, "999 k"), (999_700, 1000, "1 M"), (1000, 1000, "1 k"), (999, 1000, "999"),
        (1023, 1024, "1023"), (1023 * 1024 + 1000, 1024, "1 M"), (999.7 * 1024, 1024, "1000 k"),
    ],
)  # fmt: skip
def test_number_that_is_rounded_up_to_the_next_unit_is_not_written_as_a_power_of_ten(number, step, text):
    assert scaled(number, ["", "k", "M"], step) == text
