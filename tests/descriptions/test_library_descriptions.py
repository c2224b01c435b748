"""Descriptions of the library's layers agree with what the base class derives from their output terms."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import models

from scratchcnn.descriptions import LayerDescription, description_of, registry
from scratchcnn.inspection import trace
from scratchcnn.layers import BatchNormalization, Input, Layer

some = settings(max_examples=40)


def test_every_layer_class_of_the_library_is_described():
    from scratchcnn import layers

    classes = {getattr(layers, name) for name in layers.__all__} - {Layer, Input}
    assert classes == registry.LIBRARY.keys()


@some
@given(models(), st.data())
def test_input_gradient_terms_equal_those_derived_from_the_output_terms(case, data):
    model, x, y = case
    training = data.draw(st.booleans())
    found = trace(model, x[:1], y[:1], training=training)
    layer = data.draw(st.sampled_from(found.layers))
    description = description_of(layer.layer)
    place = (0, *(data.draw(st.integers(0, length - 1)) for length in layer.input.shape[1:]))
    own = description.input_gradient_terms(layer, place)
    if training and isinstance(layer.layer, BatchNormalization):  # the weights of its outputs are not their slopes
        assert abs(own.total - float(layer.d_input[place])) <= own.bound
        return
    derived = LayerDescription.input_gradient_terms(description, layer, place)
    bound = own.bound + derived.bound
    assert abs(own.total - derived.total) <= bound
    assert abs(derived.total - float(layer.d_input[place])) <= bound


@some
@given(models(), st.data())
def test_receptive_field_equals_the_one_derived_from_the_output_terms(case, data):
    model, x, _ = case
    layer = data.draw(st.sampled_from(trace(model, x[:1]).layers))
    description = description_of(layer.layer)
    mask = np.zeros(layer.output.shape[1:], bool)
    for _ in range(data.draw(st.integers(1, 3))):
        mask[tuple(data.draw(st.integers(0, length - 1)) for length in mask.shape)] = True
    derived = LayerDescription.receptive_field(description, layer, mask)
    np.testing.assert_array_equal(description.receptive_field(layer, mask), derived)
