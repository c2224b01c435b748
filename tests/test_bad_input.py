"""Invalid input: the error states what was expected and what was received, and the model is unchanged."""

import re

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import Sequential, initializers, losses, metrics, optimizers, regularizers, set_threads
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    MaxPooling2D,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.optimizers import SGD, Adam

X, Y = small_data(20)
RNG = np.random.default_rng(0)


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


DATA = {
    "wrong rank": (X[..., 0], Y, ValueError, r"x of shape \(samples, 9, 8, 1\), received \(20, 9, 8\)"),
    "same number of elements": (X.reshape(20, 72), Y, ValueError, r"use x.reshape\(-1, 9, 8, 1\)"),
    "wrong channels": (X.repeat(3, axis=3), Y, ValueError, r"\(samples, 9, 8, 1\), received \(20, 9, 8, 3\)"),
    "wrong image size": (X[:, 1:], Y, ValueError, r"received \(20, 8, 8, 1\)"),
    "no batch axis": (X[0], Y[:1], ValueError, r"one sample without a batch axis: use x\[None\]"),
    "empty": (X[:0], Y[:0], ValueError, "at least one sample"),
    "NaN": (changed(X, (7, 2, 3, 0), np.nan), Y, ValueError, r"nan in sample 7 at position \(2, 3, 0\)"),
    "inf": (changed(X, (19, 8, 7, 0), -np.inf), Y, ValueError, r"-inf in sample 19 at position \(8, 7, 0\)"),
    "beyond float32": (changed(X, (2, 0, 1, 0), 1e39), Y, ValueError, r"1e\+39 in sample 2 at position \(0, 1, 0\)"),
    "text": (np.full(X.shape, "a"), Y, TypeError, "integers or floats"),
    "label too large": (X, changed(Y, 4, 5), ValueError, "labels from 0 to 4.* received 5 at index 4"),
    "label negative": (X, changed(Y, 9, -1), ValueError, "received -1 at index 9"),
    "float labels": (X, Y.astype(float), TypeError, r"integer type, received float64; use y.astype\(int\)"),
    "wrong number of labels": (X, Y[:-1], ValueError, r"labels of shape \(20,\).* received shape \(19,\)"),
    "one-hot labels": (X, np.eye(5)[Y], ValueError, "loss='categorical_crossentropy'"),
}
CALLS = {
    "fit": lambda model, x, y: model.fit(x, y, verbose=0),
    "validation data": lambda model, x, y: model.fit(X, Y, verbose=0, validation_data=(x, y)),
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "loss_and_gradients": lambda model, x, y: model.loss_and_gradients(x, y),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", DATA)
def test_invalid_data_raise_before_anything_changes(call, fault):
    x, y, kind, message = DATA[fault]
    model = small_model(seed=1)
    before = model.get_weights()
    with pytest.raises(kind, match=message):
        CALLS[call](model, x, y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("fault", [name for name, (_, y, *_) in DATA.items() if y is Y and "label" not in name])
def test_predict_raises_for_invalid_images(fault):
    x, _, kind, message = DATA[fault]
    with pytest.raises(kind, match=message):
        small_model().predict(x)


def test_invalid_one_hot_labels_raise():
    model = small_model()
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    with pytest.raises(ValueError, match="loss='sparse_categorical_crossentropy'"):
        model.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match=r"rows of shape \(20, 5\).* received shape \(20, 4\)"):
        model.fit(X, np.eye(4)[Y % 4], verbose=0)
    with pytest.raises(ValueError, match=r"finite labels.* at index 3"):
        model.fit(X, changed(np.eye(5)[Y], (3, 0), np.nan), verbose=0)


ARGUMENTS = [
    (lambda m: m.fit(X, Y, batch_size=0), "batch_size as a whole number of at least 1, received 0"),
    (lambda m: m.fit(X, Y, batch_size=-5), "batch_size .* received -5"),
    (lambda m: m.fit(X, Y, batch_size=2.5), "batch_size .* received 2.5"),
    (lambda m: m.fit(X, Y, epochs=0), "epochs .* received 0"),
    (lambda m: m.fit(X, Y, epochs=True), "epochs .* received True"),
    (lambda m: m.fit(X, Y, validation_data=(X, Y, Y, Y)), r"validation_data as \(x, y\) .*, received 4 of them"),
    (lambda m: m.fit(X, Y, validation_data=5), r"validation_data as \(x, y\) .*, received int"),
    (lambda m: m.set_weights(None), "Expected 6 arrays, as returned by get_weights, received NoneType"),
    (lambda m: m.train_on_batch(X, Y, return_dict=1), "return_dict as True or False, received 1"),
    (lambda m: m.predict(X, batch_size=0), "batch_size .* received 0"),
    (lambda m: m.evaluate(X, Y, batch_size=0), "batch_size .* received 0"),
    (lambda m: m.compile(loss="sparse_categorical_crosentropy"), "Did you mean 'sparse_categorical_crossentropy'"),
    (lambda m: m.compile(loss="mae"), "Expected loss as one of 'sparse_categorical_crossentropy', .* received 'mae'"),
    (lambda m: m.compile(optimizer="adamm"), "Did you mean 'adam'"),
    (lambda m: m.compile(optimizer=3), "Expected optimizer as one of 'adam', 'sgd', .*, received 3"),
    (lambda m: m.compile(metrics=["acuracy"]), "Did you mean 'accuracy'"),
    (lambda m: m.build((None, 10, 10, 1)), r"for which the model is built, received \(None, 10, 10, 1\)"),
    (lambda m: m.add(Conv2D(2, 3)), r"'conv2d' \(Conv2D\) expected samples of shape \(height, .* received \(5,\)"),
    (lambda m: m.add(Input((3,))), "Expected Input first"),
    (lambda m: m.add(m.layers[0]), r"'conv2d' \(Conv2D\), which already belongs to it; make a new layer object"),
    (lambda m: m.add(Dense(3, name="dense")), "Expected a unique name for every layer, received 'dense' twice"),
    (lambda m: m.add(Dense(3, input_shape=(7,))), r"given input_shape=\(7,\), but receives samples of shape \(5,\)"),
]


@pytest.mark.parametrize(("call", "message"), ARGUMENTS, ids=[message[:40] for _, message in ARGUMENTS])
def test_invalid_arguments_raise_and_leave_the_model_usable(call, message):
    model, other = small_model(seed=1), small_model(seed=1)
    with pytest.raises(ValueError, match=message):
        call(model)
    assert len(model.layers) == len(other.layers)
    assert model.fit(X, Y, verbose=0).history == other.fit(X, Y, verbose=0).history


LAYERS = [
    (lambda: Conv2D(0, 3), "filters as a whole number of at least 1, received 0"),
    (lambda: Conv2D(-2, 3), "filters .* received -2"),
    (lambda: Conv2D(2.0, 3), "filters .* received 2.0"),
    (lambda: Conv2D(2, (3, 0)), "kernel_size .* received 0"),
    (lambda: Conv2D(2, (3, 3, 3)), r"kernel_size as an integer or a pair of integers .* received \(3, 3, 3\)"),
    (lambda: Conv2D(2, "3"), "kernel_size .* received '3'"),
    (lambda: Conv2D(2, 3, strides=0), "strides .* received 0"),
    (lambda: Conv2D(2, 3, dilation_rate=0), "dilation_rate .* received 0"),
    (lambda: Conv2D(2, 3, padding="ful"), "padding as one of 'valid', 'same', received 'ful'"),
    (lambda: Conv2D(2, 3, activation="rleu"), "activation as one of .* received 'rleu'. Did you mean 'relu'"),
    (lambda: Conv2D(2, 3, kernel_initializer="glorot_unif"), "Did you mean 'glorot_uniform'"),
    (lambda: Conv2D(2, 3, input_shape=(None, 28, 28, 1)), r"without the batch axis, as \(28, 28, 1\)"),
    (lambda: Dense(0), "units .* received 0"),
    (lambda: Dense(3, bias_initializer="once"), "initializer as one of .* Did you mean 'ones'"),
    (lambda: Dense(3, kernel_initializer=initializers.HeNormal), r"received .*; call the class: HeNormal\(\)"),
    (lambda: Dense(3, kernel_regularizer="l3"), "regularizer as one of 'l1', 'l2', 'l1_l2', received 'l3'"),
    (lambda: Dense(3, kernel_regularizer=0.1), "regularizer as one of .* received 0.1"),
    (lambda: Dense(3, bias_regularizer=regularizers.L2), r"call the class: L2\(\)"),
    (lambda: regularizers.L1(-0.1), "l1 as a finite number of at least 0, received -0.1"),
    (lambda: regularizers.L1L2(l2=float("nan")), "l2 as a finite number of at least 0, received nan"),
    (lambda: initializers.RandomNormal(stddev=-1), "stddev as a finite number of at least 0, received -1"),
    (lambda: initializers.RandomUniform(1, 0), "minval of at most maxval, received 1.0 and 0.0"),
    (lambda: initializers.VarianceScaling(0), "scale as a finite number above 0, received 0"),
    (lambda: initializers.VarianceScaling(mode="fan"), "mode as one of 'fan_in', 'fan_out', 'fan_avg', received 'fan'"),
    (lambda: initializers.VarianceScaling(distribution="gauss"), "distribution as one of"),
    (lambda: Dense(3, bias_initializer="identity", input_shape=(2,)).build((2,), RNG, np.dtype("f4")), "a matrix"),
    (lambda: Dense(3, bias_initializer="orthogonal").build((2,), RNG, np.dtype("f4")), "at least two axes"),
    (lambda: optimizers.Adam(clipnorm=0), "clipnorm as a finite number above 0, received 0"),
    (lambda: optimizers.SGD(clipvalue=-1), "clipvalue as a finite number above 0, received -1"),
    (lambda: optimizers.RMSprop(clipnorm=1, clipvalue=2), "at most one of .*, received clipnorm=1.0 and clipvalue=2.0"),
    (lambda: optimizers.SGD(weight_decay=-1), "weight_decay as a finite number of at least 0, received -1"),
    (lambda: optimizers.AdamW(weight_decay=None), "weight_decay as a finite number .* received None"),
    (lambda: optimizers.RMSprop(rho=1), "rho as a number from 0 to below 1, received 1"),
    (lambda: optimizers.RMSprop(centered=1), "centered as True or False, received 1"),
    (lambda: optimizers.Adagrad(initial_accumulator_value=-1), "initial_accumulator_value .* received -1"),
    (lambda: optimizers.Adadelta(epsilon="x"), "epsilon .* received 'x'"),
    (lambda: losses.BinaryCrossentropy(label_smoothing=1.5), "label_smoothing as a number from 0 to 1, received 1.5"),
    (lambda: losses.BinaryCrossentropy("yes"), "from_logits as True or False, received 'yes'"),
    (lambda: metrics.BinaryAccuracy(threshold=2), "threshold as a number from 0 to 1, received 2"),
    (lambda: Dense(3, use_bias="no"), "use_bias as True or False, received 'no'"),
    (lambda: Conv2D(2, 3, use_bias=None), "use_bias as True or False, received None"),
    (lambda: MaxPooling2D(0), "pool_size .* received 0"),
    (lambda: AveragePooling2D((2, 0)), "pool_size .* received 0"),
    (lambda: AveragePooling2D(2, padding="full"), "padding as one of 'valid', 'same', received 'full'"),
    (lambda: GlobalAveragePooling2D(keepdims=1), "keepdims as True or False, received 1"),
    (lambda: GlobalMaxPooling2D(keepdims="no"), "keepdims as True or False, received 'no'"),
    (lambda: ZeroPadding2D(-1), "padding as a whole number of at least 0, received -1"),
    (lambda: ZeroPadding2D((1, 2, 3)), r"padding as an integer, a pair .* received \(1, 2, 3\)"),
    (lambda: ZeroPadding2D(((1, 2), (3,))), r"a pair of pairs .* received \(\(1, 2\), \(3,\)\)"),
    (lambda: ZeroPadding2D("same"), "padding as an integer, .* received 'same'"),
    (lambda: ZeroPadding2D(("ab", 1)), r"padding as an integer, .* received \('ab', 1\)"),
    (lambda: ZeroPadding2D(1.0), "padding as an integer, .* received 1.0"),
    (lambda: ZeroPadding2D(True), "padding as a whole number of at least 0, received True"),
    (lambda: Reshape(9), r"target_shape as a tuple such as \(7, 7, 64\) or \(-1, 64\), received 9"),
    (lambda: Reshape(()), r"target_shape as a tuple .* received \(\)"),
    (lambda: Reshape((-1, 3, -1)), r"target_shape with at most one -1, received \(-1, 3, -1\)"),
    (lambda: Reshape((3, 0)), "each length of target_shape as a whole number of at least 1, received 0"),
    (lambda: Reshape((None, 3)), "each length of target_shape as a whole number of at least 1, received None"),
    (lambda: Dropout(1), "rate as a number from 0 to below 1, received 1"),
    (lambda: Dropout(-0.1), "rate .* received -0.1"),
    (lambda: Dropout(float("nan")), "rate .* received nan"),
    (lambda: Rescaling(float("inf")), "scale as a finite number, received inf"),
    (lambda: Rescaling(1, offset="1"), "offset as a finite number, received '1'"),
    (lambda: set_threads(0), "threads from 1 to .* received 0; set the environment variable NUMBA_NUM_THREADS"),
    (lambda: set_threads(100_000), "threads from 1 to .* received 100000"),
    (lambda: set_threads(1.0), "threads from 1 to .* received 1.0"),
    (lambda: Activation("tan"), r"activation as one of 'linear', 'relu', .*, received 'tan'. Did you mean 'tanh'\?"),
    (lambda: Input("28"), "shape of one sample"),
    (lambda: Input((28, 0, 1)), "at least 1, received 0"),
    (lambda: Adam(learning_rate=-1), "learning_rate as a finite number of at least 0, received -1"),
    (lambda: Adam(learning_rate=float("nan")), "learning_rate .* received nan"),
    (lambda: Adam(beta_1=1), "beta_1 .* received 1"),
    (lambda: SGD(momentum=1.5), "momentum .* received 1.5"),
    (lambda: Sequential(seed=-1), "seed as None or a whole number of at least 0, received -1"),
    (lambda: Sequential(seed="a"), "seed .* received 'a'"),
    (lambda: Sequential(name=3), "name as text, received 3"),
    (lambda: Sequential(engine="fast"), "engine as one of 'kernels', 'reference', received 'fast'"),
    (lambda: Sequential(dtype="float16"), "dtype as one of 'float32', 'float64', received 'float16'"),
    (
        lambda: Sequential([Conv2D(2, 5, input_shape=(4, 9, 1))]),
        r"'conv2d' \(Conv2D\) expected images of at least one window of \(5, 5\).* received .* \(4, 9, 1\)",
    ),
    (lambda: Sequential([MaxPooling2D(3, input_shape=(2, 2, 1))]), "'max_pooling2d' .* at least one window"),
    (lambda: Sequential([AveragePooling2D(3, input_shape=(2, 2, 1))]), "'average_pooling2d' .* at least one window"),
    (lambda: Sequential([GlobalAveragePooling2D(input_shape=(4,))]), r"samples of shape \(height, width, channels\)"),
    (lambda: Sequential([GlobalMaxPooling2D(input_shape=(4, 4))]), r"samples of shape \(height, width, channels\)"),
    (lambda: Sequential([ZeroPadding2D(input_shape=(4,))]), r"samples of shape \(height, width, channels\)"),
    (
        lambda: Sequential([Reshape((7, 7), input_shape=(4, 12))]),
        r"'reshape' \(Reshape\) expected samples of 49 values for target_shape \(7, 7\), received 48 in .* \(4, 12\)",
    ),
    (lambda: Sequential([Reshape((7, -1), input_shape=(4, 12))]), r"samples of a multiple of 7 values .* received 48"),
    (lambda: Sequential([Reshape((4, -1, 24), input_shape=(4, 12))]), r"a multiple of 96 values .* received 48"),
    (lambda: Sequential([Dense(3, input_shape=(4, 4, 1))]), r"samples of shape \(units\).* Add Flatten\(\) before"),
]


@pytest.mark.parametrize(("make", "message"), LAYERS, ids=[message[:40] for _, message in LAYERS])
def test_invalid_constructor_arguments_raise(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_incompatible_layer_leaves_model_unchanged():
    model = Sequential([Conv2D(2, 3, input_shape=(6, 6, 1))])
    with pytest.raises(ValueError, match="at least one window"):
        model.add(Conv2D(2, 5))
    with pytest.raises(TypeError, match=r"Expected a layer, for example Dense\(10\), received 'dense'"):
        model.add("dense")
    model.add(Conv2D(2, 4))
    assert model.output_shape == (None, 1, 1, 2)
    assert [layer.name for layer in model.layers] == ["conv2d", "conv2d_1"]


def test_incompatible_input_shape_leaves_model_unbuilt():
    model = Sequential([Conv2D(2, 3), Conv2D(2, 3), Flatten(), Dense(2, activation="softmax")])
    model.compile()
    with pytest.raises(ValueError, match=r"'conv2d_1' .* at least one window"):
        model.fit(np.zeros((3, 4, 4, 1)), [0, 1, 0])
    assert all(not layer.params for layer in model.layers)
    model.fit(np.zeros((3, 5, 5, 1)), [0, 1, 0], verbose=0)
    assert model.input_shape == (None, 5, 5, 1)


UNREADY = [
    (lambda m: m.fit(X, Y), RuntimeError, r"compiled model for fit: call model.compile\("),
    (lambda m: m.evaluate(X, Y), RuntimeError, "compiled model for evaluate"),
    (lambda m: m.train_on_batch(X, Y), RuntimeError, "compiled model for train_on_batch"),
    (lambda m: m.predict(X), ValueError, "known shape for predict.* does not know the shape of its input"),
    (lambda m: m.summary(), ValueError, "known shape for summary"),
    (lambda m: m.get_weights(), ValueError, "known shape for get_weights"),
]


@pytest.mark.parametrize(("call", "kind", "message"), UNREADY, ids=[message[:40] for _, _, message in UNREADY])
def test_error_of_a_premature_call_names_the_missing_call(call, kind, message):
    with pytest.raises(kind, match=message):
        call(Sequential([Flatten(), Dense(5)]))
    with pytest.raises(kind, match=message if kind is RuntimeError else "has no layers yet"):
        call(Sequential())


def test_crossentropy_raises_for_output_with_several_axes():
    model = Sequential([Conv2D(5, 3, input_shape=(9, 8, 1))])
    model.compile()
    with pytest.raises(ValueError, match=r"one axis of classes as output, received output shape \(None, 7, 6, 5\)"):
        model.fit(X, Y)


def test_incompatible_weights_raise_and_leave_parameters_unchanged():
    model = small_model(seed=1)
    before = model.get_weights()
    wrong = [weight + 1 for weight in before]
    wrong[-1] = wrong[-1][:-1]
    with pytest.raises(ValueError, match=re.escape("Expected shape (5,) for the bias of layer 'dense_1' (Dense)")):
        model.set_weights(wrong)
    with pytest.raises(ValueError, match=r"Expected 6 arrays, .* received 5"):
        model.set_weights(wrong[:-1])
    with pytest.raises(ValueError, match="Expected numbers"):
        model.set_weights([weight.astype(str) for weight in before])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_error_of_a_nan_loss_names_the_layer():
    model = small_model(seed=1)
    weights = model.get_weights()
    weights[2][3, 1] = np.nan
    model.set_weights(weights)
    with pytest.raises(FloatingPointError, match=r"became nan. First seen in the parameter 'kernel' of layer 'dense'"):
        model.fit(X, Y, verbose=0)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_error_of_an_infinite_output_names_the_layer():
    model = small_model(seed=1)
    model.set_weights([np.full_like(weight, 1e30) for weight in model.get_weights()])
    with pytest.raises(FloatingPointError, match=r"First seen in the output of layer 'dense' \(Dense\), for sample"):
        model.train_on_batch(X, Y)


def test_error_of_a_diverging_loss_suggests_a_lower_learning_rate():
    model = small_model(seed=1)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=SGD(learning_rate=1e38))
    with pytest.raises(FloatingPointError, match="A lower learning rate usually fixes this"):
        model.fit(X, Y, epochs=20, verbose=0)


def test_validation_data_on_another_scale_warn():
    with pytest.warns(UserWarning, match="scale of the training images, .* received 0 to 25[0-9]"):
        small_model().fit(X, Y, verbose=0, validation_data=((X * 255).round(), Y))
    with pytest.warns(UserWarning, match="scale both in the same way"):
        small_model().fit((X * 255).astype(np.uint8), Y, verbose=0, validation_data=(X, Y))


def test_mismatch_of_softmax_and_from_logits_warns():
    model = Sequential([Flatten(input_shape=(9, 8, 1)), Dense(5, activation="relu", name="last")])
    model.compile(loss="sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match=r"received neither: the outputs of layer 'last' \(Dense\) are used as prob"):
        model.loss_and_gradients(X, Y)
    model = small_model()
    model.compile(loss=SparseCategoricalCrossentropy(from_logits=True))
    with pytest.warns(UserWarning, match="received both: softmax is applied twice"):
        model.loss_and_gradients(X, Y)
