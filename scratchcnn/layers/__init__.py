"""Layers: parameters and shapes; each calls the operations of `reference` or of `kernels`."""

from scratchcnn.layers.activation import Activation
from scratchcnn.layers.base import Layer
from scratchcnn.layers.conv2d import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.flatten import Flatten
from scratchcnn.layers.input import Input
from scratchcnn.layers.max_pooling2d import MaxPooling2D
from scratchcnn.layers.rescaling import Rescaling

__all__ = ["Activation", "Conv2D", "Dense", "Dropout", "Flatten", "Input", "Layer", "MaxPooling2D", "Rescaling"]
