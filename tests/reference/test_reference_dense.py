"""Dense layer, its gradients and the bias gradient: values computed by hand."""

import numpy as np

from scratchcnn import reference

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
KERNEL = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
DY = np.array([[1.0, 10.0], [100.0, 1000.0]])


def test_output_is_the_weighted_sum_of_the_inputs_plus_the_bias():
    assert reference.dense(X, KERNEL, None).tolist() == [[14, 140], [32, 320]]
    assert reference.dense(X, KERNEL, np.array([0.5, -1.0])).tolist() == [[14.5, 139], [32.5, 319]]


def test_kernel_gradient_sums_over_samples():
    assert reference.dense_kernel_gradient(DY, X).tolist() == [[401, 4010], [502, 5020], [603, 6030]]


def test_input_gradient_sums_over_units():
    assert reference.dense_input_gradient(DY, KERNEL).tolist() == [[101, 202, 303], [10100, 20200, 30300]]


def test_bias_gradient_sums_over_all_axes_but_the_last():
    assert reference.bias_gradient(DY).tolist() == [101, 1010]
    dy = np.arange(16.0).reshape(2, 2, 2, 2)  # even values for the first unit, odd values for the second
    assert reference.bias_gradient(dy).tolist() == [56, 64]


def test_bias_gradient_accumulates_in_float64():
    dy = np.array([[2.0**24], [1.0], [1.0], [-(2.0**24)]], np.float32)
    assert reference.bias_gradient(dy).tolist() == [2]
    assert reference.bias_gradient(dy).dtype == np.float32
