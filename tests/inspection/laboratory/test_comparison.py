"""Two models on one page: where they disagree, what is reported about them, and error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import article_model, sample_digits

from scratchcnn import Sequential
from scratchcnn.inspection.laboratory import write_laboratory
from scratchcnn.inspection.laboratory.comparison import SHOWN, compare_models
from scratchcnn.inspection.laboratory.stored_weights import largest_rounding, with_stored_weights
from scratchcnn.layers import Dense, Flatten


def network(seed: int, units: int = 10, shape: tuple[int, ...] = (28, 28, 1)) -> Sequential:
    return Sequential([Flatten(input_shape=shape), Dense(units, activation="softmax")], seed=seed)


def data(rng: np.random.Generator, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    return rng.random((count, 28, 28, 1), np.float32), rng.integers(10, size=count)


def test_disagreements_are_all_images_with_different_answers_the_most_confident_first(rng):
    model, other = network(0), network(1)
    x, y = data(rng)
    both = np.stack([with_stored_weights(each).predict(x) for each in (model, other)])
    found = compare_models(model, other, ("a", "b"), x, y, both[0])
    answers = both.argmax(axis=2)
    assert sorted(found.disagreements) == [*np.flatnonzero(answers[0] != answers[1])]
    assert len(found.disagreements) > SHOWN  # so that not all of them are shown
    confidences = both[:, found.disagreements].max(axis=2).min(axis=0)
    assert (np.diff(confidences) <= 0).all()
    np.testing.assert_array_equal(found.answers, answers)
    assert found.accuracies == pytest.approx((answers == y).mean(axis=1))
    shown = found.data(other, range(SHOWN))["shown"]
    assert [each["answers"] for each in shown] == answers[:, found.disagreements[:SHOWN]].T.tolist()


def test_the_same_model_never_disagrees(rng):
    x, y = data(rng)
    model = network(0)
    found = compare_models(model, model.clone(), ("a", "b"), x, y, with_stored_weights(model).predict(x))
    assert len(found.disagreements) == 0


def test_report_has_both_names_and_rounding_errors(tmp_path, rng):
    x, y = data(rng)
    model, other = network(0), network(1)
    made = write_laboratory(model, tmp_path / "p.html", x, y, compare=other, names=("before", "after <b>"))
    assert made.comparison is not None
    assert made.comparison.rounding == largest_rounding(other)
    lines = str(made).splitlines()
    assert lines[1] == f"  before and after <b> disagree on {len(made.comparison.disagreements)} of 60 images"
    assert lines[2].startswith("  before: weights stored as float16: ")
    assert lines[3].startswith("  after <b>: weights stored as float16: ")
    assert "after <b>" not in (tmp_path / "p.html").read_text()  # names are text, never HTML


def test_page_with_two_networks_of_the_article_has_at_most_8_mb(tmp_path):
    _, (x, y) = sample_digits()
    model, other = article_model(seed=0), article_model(seed=1)
    made = write_laboratory(model, tmp_path / "p.html", x[:300], y[:300], compare=other)
    assert made.comparison is not None
    assert len(made.comparison.disagreements) > SHOWN
    assert made.size <= 8_000_000
    assert max(made.rounding, made.comparison.rounding) <= 2.0**-11


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"compare": "model.npz"}, "Expected a Sequential for compare, received str"),
        (
            {"compare": network(0, units=9)},
            r"Expected compare with the input shape \(28, 28, 1\) and the 10 classes of the model, received input "
            r"shape \(28, 28, 1\) and 9 classes; compare models of the same images",
        ),
        ({"compare": network(0, shape=(784,))}, r"received input shape \(784,\) and 10 classes"),
        ({"names": ("same", "same")}, r"Expected names as two different texts, received \('same', 'same'\)"),
        ({"names": ("one", "")}, "Expected names as two different texts"),
        ({"names": "ab"}, "Expected names as two different texts, received 'ab'"),
    ],
)
def test_wrong_arguments(tmp_path, rng, change, message):
    x, y = data(rng, 8)
    arguments: dict[str, Any] = {"compare": network(1), "names": ("a", "b"), **change}
    with pytest.raises((TypeError, ValueError), match=message):
        write_laboratory(network(0), tmp_path / "p.html", x, y, **arguments)
    assert not (tmp_path / "p.html").exists()
