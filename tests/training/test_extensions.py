"""A user's own loss, metric, optimizer and activation: base classes that need nothing else to be changed."""

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import Sequential, load_model, operations
from scratchcnn.activations import ActivationFunction
from scratchcnn.callbacks import EarlyStopping
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D
from scratchcnn.losses import Loss
from scratchcnn.metrics import Metric
from scratchcnn.optimizers import Adam, Optimizer, RMSprop, State

X, Y = small_data(8)


class MeanSquaredError(Loss):
    """Mean of the squared differences."""

    name = "mean_squared_error"

    def forward(self, outputs, targets, ops):
        return ((outputs - targets) ** 2).reshape(len(targets), -1).mean(axis=1), outputs

    def backward(self, predictions, targets, ops):
        return 2 * (predictions - targets) / targets.size


class MeanAbsoluteError(Metric):
    """Mean of the absolute differences."""

    higher_is_better = False

    def of_samples(self, targets, outputs):
        return abs(targets - outputs).reshape(len(targets), -1).mean(axis=1)


@pytest.mark.parametrize(("optimizer", "setting", "value", "arrays"), [
    (RMSprop(), "momentum", 0.5, "velocity and increment for each parameter, received 1 "),
    (RMSprop(momentum=0.5), "momentum", 0.0, "velocity for each parameter, received 2 "),
    (RMSprop(weight_decay=0.1), "centered", True, "velocity and average for each parameter, received 1 "),
    (Adam(weight_decay=0.1), "amsgrad", True, "m and v and v_max for each parameter, received 2 "),
    (Adam(amsgrad=True, clipnorm=1.0), "amsgrad", False, "m and v for each parameter, received 3 "),
])  # fmt: skip
def test_setting_that_changes_the_optimizer_state_requires_compile(optimizer, setting, value, arrays):
    model = small_model(seed=1)
    model.compile(optimizer)
    model.train_on_batch(X, Y)
    before = model.get_weights()
    setattr(model.optimizer, setting, value)
    with pytest.raises(ValueError, match=f"state of {type(optimizer).__name__} with {arrays}"):
        model.train_on_batch(X, Y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.compile(optimizer)
    model.train_on_batch(X, Y)


class Halfway(Optimizer):
    """An optimizer that overrides `update` and `slot_names` only; the base class does the rest."""

    slot_names = ("sum",)

    def update(self, parameter, gradient, slots, step, learning_rate, ops):
        slots[0][...] += gradient
        parameter -= parameter.dtype.type(learning_rate / step) * slots[0]


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_update_of_one_parameter_gets_clipped_gradients_and_decayed_parameters(engine):
    optimizer, parameter, gradient = Halfway(0.1, weight_decay=2.0, clipvalue=1.0), np.array([4.0]), np.array([9.0])
    state = optimizer.start([parameter])
    for _ in range(2):
        state = optimizer.step([parameter], [gradient], state, operations.engine(engine))
    # 4 * 0.8 - 0.1 * 1 = 3.1, then 3.1 * 0.8 - 0.1 / 2 * 2 = 2.38
    np.testing.assert_allclose(parameter, 2.38)
    assert (state.iterations, state.slots[0][0].item(), gradient.item()) == (2, 2, 9)


class SignSGD(Optimizer):
    """Steps of one size in the direction of the negative gradient's signs."""

    def step(self, parameters, gradients, state, ops):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= parameter.dtype.type(self.learning_rate) * np.sign(gradient)
        return State(state.iterations + 1, state.slots)


class Square(ActivationFunction):
    """y = x ** 2."""

    name = "square"

    def forward(self, x, ops):
        return x * x

    def backward(self, dy, y, ops):
        return dy * 2 * np.sqrt(y)  # for inputs of at least 0


@pytest.fixture
def data(rng):
    x = rng.random((60, 8, 8, 1))
    return x, np.stack([x.mean(axis=(1, 2, 3)), x.std(axis=(1, 2, 3))], axis=1)


def regression(optimizer="adam", engine="kernels", dtype="float32"):
    layers = [Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)), MaxPooling2D(), Flatten(), Dense(2)]
    model = Sequential(layers, seed=0, engine=engine, dtype=dtype)
    model.compile(optimizer, MeanSquaredError(), [MeanAbsoluteError()])
    return model


@pytest.mark.parametrize("optimizer", ["adam", "sgd", SignSGD(0.001)])
@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_regression_with_own_parts_is_learned(data, optimizer, engine):
    model = regression(optimizer, engine)
    x, y = data
    before, absolute = model.evaluate(x, y, verbose=0)
    history = model.fit(x, y, epochs=8, verbose=0, validation_split=0.2).history
    assert set(history) == {"loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"}
    loss, after = model.evaluate(x, y, verbose=0)
    assert loss < before / 2
    assert after < absolute
    assert loss == pytest.approx(((model.predict(x) - y) ** 2).mean(), rel=1e-5)


def test_gradient_of_own_loss_is_its_derivative(data):
    model = regression(dtype="float64")
    x, y = data
    loss, gradients = model.loss_and_gradients(x, y)
    bias = model.layers[-1].params["bias"]
    for place in (0, 1):
        bias[place] += 1e-6
        right = model.loss_and_gradients(x, y)[0]
        bias[place] -= 1e-6
        assert gradients[-1][place] == pytest.approx((right - loss) / 1e-6, rel=1e-4)


def test_targets_of_own_loss_are_checked_by_default(data):
    model, (x, y) = regression(), data
    with pytest.raises(ValueError, match=r"Expected targets of shape \(60, 2\).* received shape \(60,\)"):
        model.fit(x, y[:, 0], verbose=0)
    with pytest.raises(ValueError, match=r"Expected finite targets, received .*nan.* at index 7"):
        model.fit(x, np.where(np.arange(60)[:, None] == 7, np.nan, y), verbose=0)
    with pytest.raises(TypeError, match="Expected targets as numbers"):
        model.fit(x, y.astype(str), verbose=0)


def test_output_of_several_axes_is_trained_with_own_loss(rng):
    model = Sequential([Conv2D(2, 3, padding="same", input_shape=(6, 6, 1))], seed=0)
    model.compile("adam", MeanSquaredError(), [MeanAbsoluteError()])
    x = rng.random((20, 6, 6, 1))
    y = np.concatenate([x, -x], axis=3)
    before = model.evaluate(x, y, verbose=0)[0]
    model.fit(x, y, epochs=5, verbose=0, sample_weight=np.linspace(0.5, 2, 20))
    assert model.evaluate(x, y, verbose=0)[0] < before


def test_own_metric_decides_which_way_is_better(data):
    stopping = EarlyStopping("mean_absolute_error", patience=0)
    model = regression()
    model.fit(*data, epochs=4, verbose=0, callbacks=stopping)
    assert len(model.history.epoch) == 4, "the error falls, so training continues"


def test_model_with_own_parts_is_saved_and_resumed(data, tmp_path):
    model, (x, y) = regression(SignSGD(0.001)), data
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model.npz")
    own = {kind.__name__: kind for kind in (MeanSquaredError, MeanAbsoluteError, SignSGD)}
    loaded = load_model(tmp_path / "model.npz", own)
    for one in (model, loaded):
        one.fit(x, y, epochs=3, initial_epoch=2, verbose=0)
    assert [a.tobytes() for a in loaded.get_weights()] == [a.tobytes() for a in model.get_weights()]


def test_own_activation_is_applied_and_differentiated(rng):
    model = Sequential([Dense(3, activation=Square(), input_shape=(4,))], seed=0, dtype="float64")
    model.compile("sgd", MeanSquaredError())
    model.set_weights([rng.random((4, 3)), rng.random(3)])
    x, y = rng.random((5, 4)), rng.random((5, 3))
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(x), (x @ kernel + bias) ** 2, rtol=1e-12)
    loss, gradients = model.loss_and_gradients(x, y)
    model.layers[0].params["kernel"][1, 2] += 1e-6
    assert gradients[0][1, 2] == pytest.approx((model.loss_and_gradients(x, y)[0] - loss) / 1e-6, rel=1e-4)


@pytest.mark.parametrize(("base", "call"), [
    (Loss(), lambda loss: loss.forward(np.ones((1, 1)), np.ones((1, 1)), None)),
    (Metric(), lambda metric: metric.of_samples(np.ones((1, 1)), np.ones((1, 1)))),
    (Optimizer(), lambda optimizer: optimizer.step([np.ones(1)], [np.ones(1)], State(0, [()]), None)),
])  # fmt: skip
def test_base_classes_leave_their_methods_to_be_implemented(base, call):
    with pytest.raises(NotImplementedError):
        call(base)
