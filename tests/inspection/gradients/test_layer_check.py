"""check_layer and compare_layers: correct layers pass, and each kind of error is found."""

import numpy as np
import pytest
from own_layers import OwnMaxPooling, OwnReLU, Scale

from scratchcnn.inspection import check_layer, compare_layers
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)

IMAGES = np.random.default_rng(0).standard_normal((4, 6, 5, 2))
LAYERS = [
    Conv2D(3, 2, activation="relu"), Conv2D(2, 3, activation="softmax", padding="same"), MaxPooling2D(2), Flatten(),
    Dropout(0.4), Dropout(0), Activation("relu"), Activation("softmax"), Rescaling(1 / 255), Scale(), OwnReLU(),
    BatchNormalization(), BatchNormalization(momentum=0.5, scale=False),
    AveragePooling2D(2, padding="same"), GlobalAveragePooling2D(), GlobalMaxPooling2D(),
    ZeroPadding2D(), Reshape((4, 15)),
]  # fmt: skip


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_correct_layers_pass(layer, engine):
    found = check_layer(layer, IMAGES, engine=engine)
    assert found.ok, str(found)
    assert layer.output_shape is None
    assert ("mean in training" in str(found)) == (getattr(layer, "rate", 0) > 0)
    assert compare_layers(layer, layer, IMAGES, engine=engine).ok


def faulty(base, **methods):
    return type("Faulty", (base,), methods)


def random_output(self, x, ops, training, rng):
    return x + np.random.default_rng().standard_normal(x.shape).astype(x.dtype), None


def stateful(self, x, ops, training, rng):
    self.x = x
    return x * x, None


def times_stored_input(self, dy, cache, ops):
    return 2 * dy * self.x, {}


def unscaled(self, x, ops, training, rng):
    kept = rng.random(x.shape) > 0.5 if training else np.ones(x.shape, bool)
    return np.where(kept, x, 0).astype(x.dtype), kept


def in_place(self, x, ops, training, rng):
    x *= 2
    return x.copy(), None


def naive_softmax(self, x, ops, training, rng):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True), None


def add_up(self, dy, cache, ops, input_gradient=True):
    dx, gradients = Scale.backward(self, dy, cache, ops)
    self.total = {name: gradients[name] + getattr(self, "total", {}).get(name, 0) for name in gradients}
    return dx, self.total


def update(self, dy, cache, ops, input_gradient=True):
    found = Scale.backward(self, dy, cache, ops)
    self.params["gain"] -= 0.1
    return found


def cropped(self, x, ops, training, rng):
    return x[:, 1:], None


def widened(self, x, ops, training, rng):
    return x.astype(np.float64), None


def passed_on(self, dy, cache, ops, input_gradient=True):
    return dy.copy(), {}


def moved(self, x, ops, training, rng):
    y, cache = BatchNormalization.forward(self, x, ops, training, rng)
    if training:
        for name, value in BatchNormalization.next_statistics(self, cache).items():
            self.params[name][...] = value
    return y, cache


def moved_and_returned(self, cache):
    found = BatchNormalization.next_statistics(self, cache)
    for name, value in found.items():
        self.params[name][...] = value
    return found


@pytest.mark.parametrize(("layer", "name"), [
    (faulty(BatchNormalization, forward=moved), "parameters"),
    (faulty(BatchNormalization, next_statistics=moved_and_returned), "statistics"),
    (faulty(BatchNormalization, next_statistics=lambda self, cache: {}), "statistics"),
    (faulty(BatchNormalization, next_statistics=lambda self, cache: cache.mean), "statistics"),
    (faulty(Layer, forward=random_output, backward=passed_on), "inference"),
    (faulty(Layer, forward=stateful, backward=times_stored_input), "interleaved passes"),
    (faulty(Scale, backward=add_up), "backward twice"),
    (faulty(Scale, backward=update), "parameters"),
    (faulty(Layer, forward=in_place, backward=passed_on), "arguments"),
    (faulty(Layer, forward=cropped, backward=passed_on), "shapes"),
    (faulty(Layer, forward=widened, backward=passed_on), "dtype"),
    (faulty(Layer, forward=unscaled, backward=lambda self, dy, kept, ops: (dy * kept, {})), "mean in training"),
    (faulty(Layer, forward=naive_softmax, backward=passed_on), "large inputs"),
])  # fmt: skip
def test_each_error_is_found(layer, name):
    found = check_layer(layer(), IMAGES)
    assert not found.ok
    assert not found[name].ok, str(found)
    assert f"Wrong: {', '.join(point.name for point in found.wrong)}." in str(found)


def test_gradient_at_ties_is_compared_with_that_of_the_package():
    ties = np.repeat(np.arange(2.0), 8).reshape(1, 4, 4, 1)
    assert compare_layers(OwnMaxPooling(), MaxPooling2D(2), ties).ok
    assert compare_layers(OwnMaxPooling(), MaxPooling2D(2), IMAGES[:, :, :4]).ok

    class ToEveryTie(OwnMaxPooling):
        def backward(self, dy, cache, ops, input_gradient=True):
            dx = np.repeat(np.repeat(dy, 2, axis=1), 2, axis=2)
            return dx, {}

    found = compare_layers(ToEveryTie(), MaxPooling2D(2), ties)
    assert [point.name for point in found.wrong] == ["input gradient"]
    assert "12 of 16 values differ, first at [0, 0, 1, 0]" in found["input gradient"].text


def test_statistics_in_training_are_compared():
    class Unbiased(BatchNormalization):
        def next_statistics(self, cache):
            count = cache.x.size // cache.mean.size
            return super().next_statistics(cache._replace(variance=cache.variance * count / (count - 1)))

    assert compare_layers(Unbiased(), BatchNormalization(), IMAGES).ok
    found = compare_layers(Unbiased(), BatchNormalization(), IMAGES, training=True)
    assert [point.name for point in found.wrong] == ["next moving_variance"]


def test_same_values_in_another_order_are_reported():
    class Reversed(Layer):
        def forward(self, x, ops, training, rng):
            return x[:, ::-1].copy(), None

        def backward(self, dy, cache, ops, input_gradient=True):
            return dy[:, ::-1].copy(), {}

    found = compare_layers(Reversed(), Activation("linear"), IMAGES)
    assert "the same values in another order" in found["output"].text


def test_invalid_arguments_are_errors():
    with pytest.raises(TypeError, match="Expected a layer, as Dense"):
        check_layer("dense", IMAGES)
    with pytest.raises(ValueError, match="Expected at least two samples, received 1"):
        check_layer(Flatten(), IMAGES[:1])
    with pytest.raises(ValueError, match="expected samples of shape"):
        check_layer(Dense(3), IMAGES)
    with pytest.raises(TypeError, match="Expected a layer, as Dense"):
        compare_layers(Flatten(), None, IMAGES)
    with pytest.raises(ValueError, match="Expected two layers with the same parameters"):
        compare_layers(Dense(3), Dense(4), IMAGES[:, 0, 0])
    with pytest.raises(ValueError, match="Expected two layers with the same output shape"):
        compare_layers(MaxPooling2D(2), MaxPooling2D(3), IMAGES)
    with pytest.raises(ValueError, match="Expected point as one of"):
        check_layer(Flatten(), IMAGES)["dtipe"]
