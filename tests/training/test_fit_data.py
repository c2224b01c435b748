"""The data arguments of `fit`: arrays, validation splits, class and sample weights, and iterables of batches."""

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import Sequential
from scratchcnn.kernels.runtime import workspace
from scratchcnn.layers import Dense, Flatten
from scratchcnn.optimizers import SGD

X, Y = small_data(40)
PARTS = [(X[start : start + 8], Y[start : start + 8]) for start in range(0, 40, 8)]
ENGINES = pytest.mark.parametrize("engine", ["kernels", "reference"])


def fit(model, *data, **options):
    return model.fit(*data, verbose=0, **options)


def steps(model):
    return model.optimizer_state.iterations


def assert_equal_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def endless():
    while True:
        yield from PARTS


class Batches:
    """An iterable of batches that can be iterated repeatedly, and is not a sequence."""

    def __iter__(self):
        return iter(PARTS)


class SizedBatches(Batches):
    def __len__(self):
        return len(PARTS)


STREAMS = {
    "list": (lambda: list(PARTS), {}),
    "generator": (lambda: (part for part in PARTS * 2), {"steps_per_epoch": 5}),
    "endless generator": (endless, {"steps_per_epoch": 5}),
    "iterable": (Batches, {}),
    "sized iterable": (SizedBatches, {}),
    "iterable with steps": (Batches, {"steps_per_epoch": 5}),
    "lists instead of tuples": (lambda: [list(part) for part in PARTS], {}),
    "with unit weights": (lambda: [(x, y, np.ones(len(x))) for x, y in PARTS], {}),
}


@pytest.mark.parametrize(("make", "options"), STREAMS.values(), ids=STREAMS)
def test_batches_train_like_unshuffled_arrays(make, options):
    arrays, batches = small_model(seed=1), small_model(seed=1)
    expected = fit(arrays, X, Y, 8, 2, shuffle=False, validation_data=(X, Y))
    found = fit(batches, make(), epochs=2, validation_data=(X, Y), **options)
    assert found.history == expected.history
    assert_equal_weights(arrays, batches)


def test_short_epochs_of_an_iterable_continue_where_the_previous_epoch_stopped():
    batches, arrays = small_model(seed=1), small_model(seed=1)
    fit(batches, Batches(), epochs=5, steps_per_epoch=3)
    fit(arrays, X, Y, 8, 3, shuffle=False)
    assert_equal_weights(batches, arrays)


def test_steps_per_epoch_limits_the_batches_of_arrays():
    model = small_model(seed=1)
    assert fit(model, X, Y, 8, 3, steps_per_epoch=2).epoch == [0, 1, 2]
    assert steps(model) == 6
    with pytest.raises(ValueError, match=r"at most 5 steps, as 40 samples make 5 batches of 8, received 6"):
        fit(model, X, Y, 8, steps_per_epoch=6)


def test_unshuffled_epochs_process_samples_in_order():
    one, other = small_model(seed=1), small_model(seed=1)
    fit(one, X, Y, 8, 2, shuffle=False)
    for x, y in PARTS * 2:
        other.train_on_batch(x, y)
    assert_equal_weights(one, other)
    shuffled = small_model(seed=1)
    fit(shuffled, X, Y, 8, 2)
    assert any((a != b).any() for a, b in zip(one.get_weights(), shuffled.get_weights(), strict=True))


def test_first_batch_determines_unknown_input_shape():
    model = Sequential([Flatten(), Dense(5, activation="softmax")], seed=0)
    model.compile()
    fit(model, iter(PARTS))
    assert model.input_shape == (None, 9, 8, 1)
    assert steps(model) == 5  # the first batch is not lost


@pytest.mark.parametrize(
    "validation", [lambda: (X[:20], Y[:20]), Batches, lambda: iter(PARTS * 3)], ids=["arrays", "iterable", "iterator"]
)
def test_validation_on_batches_equals_validation_on_arrays(validation):
    given = validation()
    options = {} if isinstance(given, tuple) else {"validation_steps": 5}
    expected = (X[:20], Y[:20]) if isinstance(given, tuple) else (X, Y)
    model, other = small_model(seed=1), small_model(seed=1)
    found = fit(model, X, Y, 8, 2, validation_data=given, **options)
    assert found.history == fit(other, X, Y, 8, 2, validation_data=expected).history


# Batches that run out, are invalid, or raise an error


def test_exhausted_batches_warn_and_end_training():
    model = small_model(seed=1)
    with pytest.warns(
        UserWarning, match=r"Expected 3 batches in epoch 2, received 2: the data ran out, and training stops"
    ) as caught:
        history = fit(model, iter(PARTS), epochs=4, steps_per_epoch=3, validation_data=(X, Y))
    assert caught[0].filename == __file__
    assert history.epoch == [0, 1]
    assert len(history.history["val_loss"]) == 2
    assert steps(model) == 5
    with pytest.warns(UserWarning, match=r"Expected more batches in epoch 2, received 0"):
        assert fit(model, iter(PARTS), epochs=4).epoch == [0]
    assert fit(model, X, Y).epoch == [0]


def bad_at(number, bad):
    yield from PARTS[: number - 1]
    if isinstance(bad, Exception):
        raise bad
    yield bad


BAD = {
    "shape": ((X[:8, 1:], Y[:8]), ValueError, r"^Batch 3 of the data: Expected x of shape \(samples, 9, 8, 1\)"),
    "labels": ((X[:8], Y[:7]), ValueError, r"^Batch 3 of the data: Expected labels of shape \(8,\)"),
    "float labels": ((X[:8], Y[:8] / 2), TypeError, "^Batch 3 of the data: Expected labels of an integer type"),
    "weights": ((X[:8], Y[:8], [1.0]), ValueError, r"^Batch 3 of the data: Expected sample_weight of shape \(8,\)"),
    "x alone": (X[:8], ValueError, r"^Batch 3 of the data: Expected \(x, y\) or .*, received ndarray"),
    "four": ((X, Y, Y, Y), ValueError, r"Batch 3 of the data: .* received 4 of them"),
    "error": (OSError("read failed"), OSError, "^read failed$"),
}


@pytest.mark.parametrize(("bad", "kind", "message"), BAD.values(), ids=BAD)
def test_error_names_invalid_batch_and_keeps_previous_steps(monkeypatch, bad, kind, message):
    monkeypatch.setattr(workspace, "WORTH_IT", 1)  # so that the arrays of a model this small are reused, too
    model, other = small_model(seed=1), small_model(seed=1)
    with pytest.raises(kind, match=message):
        fit(model, bad_at(3, bad), steps_per_epoch=5)
    for x, y in PARTS[:2]:
        other.train_on_batch(x, y)
    assert_equal_weights(model, other)
    assert model.history.epoch == []
    assert other.trainer.workspace._blocks
    assert not model.trainer.workspace._blocks, "the memory was not released"
    fit(model, X, Y)


def test_invalid_first_batch_leaves_model_unbuilt():
    model = Sequential([Flatten(), Dense(5, activation="softmax")], seed=0)
    model.compile()
    with pytest.raises(ValueError, match=r"^The first batch: Expected \(x, y\)"):
        fit(model, iter([X]))
    with pytest.raises(ValueError, match="at least one batch, received an iterator that yielded none"):
        fit(model, iter([]))
    assert model.input_shape is None
    with pytest.warns(UserWarning, match="in epoch 1, received 0"):
        assert fit(small_model(), iter([])).history == {}


ARGUMENTS = [
    (lambda m: fit(m, X), "Expected y beside x, or x as batches .*, received x as ndarray alone"),
    (lambda m: fit(m, "batches"), "received x as str alone"),
    (lambda m: fit(m, 5), "received x as int alone"),
    (lambda m: fit(m, iter(PARTS), Y), "received y beside an iterator; omit y"),
    (lambda m: fit(m, []), "at least one batch, received an empty sequence"),
    (lambda m: fit(m, PARTS, batch_size=8), "no batch_size beside batches .*, received 8"),
    (lambda m: fit(m, PARTS, sample_weight=np.ones(40)), "no sample_weight beside batches"),
    (lambda m: fit(m, PARTS, validation_split=0.5), "no validation_split beside batches .*, received 0.5"),
    (lambda m: fit(m, PARTS, steps_per_epoch=0), "steps_per_epoch as a whole number of at least 1, received 0"),
    (lambda m: fit(m, X, Y, validation_data=iter(PARTS)), "validation_steps beside an iterator"),
    (lambda m: fit(m, X, Y, validation_data=(X, Y), validation_steps=0), "validation_steps as a .*, received 0"),
    (lambda m: fit(m, X, Y, validation_split=0.5, validation_steps=-1), "validation_steps as a .*, received -1"),
    (lambda m: fit(m, PARTS, validation_data=PARTS, validation_steps=1.5), "validation_steps as a .*, received 1.5"),
    (lambda m: fit(m, X, Y, shuffle="False"), "shuffle as True or False, received 'False'"),
    (lambda m: fit(m, X, Y, validation_split=1.0), "validation_split as a number from 0 to below 1, received 1.0"),
    (lambda m: fit(m, X, Y, validation_split=0.999), r"leaves samples .* train on 0 and validate on 40"),
    (lambda m: fit(m, X, Y, validation_split=1e-17), r"train on 40 and validate on 0"),
    (lambda m: fit(m, X, Y, sample_weight=np.ones(39)), r"sample_weight of shape \(40,\), .* received shape \(39,\)"),
    (lambda m: fit(m, X, Y, sample_weight=-np.ones(40)), "finite numbers of at least 0, received -1.0 at index 0"),
    (lambda m: fit(m, X, Y, sample_weight=[np.nan] * 40), "received nan at index 0"),
    (lambda m: fit(m, X, Y, sample_weight=["a"] * 40), "sample_weight as numbers, received dtype"),
    (lambda m: fit(m, X, Y, class_weight=[1, 2]), r"class_weight as a dict, .* received \[1, 2\]"),
    (lambda m: fit(m, X, Y, class_weight={5: 1.0}), "classes from 0 to 4 in class_weight, received 5"),
    (lambda m: fit(m, X, Y, class_weight={"a": 1.0}), "classes from 0 to 4 in class_weight, received 'a'"),
    (lambda m: fit(m, X, Y, class_weight={1: -1}), "class_weight of class 1 as a finite number of at least 0"),
    (lambda m: fit(m, X, Y, class_weight={1: 2}, sample_weight=np.ones(40)), "class_weight or sample_weight, received"),
    (lambda m: m.evaluate(X, Y, verbose=0, sample_weight=[1]), r"sample_weight of shape \(40,\)"),
]


@pytest.mark.parametrize(("call", "message"), ARGUMENTS, ids=[message[:40] for _, message in ARGUMENTS])
def test_invalid_arguments_raise_before_anything_changes(call, message):
    model = small_model(seed=1)
    before = model.get_weights()
    with pytest.raises((ValueError, TypeError), match=message):
        call(model)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.history is None


# Validation splits and weights; tests/keras compares them with Keras


def test_validation_split_takes_last_samples_before_shuffling():
    one, other = small_model(seed=1), small_model(seed=1)
    expected = fit(one, X[:30], Y[:30], 8, 2, validation_data=(X[30:], Y[30:])).history
    assert fit(other, X, Y, 8, 2, validation_split=0.25).history == expected
    assert_equal_weights(one, other)


@ENGINES
def test_sample_with_zero_weight_has_no_influence_on_gradient(engine):
    weights = np.r_[np.full(20, 2.0), np.zeros(20)]
    weighted, half = (Sequential([Flatten(input_shape=(9, 8, 1)), Dense(5, activation="softmax")], seed=0,
                                 dtype="float64", engine=engine) for _ in range(2))  # fmt: skip
    for model in (weighted, half):
        model.compile(SGD(0.5), metrics=["accuracy"])
    found = fit(weighted, X, Y, 40, 3, sample_weight=weights).history
    expected = fit(half, X[:20], Y[:20], 20, 3).history
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-12)
    for a, b in zip(weighted.get_weights(), half.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    loss, accuracy = weighted.evaluate(X, Y, verbose=0, sample_weight=weights)
    assert loss == pytest.approx(half.evaluate(X[:20], Y[:20], verbose=0)[0], rel=1e-12)
    assert accuracy == weighted.evaluate(X, Y, verbose=0)[1]  # metrics are not weighted


def test_unit_weights_are_bit_identical_to_no_weights():
    models = [small_model(seed=1) for _ in range(3)]
    histories = [
        fit(models[0], X, Y, 8, 2),
        fit(models[1], X, Y, 8, 2, sample_weight=np.ones(40)),
        fit(models[2], X, Y, 8, 2, class_weight={}),
    ]
    assert histories[0].history == histories[1].history == histories[2].history
    assert_equal_weights(models[0], models[1])
    assert_equal_weights(models[0], models[2])


def test_class_weights_equal_sample_weights_by_class():
    of_classes, of_samples, of_batches = (small_model(seed=1) for _ in range(3))
    fit(of_classes, X, Y, 8, 2, shuffle=False, class_weight={1: 3.0, 4: 0.5})
    fit(of_samples, X, Y, 8, 2, shuffle=False, sample_weight=np.array([1, 3, 1, 1, 0.5])[Y])
    fit(of_batches, PARTS, epochs=2, class_weight={1: 3.0, 4: 0.5})
    assert_equal_weights(of_classes, of_samples)
    assert_equal_weights(of_classes, of_batches)
