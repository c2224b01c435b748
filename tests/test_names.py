"""Unknown arguments and attributes of public objects: what exists, the nearest name, and the names of earlier Keras."""

import copy
import importlib
import inspect
import pickle
import re
import subprocess
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import small_data, small_model

import scratchcnn
import scratchcnn.utils
from scratchcnn import (
    History,
    Sequential,
    callbacks,
    datasets,
    initializers,
    inspection,
    losses,
    metrics,
    mistakes,
    models,
    optimizers,
    plots,
    preprocessing,
    schedules,
)
from scratchcnn import layers as layers_module
from scratchcnn.callbacks import Callback, EarlyStopping, ModelCheckpoint
from scratchcnn.keras_api import ONLY_IN_KERAS
from scratchcnn.layers import (
    AveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    Layer,
    MaxPooling2D,
    ZeroPadding2D,
)
from scratchcnn.names import UnknownAttributeError, names_arguments, unknown_name

MODULES = [layers_module, callbacks, losses, metrics, optimizers, schedules, initializers]
CLASSES = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and kind.__module__.startswith(module.__name__) and not kind.__name__.startswith("_")
    and kind.__init__ is not object.__init__
    and all(p.kind is not p.VAR_KEYWORD for p in inspect.signature(kind).parameters.values())
    and not issubclass(kind, tuple)
] + [Sequential, History]  # fmt: skip
METHODS = [each for name, each in inspect.getmembers(Sequential, inspect.isfunction) if not name.startswith("_")]
OBJECTS = [
    Dense(3), Conv2D(2, 3), Dropout(0.1), Input((3,)), optimizers.Adam(), losses.CategoricalCrossentropy(),
    metrics.CategoricalAccuracy(), schedules.CosineDecay(0.1, 5), initializers.HeNormal(), EarlyStopping(), History(),
    Sequential(),
]  # fmt: skip


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_unknown_argument_of_a_constructor_is_an_error_that_lists_the_known_ones(kind):
    with pytest.raises(TypeError, match=rf"^Expected one of the arguments of {kind.__name__}, ") as caught:
        kind(no_such_argument=1)
    for name in inspect.signature(kind).parameters:
        assert name in str(caught.value)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_unknown_argument_of_a_method_of_a_model_is_an_error(method):
    with pytest.raises(
        TypeError, match=rf"^Expected one of the arguments of Sequential.{method.__name__}, .*'no_such'"
    ):
        method(Sequential(), no_such=1)


FUNCTIONS = [
    function
    for module in (plots, mistakes, models, scratchcnn.utils)
    for name, function in vars(module).items()
    if inspect.isfunction(function) and not name.startswith(("_", "check_", "names_"))
    and function.__module__.startswith(module.__name__)
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_unknown_argument_of_a_function_is_an_error_that_lists_the_known_ones(function):
    with pytest.raises(TypeError, match=rf"^Expected one of the arguments of {function.__name__}, ") as caught:
        function(no_such_argument=1)
    for name in inspect.signature(function).parameters:
        assert name in str(caught.value)


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_unknown_attribute_is_an_error_that_lists_the_known_ones(thing):
    with pytest.raises(AttributeError, match=f"^Expected one of the attributes of {type(thing).__name__}, ") as caught:
        _ = thing.no_such
    for name in vars(thing):
        assert name.startswith("_") or name in str(caught.value)
    assert not hasattr(thing, "no_such")
    assert getattr(thing, "no_such", None) is None


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_objects_can_be_copied_and_pickled(thing):
    for copied in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
        assert type(copied) is type(thing)
        assert vars(copied).keys() == vars(thing).keys()


@pytest.mark.parametrize("name", ["_repr_markdown_", "__array__", "__iter__", "_ipython_display_"])
def test_names_that_python_looks_for_get_a_short_message(name):
    with pytest.raises(AttributeError, match=f"^'Sequential' object has no attribute '{name}'$"):
        getattr(Sequential(), name)


def test_error_can_be_sent_to_another_process():
    with pytest.raises(AttributeError) as caught:
        _ = Dense(3).W
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_signatures_remain_those_of_the_definition():
    names = list(inspect.signature(optimizers.SGD).parameters)
    assert names[:4] == ["learning_rate", "momentum", "nesterov", "weight_decay"]
    assert list(inspect.signature(Sequential.fit).parameters)[:3] == ["self", "x", "y"]
    assert Sequential.fit.__doc__.startswith("Train on images and labels.")


OLD = {
    "lr": (lambda: optimizers.Adam(lr=0.1), TypeError, "received 'lr'; use learning_rate"),
    "decay": (lambda: optimizers.SGD(decay=0.1), TypeError, "received 'decay'; use a schedule as learning_rate"),
    "nb_epoch": (lambda: small_model().fit(0, 0, nb_epoch=3), TypeError, "received 'nb_epoch'; use epochs"),
    "output_dim": (lambda: Dense(output_dim=3), TypeError, "received 'output_dim'; use units"),
    "nb_filter": (lambda: Conv2D(nb_filter=3, kernel_size=3), TypeError, "received 'nb_filter'; use filters"),
    "border_mode of average pooling": (
        lambda: AveragePooling2D(border_mode="same"),
        TypeError,
        "received 'border_mode'; use padding",
    ),
    "border_mode": (lambda: MaxPooling2D(border_mode="same"), TypeError, "received 'border_mode'; use padding"),
    "subsample": (lambda: Conv2D(3, 3, subsample=2), TypeError, "received 'subsample'; use strides"),
    "p": (lambda: Dropout(p=0.5), TypeError, "received 'p'; use rate"),
    "period": (lambda: ModelCheckpoint("a.npz", period=2), TypeError, "received 'period'; use save_freq"),
    "filepath": (lambda: models.load_model(filepath="a.npz"), TypeError, "received 'filepath'; use path"),
    "predict_classes": (lambda: small_model().predict_classes, AttributeError, r"use model.predict\(x\).argmax"),
    "fit_generator": (lambda: small_model().fit_generator, AttributeError, "received 'fit_generator'; use fit"),
    "optimizer.lr": (lambda: small_model().optimizer.lr, AttributeError, "received 'lr'; use learning_rate"),
    "W": (lambda: Dense(3).W, AttributeError, "received 'W'; use kernel"),
}


@pytest.mark.parametrize(("use", "kind", "message"), OLD.values(), ids=OLD)
def test_names_of_earlier_keras_lead_to_those_of_today(use, kind, message):
    with pytest.raises(kind, match=message):
        use()


@given(st.sampled_from(list(inspect.signature(Sequential.fit).parameters)[1:]), st.data())
def test_argument_with_one_letter_too_many_leads_to_the_argument(name, data):
    place = data.draw(st.integers(0, len(name)))
    wrong = name[:place] + "q" + name[place:]
    with pytest.raises(TypeError) as caught:
        small_model().fit(**{wrong: 1})
    if len(name) > 1:  # for x and y no name is similar enough
        assert f"Did you mean {name!r}?" in str(caught.value)


def test_error_inside_a_property_is_its_own():
    with pytest.raises(AttributeError, match="Expected a built layer for its kernel"):
        _ = Dense(3).kernel

    class Own(Layer):
        @property
        def scale(self):
            return np.no_such_function

    with pytest.raises(AttributeError, match="numpy"):
        _ = Own().scale


def test_users_class_keeps_its_own_arguments():
    class Own(Callback):
        def __init__(self, **options):
            super().__init__()
            self.options = options

    assert Own(anything=1).options == {"anything": 1}
    with pytest.raises(AttributeError, match=r"attributes of Own, .*options"):
        _ = Own().option


def test_function_with_any_keyword_is_unchanged():
    def free(**options): ...

    assert names_arguments(free) is free
    assert isinstance(names_arguments(lambda x: x), types.FunctionType)


def test_message_without_known_names():
    assert unknown_name("arguments of Zeros", "x", []) == (
        "Expected one of the arguments of Zeros, of which there are none, received 'x'."
    )


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Conv2D(3, 3, data_format="channels_first", input_shape=(1, 28, 20)),
     r"received 'channels_first'; transpose the images with x.transpose\(0, 2, 3, 1\), .*input_shape=\(28, 20, 1\)"),
    (lambda: MaxPooling2D(data_format="channels_first"), r"input_shape=\(height, width, channels\)"),
    (lambda: AveragePooling2D(data_format="channels_first", input_shape=(2, 9, 8)), r"input_shape=\(9, 8, 2\)"),
    (lambda: GlobalAveragePooling2D("channels_first"), r"received 'channels_first'; transpose the images"),
    (lambda: GlobalMaxPooling2D("channels_first"), r"received 'channels_first'; transpose the images"),
    (lambda: ZeroPadding2D(1, "channels_first"), r"received 'channels_first'; transpose the images"),
    (lambda: Conv2D(3, 3, data_format="channel_last"), "data_format as one of 'channels_last', .* mean 'channels"),
    (lambda: Dense(3, input_dim=0), "input_dim as a whole number of at least 1, received 0"),
    (lambda: Dense(3, input_dim=3, input_shape=(4,)), "input_dim or input_shape, received 3 and"),
])  # fmt: skip
def test_arguments_of_layers_that_keras_also_has(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_transpose_of_the_message_gives_the_same_images(rng):
    channels_first = rng.random((2, 3, 5, 4))
    images = channels_first.transpose(0, 2, 3, 1)
    assert all((images[..., c] == channels_first[:, c]).all() for c in range(3))


def test_input_dim_is_the_shape_of_a_vector():
    layer = Dense(3, input_dim=4)
    assert (layer.input_shape, layer.input_dim) == ((4,), 4)
    assert Sequential([layer]).output_shape == (None, 3)
    assert Conv2D(3, 3, data_format="channels_last").data_format == "channels_last"
    assert "data_format" not in Conv2D(3, 3).get_config()


@pytest.mark.parametrize(("module", "name", "message"), [
    (scratchcnn, "sequental", "names of scratchcnn, .*received 'sequental'. Did you mean 'Sequential'"),
    (layers_module, "Densee", "names of scratchcnn.layers, Activation, .*received 'Densee'. Did you mean 'Dense'"),
    (callbacks, "EarlyStop", "names of scratchcnn.callbacks, .*Did you mean 'EarlyStopping'"),
    (scratchcnn.utils, "np_utils", "names of scratchcnn.utils, .*received 'np_utils'; use to_categorical"),
    (models, "Model", "names of scratchcnn.models, .*received 'Model'; use Sequential, a row of layers"),
    (layers_module, "LSTM", "received 'LSTM', which Keras has and scratchcnn does not"),
    (layers_module, "EarlyStopping", "received 'EarlyStopping', which is in scratchcnn.callbacks"),
    (losses, "CategoricalCrosentropy", "Did you mean 'CategoricalCrossentropy'"),
    (metrics, "AUC", "received 'AUC', which Keras has"),
    (optimizers, "Ftrl", "received 'Ftrl', which Keras has"),
    (initializers, "orthogonal_", "names of scratchcnn.initializers, .*GlorotUniform, .*received"),
    (datasets, "cifar100", "names of scratchcnn.datasets, .*received 'cifar100', which Keras has"),
    (preprocessing, "ImageDataGenerator", "use scratchcnn.preprocessing.Augmenter"),
    (inspection, "trance", "Did you mean 'trace'"),
    (scratchcnn, "applications", "received 'applications', which Keras has"),
])  # fmt: skip
def test_unknown_name_of_a_module_is_an_error_that_lists_the_known_ones(module, name, message):
    assert not hasattr(module, name)
    with pytest.raises(AttributeError, match=message):
        getattr(module, name)


@pytest.mark.parametrize("module", sorted(ONLY_IN_KERAS))
def test_names_that_only_keras_has_are_recognized(module):
    """Those that the package has by now are simply found."""
    here = importlib.import_module(f"scratchcnn.{module}".rstrip("."))
    for name in ONLY_IN_KERAS[module].split():
        if not hasattr(here, name):
            with pytest.raises(AttributeError) as caught:
                getattr(here, name)
            assert re.search("which Keras has and|; use |; write |which is in scratchcnn", str(caught.value)), name


@pytest.mark.parametrize(("statement", "message"), [
    ("from scratchcnn.layers import Dense, LSTM", "received 'LSTM', which Keras has and scratchcnn does not"),
    ("from scratchcnn import Sequentiel", "received 'Sequentiel'. Did you mean 'Sequential'"),
    ("from scratchcnn.optimizers import Adamm as A", "Did you mean 'Adam'"),
    (f"{'; '.join(f'v{i} = 0' for i in range(300))}; from scratchcnn.layers import LSTM", "which Keras has"),
])  # fmt: skip
def test_import_of_an_unknown_name_has_the_same_message(statement, message):
    with pytest.raises(ImportError, match=message):
        exec(statement, {})


def test_modules_are_attributes_of_the_package_as_in_keras():
    code = (
        "import scratchcnn; scratchcnn.datasets.mnist, scratchcnn.losses.Loss, scratchcnn.preprocessing.augment; "
        "scratchcnn.inspection.trace, scratchcnn.utils.to_categorical, scratchcnn.callbacks.Callback"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_names_of_keras_are_the_same_classes():
    assert (layers_module.MaxPool2D, layers_module.Convolution2D) == (MaxPooling2D, Conv2D)
    assert layers_module.AvgPool2D is AveragePooling2D
    assert layers_module.GlobalAvgPool2D is GlobalAveragePooling2D
    assert layers_module.GlobalMaxPool2D is GlobalMaxPooling2D


def test_missing_attributes_are_not_looked_up_in_training(monkeypatch):
    """Each would cost microseconds in every step."""
    missed = []
    monkeypatch.setattr(
        UnknownAttributeError, "__init__", lambda self, thing, name: missed.append((type(thing).__name__, name))
    )
    model, (x, y) = small_model(seed=0), small_data(20)
    model.fit(x, y, verbose=0)
    before = len(missed)
    model.fit(x, y, batch_size=1, epochs=2, verbose=0, callbacks=Callback())
    model.train_on_batch(x, y)
    assert missed[before:] == []


@pytest.mark.parametrize(("arguments", "message"), [
    ({}, "either shape or batch_shape, received None and None"),
    ({"shape": (3,), "batch_shape": (None, 3)}, "either shape or batch_shape"),
    ({"batch_shape": (3,)}, r"batch_shape such as \(None, 28, 28, 1\), received \(3,\)"),
    ({"batch_shape": (None, 0)}, "batch_shape after the batch axis as a whole number of at least 1, received 0"),
])  # fmt: skip
def test_shape_of_an_input_is_given_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        Input(**arguments)


def test_shape_of_a_batch_is_the_shape_of_a_sample_with_a_batch_axis():
    assert Input(batch_shape=(None, 28, 28, 1)).shape == Input((28, 28, 1)).shape


def test_flatten_takes_the_order_of_the_axes():
    layer = Flatten("channels_last", input_shape=(2, 3, 1))
    assert (layer.data_format, Sequential([layer]).output_shape) == ("channels_last", (None, 6))
    with pytest.raises(ValueError, match=r"transpose the images .*input_shape=\(2, 3, 1\)"):
        Flatten(data_format="channels_first", input_shape=(1, 2, 3))
