"""A custom layer with a registered description is treated by all tools like a layer of the library."""

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_layers import OwnMaxPooling
from random_models import ENGINES

from scratchcnn import Sequential, activations, load_model
from scratchcnn.descriptions import LayerDescription, describe, description_of, grid, registry, weighted_sum
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection import check_gradients, explain, trace, write_report
from scratchcnn.inspection.attribution.receptive_field import field_centers
from scratchcnn.inspection.gradients.differentiable import pattern_of
from scratchcnn.inspection.report.layer_section import words_of
from scratchcnn.layers import Activation, Conv2D, Dense, Flatten, Layer
from scratchcnn.storage import StorageError
from scratchcnn.training.inference import predict_batch

EXAMPLES = Path(__file__).parents[2] / "examples"
WHATS = ["output", "preactivation", "d_output", "d_preactivation", "d_input"]


@pytest.fixture(scope="module")
def example():
    """The module of the example, which describes its BlurPooling2D."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        return load_example()


def load_example():
    spec = importlib.util.spec_from_file_location("write_your_own_layer", EXAMPLES / "write_your_own_layer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def only_the_example_is_described(example):
    """Restore the registered descriptions after each test."""
    before = dict(registry.DESCRIPTIONS)
    yield
    registry.DESCRIPTIONS.clear()
    registry.DESCRIPTIONS.update(before)


class Gain(Layer):
    """y = activation(x * gain), with one gain for each channel."""

    def __init__(self, activation=None, **options):
        super().__init__(**options)
        self.activation = activations.get(activation)

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}

    def initial_params(self, input_shape, rng, dtype):
        return {"gain": rng.standard_normal(input_shape[-1:]).astype(dtype)}

    def forward(self, x, ops, training, rng):
        y = self.activation.forward(x * self.params["gain"], ops)
        return y, (x, y)

    def backward(self, dy, cache, ops, input_gradient=True):
        x, y = cache
        dz = self.activation.backward(dy, y, ops)
        return dz * self.params["gain"], {"gain": (dz * x).reshape(-1, x.shape[-1]).sum(axis=0)}


class GainDescription(LayerDescription):
    def output_terms(self, values, position):
        gain = float(values.params["gain"][position[-1]])
        return weighted_sum(values, "input", position, gain, "z = x * gain", weight_name="gain")

    def parameter_gradient_terms(self, values, parameter, position):
        c = position[0]
        sources = grid(*map(np.arange, values.input.shape[:-1]), c)
        return weighted_sum(values, "input", sources, values.d_preactivation[..., c], "dgain = sum of x * dz")


def own_model(example, size=2, engine="kernels", dtype="float32", activation="relu"):
    layers = [
        Conv2D(2, 2, activation="relu", input_shape=(8, 6, 2)), example.BlurPooling2D(size), Gain(activation),
        Flatten(), Dense(3, activation="softmax"),
    ]  # fmt: skip
    model = Sequential(layers, seed=1, engine=engine, dtype=dtype)
    model.compile()
    return model


def batch(count=2):
    rng = np.random.default_rng(7)
    return rng.standard_normal((count, 8, 6, 2)), rng.integers(0, 3, count)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])  # all set up the same
@given(
    st.sampled_from([1, 2, 3]), st.sampled_from(ENGINES), st.sampled_from(["float32", "float64"]),
    st.sampled_from([None, "relu", "softmax"]), st.data(),
)  # fmt: skip
def test_all_values_of_described_layers_are_explained_exactly(example, size, engine, dtype, activation, data):
    describe(Gain, GainDescription)
    found = trace(own_model(example, size, engine, dtype, activation), *batch())
    for name in ("blur_pooling2d", "gain"):
        for what in WHATS:
            array = getattr(found[name], what)
            place = tuple(data.draw(st.integers(0, length - 1)) for length in array.shape)
            one = explain(found, name, place, what)
            assert one.known
            assert one.adds_up, str(one)
            eps = np.finfo(dtype).eps
            assert one.terms.bound <= 100 * eps * (np.abs(one.products).sum() + np.abs(array).max()) + 1e-30
    for c in range(2):
        one = explain(found, "gain", c, "gradient", parameter="gain")
        assert one.known
        assert one.adds_up
        assert one.inputs.size == found["gain"].input[..., 0].size


def test_terms_are_the_window_with_its_weights(example):
    found = trace(own_model(example, 3), *batch(1))
    one = explain(found, "blur_pooling2d", (1, 0, 1))
    np.testing.assert_array_equal(one.inputs, found["blur_pooling2d"].input[0, 3:6, 0:3, 1])
    np.testing.assert_array_equal(one.weights, np.outer([1, 2, 1], [1, 2, 1]) / 16)
    assert one.terms.sources[2, 1].tolist() == [0, 5, 1, 1]
    back = explain(found, "blur_pooling2d", (4, 2, 0), "d_input")
    assert back.terms.sources.tolist() == [[0, 1, 0, 0]]
    in_no_window = explain(found, "blur_pooling2d", (6, 2, 0), "d_input")  # 7 rows, windows of 3
    assert (in_no_window.sum, in_no_window.stored, in_no_window.adds_up) == (0, 0, True)
    assert in_no_window.plot().axes


def test_receptive_field_contains_exactly_the_inputs_that_affect_the_value(example):
    model, (x, _) = own_model(example, 3, engine="reference"), batch(1)
    found = trace(model, x)
    images = np.repeat(found.x, x.size, axis=0).reshape(x.size, x.size)
    images[np.arange(x.size), np.arange(x.size)] = np.nan
    with np.errstate(all="ignore"):
        output = predict_batch(Plan(model.layers[:2], model.engine), images.reshape(-1, *x.shape[1:]))
    for place in np.ndindex(output.shape[1:]):
        moved = np.isnan(output[(slice(None), *place)]).reshape(x.shape[1:])
        np.testing.assert_array_equal(explain(found, 1, place).receptive_field.mask, moved)
    dense = explain(found, "dense", 0).receptive_field.mask  # the windows cover 6 x 3 of the 7 x 5 outputs of conv2d
    assert dense[:7, :4].all()
    assert np.count_nonzero(dense) == 7 * 4 * 2


def test_grad_cam_maps_the_outputs_to_the_centers_of_their_windows(example):
    rows, columns = field_centers(own_model(example, 3), 1)  # windows of 3 over the outputs of a 2 x 2 convolution
    assert (rows.tolist(), columns.tolist()) == ([1.5, 4.5], [1.5])


def test_trace_counts_flops_and_prints_them(example):
    found = trace(own_model(example, 2), *batch(1))["blur_pooling2d"]
    assert found.flops == found.output.size * 8


@pytest.mark.parametrize("size", [2, 3])
def test_predictions_equal_those_of_onnxruntime(example, tmp_path, size):
    layers = [
        Conv2D(3, 2, activation="relu", input_shape=(8, 6, 2)), example.BlurPooling2D(size), Flatten(),
        Dense(3, activation="softmax"),
    ]  # fmt: skip
    model, x = Sequential(layers, seed=1), batch(3)[0].astype(np.float32)
    model.export(tmp_path / "own.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "own.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["output"], {"input": x})[0], model.predict(x), rtol=1e-4, atol=1e-5)


def test_export_of_a_description_without_onnx_raises_storage_error(example, tmp_path):
    describe(Gain, GainDescription)
    with pytest.raises(StorageError, match=r"received layer 'gain' \(Gain\); override add_to_onnx"):
        own_model(example).export(tmp_path / "own.onnx")


def test_model_is_loaded_without_custom_objects(example, tmp_path):
    model = own_model(example)
    model.save(tmp_path / "own.npz")
    with pytest.raises(StorageError, match="Expected a class among BlurPooling2D, received 'Gain'"):
        load_model(tmp_path / "own.npz")
    describe(Gain, GainDescription)
    same, x = load_model(tmp_path / "own.npz"), batch()[0]
    assert type(same.layers[1]) is example.BlurPooling2D
    np.testing.assert_array_equal(same.predict(x), model.predict(x))


def test_class_with_the_name_of_a_library_class_is_not_taken_for_it(tmp_path):
    own = type("Flatten", (Flatten,), {})
    Sequential([own(input_shape=(2, 3)), Dense(2)]).save(tmp_path / "own.npz")
    with pytest.raises(StorageError, match="received 'Flatten'; pass custom_objects"):
        load_model(tmp_path / "own.npz")


def test_report_contains_sentences_and_formula(example, tmp_path):
    model, (x, y) = own_model(example, 3), batch(1)
    write_report(model, x[0].astype(np.float32), int(y[0]), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Each output is a weighted mean of 9 values; the center counts most." in page
    assert "Each input of a window receives the gradient w.r.t. the mean times its weight." in page
    assert "sum over ky, kx of w[ky, kx] * x[n, oy * P + ky, ox * P + kx, c]" in page
    assert "Gain is a custom layer" in page
    describe(Gain, GainDescription)
    assert words_of(trace(model, x)["gain"])[0].endswith("ReLU then replaces every negative value by zero.")


def test_values_of_a_description_without_terms_are_explained_by_slopes(example):
    describe(Gain, LayerDescription)
    found = trace(own_model(example, 2, dtype="float64"), *batch())
    for place in [(0, 1, 1, 0), (1, 2, 0, 1)]:
        for what in WHATS:
            one = explain(found, "gain", place, what)
            assert one.known is (what in ("d_output", "d_preactivation"))
            assert one.output == pytest.approx(one.stored, rel=1e-6, abs=1e-9)
    assert explain(found, "gain", (0, 0, 0, 0)).chain()[0].mask.all()
    with pytest.raises(ValueError, match="override parameter_gradient_terms in its LayerDescription"):
        explain(found, "gain", 0, "gradient", parameter="gain")


class OwnMaxPoolingDescription(LayerDescription):
    def pattern(self, cache):
        return cache[0]


def test_pattern_of_a_described_layer_is_recorded():
    layer, x = OwnMaxPooling(), batch()[0]
    y, cache = layer.forward(x, None, training=False, rng=None)
    assert pattern_of([layer], [(y, cache)]) == []
    describe(OwnMaxPooling, OwnMaxPoolingDescription)
    np.testing.assert_array_equal(pattern_of([layer], [(y, cache)])[0], cache[0])
    assert check_gradients(layer, x).ok


def test_layer_that_replaces_a_pass_is_not_described(example):
    class Subclass(example.BlurPooling2D):
        """The same passes."""

    class Changed(example.BlurPooling2D):
        def forward(self, x, ops, training, rng):
            return 2 * super().forward(x, ops, training, rng)[0], x.shape

    changed = example.BlurPooling2D()
    changed.backward = lambda dy, cache, ops, input_gradient=True: (dy, {})
    assert registry.kind_of(Subclass()) is example.BlurPooling2D
    assert type(description_of(Changed())) is type(description_of(changed)) is LayerDescription
    model = Sequential([Changed(input_shape=(4, 4, 1)), Flatten(), Dense(2)], seed=0)
    assert not explain(trace(model, np.ones((1, 4, 4, 1))), 0, (0, 0, 0)).known
    describe(Changed, example.BlurPooling2DDescription)  # wrong: the terms are half of the output
    assert explain(trace(model, np.ones((1, 4, 4, 1))), 0, (0, 0, 0)).adds_up is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("inputs", (0, 0, 0, 0), 1.0), "Did you mean 'input'"),
        (("d_output", (0, 0, 0, 0), 1.0), r"a trace with labels for 'd_output' of 'gain'; use trace\(model, x, y\)"),
        (("input", (0, 0, 0), 1.0), r"indices of 4 axes, .* received shape \(1, 3\)"),
        (("input", grid(0, [0, 1], 0, 0), np.ones(3)), r"one weight for each source, .* received shape \(3,\)"),
    ],
)  # fmt: skip
def test_invalid_terms_raise(example, arguments, message):
    found = trace(own_model(example), batch()[0])
    with pytest.raises(ValueError, match=message):
        weighted_sum(found["gain"], *arguments, "z = x")


def test_only_own_layer_classes_are_described():
    with pytest.raises(ValueError, match="a layer class of your own, received Activation of scratchcnn"):
        describe(Activation, LayerDescription)
    with pytest.raises(TypeError, match=r"Expected layer_class as a subclass of Layer, received .*; pass the class"):
        describe(Gain(), GainDescription)
    with pytest.raises(TypeError, match="Expected description as a subclass of LayerDescription"):
        describe(Gain, Gain)
