"""check_data: a correct data set passes, and each kind of error is found."""

import numpy as np
import pytest
from networks import sample_digits

from scratchcnn.inspection import check_data

(X, Y), (X_TEST, Y_TEST) = sample_digits()
X, Y = X[:1000], Y[:1000].astype(int)


def test_correct_data_pass():
    found = check_data(X, Y, validation=(X_TEST, Y_TEST), classes=10)
    assert found.ok, str(found)
    assert max(map(len, str(found).splitlines())) <= 120
    assert check_data(X, np.eye(10)[Y]).ok
    assert check_data((X * 255).astype(np.uint8), Y)["pixels"].ok is None
    assert check_data(X, Y, classes=11)["labels"].ok is None  # a class without samples is a note, not an error


@pytest.mark.parametrize(("x", "y", "options", "name"), [
    (X, Y[:-1], {}, "pairs"),
    (np.where(np.arange(28) < 1, np.nan, X[..., 0])[..., None], Y, {}, "pixels"),
    (X * 255, Y, {}, "pixels"),
    (X / 255, Y, {}, "pixels"),
    (X, Y + 1, {}, "labels"),
    (X, Y - 1, {}, "labels"),
    (X, Y, {"classes": 9}, "labels"),
    (X, Y + 0.5, {}, "labels"),
    (X, np.roll(Y, 1), {}, "neighbors"),
    (X[::-1], Y, {}, "neighbors"),
    (X, Y, {"validation": (X_TEST * 255, Y_TEST)}, "validation scale"),
    (X, Y, {"validation": (np.where(X_TEST > 0.9, np.nan, X_TEST), Y_TEST)}, "validation scale"),
    (X, Y, {"validation": (X_TEST, Y_TEST + 1)}, "validation labels"),
    (X, Y, {"validation": (X_TEST, (Y_TEST + 1) % 10)}, "validation neighbors"),
    (X, Y, {"validation": (X[:200], Y[:200])}, "separate"),
    (X, Y, {"validation": (X_TEST[:, :14], Y_TEST)}, "validation pairs"),
])  # fmt: skip
def test_each_error_is_found(x, y, options, name):
    found = check_data(x, y, **options)
    assert name in [point.name for point in found.wrong], str(found)


def test_unbalanced_classes_are_a_note():
    few = (Y != 3) | (np.cumsum(Y == 3) <= 2)
    found = check_data(X[few], Y[few])
    assert found["balance"].ok is None
    assert "recall" in found["balance"].text


def test_invalid_arguments_are_errors():
    with pytest.raises(TypeError, match="Expected x as an array of numbers"):
        check_data(["a", "b"], [0, 1])
    with pytest.raises(TypeError, match="Expected y as an array of numbers"):
        check_data(X, [])
    with pytest.raises(ValueError, match=r"Expected validation as \(x, y\)"):
        check_data(X, Y, validation=X_TEST)
    with pytest.raises(ValueError, match="Expected classes as a whole number"):
        check_data(X, Y, classes=0)
