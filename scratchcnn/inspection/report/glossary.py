"""Definitions of the terms that the page uses."""

from __future__ import annotations

import re

TERMS = {
    "activation": "An output value of a layer. Also short for activation function.",
    "activation function": "A function applied to each value z that a layer computes, such as ReLU or softmax.",
    "algorithm": "How the kernels computed this convolution; see scratchcnn/algorithms.py. All algorithms compute the "
    "same sums, in different orders.",
    "batch": "The images that are processed together in one training step.",
    "channel": "One of the values at each position of an image or of a layer's output: red, green and blue, or one "
    "feature map per channel.",
    "epoch": "One pass of the training through all training images.",
    "feature map": "The outputs of one filter at all positions: an image that shows where the filter responds.",
    "filter": "The weights of one output channel of a convolution. It slides over the image.",
    "FLOPs": "Floating-point operations: additions and multiplications.",
    "gradient": "The derivative of the loss with respect to (w.r.t.) a value: how fast the loss changes when the value "
    "grows. It is positive if the loss rises.",
    "gradient norm": "Length of the gradient as a vector: the square root of the sum of its squared elements.",
    "kernel": "The weights of a layer as an array. A convolution's kernel contains all its filters.",
    "learning rate": "Factor that determines how far a training step changes the weights.",
    "logit": "A value of the last layer before the softmax: the score of a class, any real number.",
    "loss": "A number that measures how wrong the prediction is. Training minimizes it.",
    "max |gradient|": "The largest magnitude in the gradient.",
    "mean": "Mean of the layer's output.",
    "memory": "Size of the layer's output.",
    "output shape": "height × width × channels, or the number of units.",
    "parameters": "Weights and biases: the values that training changes.",
    "receptive field": "The pixels on which a value depends.",
    "ReLU": "Rectified linear unit: max(z, 0). Positive values pass, negative ones become 0.",
    "softmax": "Turns logits into probabilities: exp(z) of each class, divided by the sum over all classes.",
    "sparsity": "Fraction of the values that are exactly 0.",
    "standard deviation": "Standard deviation of the layer's output.",
    "time": "Computing time for this one image.",
    "unit": "One output of a fully connected layer; also called a neuron.",
}


def key_of(term: str) -> str:
    """Return a term as part of an HTML id.

    >>> key_of("max |gradient|")
    'max-gradient'
    """
    return re.sub(r"\W+", "-", term).strip("-")
