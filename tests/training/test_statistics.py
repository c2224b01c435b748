"""Statistics of layers in training: updated once for each step and by no other call; part of every copy and file."""

import copy
import pickle

import numpy as np
import pytest

from scratchcnn import Sequential, load_model
from scratchcnn.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint
from scratchcnn.inspection import check_gradients, compare_layers, explain, overfit_one_batch, trace
from scratchcnn.layers import BatchNormalization, Conv2D, Dense, Flatten, Layer, MaxPooling2D, ReLU

ENGINES = ["kernels", "reference"]
rng = np.random.default_rng(7)
X, Y = rng.random((24, 8, 8, 1)).astype(np.float32), np.arange(24) % 3


class RunningMean(Layer):
    """Subtracts a running mean of the inputs; a user's own layer, whose only parameter is a statistic."""

    statistics = ("mean",)

    def initial_params(self, input_shape, rng, dtype):
        return {"mean": np.zeros(input_shape, dtype)}

    def forward(self, x, ops, training, rng):
        return x - self.params["mean"], x.mean(axis=0)

    def next_statistics(self, cache):
        return {"mean": 0.75 * self.params["mean"] + 0.25 * cache}

    def backward(self, dy, cache, ops, input_gradient=True):
        return dy if input_gradient else None, {}


def small(optimizer="adam", **options):
    model = Sequential([
        RunningMean(input_shape=(8, 8, 1)), Conv2D(4, 3), BatchNormalization(momentum=0.5), ReLU(), MaxPooling2D(),
        Flatten(), Dense(6, activation="relu"), BatchNormalization(momentum=0.75), Dense(3, activation="softmax"),
    ], **{"seed": 5, **options})  # fmt: skip
    model.compile(optimizer, metrics=["accuracy"])
    return model


def statistics(model):
    return [layer.params[name].copy() for layer in model.layers for name in layer.statistics]


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def differs(one, other):
    return [bool((a != b).any()) for a, b in zip(one, other, strict=True)]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_step_puts_the_statistics_of_its_batch_into_the_moving_averages(engine):
    model = Sequential([BatchNormalization(momentum=0.5, input_shape=(2,)), Dense(2, activation="softmax")],
                       engine=engine, dtype="float64", seed=0)  # fmt: skip
    model.compile("sgd")
    x = rng.standard_normal((20, 2)) + np.array([3, -4])
    mean, variance = np.zeros(2), np.ones(2)
    for first in range(0, 20, 5):
        batch = x[first : first + 5]
        mean, variance = (mean + batch.mean(axis=0)) / 2, (variance + batch.var(axis=0)) / 2
    model.fit(x, np.arange(20) % 2, batch_size=5, epochs=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.layers[0].moving_mean, mean, rtol=1e-14)
    np.testing.assert_allclose(model.layers[0].moving_variance, variance, rtol=1e-14)


@pytest.mark.parametrize("engine", ENGINES)
def test_passes_without_an_update_change_nothing(engine, tmp_path):
    model = small(engine=engine)
    model.fit(X, Y, batch_size=8, verbose=0)
    before, plan = model.get_weights(), model.plan
    model.predict(X)
    model.evaluate(X, Y, verbose=0)
    model.test_on_batch(X, Y)
    model(X, training=True)
    model.loss_and_gradients(X, Y, training=True)
    explain(trace(model, X[:4], Y[:4], training=True), "batch_normalization", (0, 1, 1, 1))
    check_gradients(model, X[:3], Y[:3], sample=2)
    overfit_one_batch(model, X, Y, samples=3, steps=3)
    model.save(tmp_path / "model.npz") if engine == "kernels" else None
    assert_equal(model.get_weights(), before)
    assert model.plan is plan


def test_changing_statistics_do_not_make_a_new_plan_or_trainer():
    model = small()
    plan, trainer, arrays = model.plan, model.trainer, [id(array) for array in model.weights]
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert model.plan is plan
    assert model.trainer is trainer
    assert [id(array) for array in model.weights] == arrays


def test_statistics_have_no_gradient_and_no_optimizer_state():
    model = small()
    model.train_on_batch(X, Y)
    trained = ["kernel", "bias", "gamma", "beta", "kernel", "bias", "gamma", "beta", "kernel", "bias"]
    found = [name for layer in model.layers for name in layer.trainable_params]
    assert found == trained
    gradients = model.loss_and_gradients(X, Y, training=True)[1]
    shapes = [array.shape for array in model.trainable_weights]
    assert [gradient.shape for gradient in gradients] == shapes
    assert [slots[0].shape for slots in model.optimizer_state.slots] == shapes


@pytest.mark.parametrize("engine", ENGINES)
def test_non_finite_loss_leaves_parameters_and_statistics_unchanged(engine):
    model = small(engine=engine)
    model.train_on_batch(X, Y)
    model.layers[-1].kernel[0, 0] = np.nan  # after both layers with statistics
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match="The loss became nan"):
        model.train_on_batch(X, Y)
    assert_equal(model.get_weights(), before)


def test_failing_optimizer_leaves_the_statistics_unchanged():
    model = small()
    before = statistics(model)

    def rate(step):
        raise RuntimeError("no rate")

    model.optimizer.learning_rate = rate
    with pytest.raises(RuntimeError, match="no rate"):
        model.train_on_batch(X, Y)
    assert_equal(statistics(model), before)


@pytest.mark.parametrize("engine", ENGINES)
def test_freezing_and_unfreezing_in_training_stops_and_resumes_the_updates(engine):
    model, seen = small(engine=engine), []
    frozen = model.layers[2]

    def on_epoch_begin(epoch, logs):
        seen.append(model.get_weights())
        frozen.trainable = epoch != 1

    model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=LambdaCallback(on_epoch_begin=on_epoch_begin))
    seen.append(model.get_weights())
    own = slice(3, 7)  # gamma, beta, moving mean and variance of the frozen layer, after 'mean', kernel and bias
    for epoch, expected in enumerate([True, False, True]):
        changed = differs(seen[epoch], seen[epoch + 1])
        assert set(changed[own]) == {expected}
        assert all(changed[: own.start] + changed[own.stop :])


def test_frozen_layer_is_in_inference_mode_in_training():
    """As in Keras: frozen gamma and beta with the moving averages make an affine map of each sample."""
    model = small()
    model.fit(X, Y, batch_size=8, verbose=0)
    model.trainable = False
    outputs = model(X, training=True)
    assert_equal([outputs], [model(X)])
    model.layers[-1].trainable = True
    before = statistics(model)
    model.fit(X, Y, batch_size=8, verbose=0)
    assert_equal(statistics(model), before)


def test_gradients_of_a_frozen_layer_are_checked_with_its_moving_averages():
    model = small(dtype="float64")
    model.fit(X, Y, batch_size=8, verbose=0)
    for number in (2, 7):
        model.layers[number].trainable = False
        assert check_gradients(model, X[:5], Y[:5], sample=6).ok


@pytest.mark.parametrize("way", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), Sequential.clone])
def test_copies_have_statistics_of_their_own(way):
    model = small()
    model.fit(X, Y, batch_size=8, verbose=0)
    other = way(model)
    assert_equal(statistics(other), statistics(model))
    before = statistics(model)
    other.fit(X, Y, batch_size=8, verbose=0)
    assert_equal(statistics(model), before)
    assert all(differs(statistics(other), before))


def test_best_weights_are_restored_with_their_statistics():
    model, seen = small("sgd"), []
    stopping = EarlyStopping("val_loss", patience=9, restore_best_weights=True)
    record = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(statistics(model)))
    history = model.fit(X, Y, batch_size=8, epochs=6, verbose=0, validation_data=(X[:9], Y[::-1][:9]),
                        callbacks=[record, stopping]).history  # fmt: skip
    best = int(np.argmin(history["val_loss"]))
    assert best < 5  # else nothing would have to be restored
    assert_equal(statistics(model), seen[best])


def test_checkpoint_resumes_with_the_same_bits(tmp_path):
    whole, objects = small(), {"RunningMean": RunningMean}
    whole.fit(X, Y, batch_size=8, epochs=4, verbose=0)
    half = small()
    half.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=ModelCheckpoint(tmp_path / "half.npz"))
    loaded = load_model(tmp_path / "half.npz", custom_objects=objects)
    assert_equal(loaded.get_weights(), half.get_weights())
    loaded.fit(X, Y, batch_size=8, epochs=4, initial_epoch=2, verbose=0)
    assert_equal(loaded.get_weights(), whole.get_weights())


def test_interrupted_training_continues_with_the_same_bits(tmp_path):
    whole, broken = small(), small()
    whole.fit(X, Y, batch_size=8, epochs=2, verbose=0)

    def interrupt(batch, logs):
        if batch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=LambdaCallback(on_train_batch_end=interrupt))
    broken.save(tmp_path / "broken.npz")
    loaded = load_model(tmp_path / "broken.npz", custom_objects={"RunningMean": RunningMean})
    loaded.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert_equal(loaded.get_weights(), whole.get_weights())


def test_weights_of_a_file_include_the_statistics(tmp_path):
    model, other = small(), small(seed=6)
    model.fit(X, Y, batch_size=8, verbose=0)
    model.save_weights(tmp_path / "weights.npz")
    other.load_weights(tmp_path / "weights.npz")
    assert_equal(other.get_weights(), model.get_weights())
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"Expected shape .* for the moving_variance of layer 'batch_normalization'"):
        model.set_weights([array[:1] if i == 6 else array + 1 for i, array in enumerate(before)])
    assert_equal(model.get_weights(), before)


WRONG = {
    "no dict": lambda layer, cache: None,
    "no value": lambda layer, cache: {},
    "another name": lambda layer, cache: {"means": cache},
    "another shape": lambda layer, cache: {"mean": cache[:2]},
    "no numbers": lambda layer, cache: {"mean": np.full(cache.shape, "a")},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_statistics_of_a_users_layer_are_refused_and_nothing_is_changed(wrong, monkeypatch):
    model = small()
    monkeypatch.setattr(RunningMean, "next_statistics", wrong)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"Expected .*running_mean' \(RunningMean\).*received"):
        model.train_on_batch(X, Y)
    assert_equal(model.get_weights(), before)


def test_statistics_that_are_no_parameters_are_refused(monkeypatch):
    monkeypatch.setattr(RunningMean, "statistics", ("average",))
    model = small()
    monkeypatch.setattr(RunningMean, "next_statistics", lambda layer, cache: {"average": cache})
    monkeypatch.setattr(RunningMean, "statistics", ("average",))
    with pytest.raises(ValueError, match=r"among its parameters \['mean'\], received \['average'\]"):
        model.train_on_batch(X, Y)


class OwnBatchNormalization(Layer):
    """Batch normalization as a user would write it, from NumPy alone."""

    statistics = ("moving_mean", "moving_variance")

    def initial_params(self, input_shape, rng, dtype):
        shape = input_shape[-1:]
        return {"gamma": np.ones(shape, dtype), "beta": np.zeros(shape, dtype), "moving_mean": np.zeros(shape, dtype),
                "moving_variance": np.ones(shape, dtype)}  # fmt: skip

    def forward(self, x, ops, training, rng):
        axes = tuple(range(x.ndim - 1))
        of_batch = training and self.trainable
        mean, variance = (x.mean(axis=axes), x.var(axis=axes)) if of_batch else (
            self.params["moving_mean"], self.params["moving_variance"])  # fmt: skip
        deviation = np.sqrt(variance + x.dtype.type(1e-3))
        normalized = (x - mean) / deviation
        cache = normalized, deviation, mean, variance, of_batch
        return self.params["gamma"] * normalized + self.params["beta"], cache

    def backward(self, dy, cache, ops, input_gradient=True):
        normalized, deviation, _, _, of_batch = cache
        axes = tuple(range(dy.ndim - 1))
        gradients = {"gamma": (dy * normalized).sum(axis=axes), "beta": dy.sum(axis=axes)}
        dx = dy - dy.mean(axis=axes) - normalized * (dy * normalized).mean(axis=axes) if of_batch else dy
        return dx * self.params["gamma"] / deviation, gradients

    def next_statistics(self, cache):
        new = dict(zip(self.statistics, cache[2:4], strict=True))
        return {name: 0.99 * self.params[name] + 0.01 * value for name, value in new.items()}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (5, 4, 6, 3)])
def test_layer_of_a_user_equals_the_layer_of_the_library(training, shape):
    x = np.random.default_rng(0).standard_normal(shape) + 2
    found = compare_layers(OwnBatchNormalization(), BatchNormalization(), x, training=training)
    assert not found.wrong


def test_training_with_the_layer_of_a_user_equals_that_with_the_layer_of_the_library():
    """In float64, 6 steps of rounding, each magnified by the deviations of single channels, stay below 1e-9."""
    models = [
        Sequential([Conv2D(4, 3, input_shape=(8, 8, 1)), kind(), ReLU(), Flatten(), Dense(3, activation="softmax")],
                   seed=0, dtype="float64") for kind in (OwnBatchNormalization, BatchNormalization)
    ]  # fmt: skip
    for model in models:
        model.compile("sgd")
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
