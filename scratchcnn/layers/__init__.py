"""Layers: parameters and shapes; each calls the operations of `reference` or of `kernels`."""

from typing import TYPE_CHECKING

from scratchcnn.layers.activation import Activation
from scratchcnn.layers.activation_layers import LeakyReLU, ReLU, Softmax
from scratchcnn.layers.average_pooling2d import AveragePooling2D
from scratchcnn.layers.base import Layer
from scratchcnn.layers.batch_normalization import BatchNormalization
from scratchcnn.layers.conv2d import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.flatten import Flatten
from scratchcnn.layers.global_pooling2d import GlobalAveragePooling2D, GlobalMaxPooling2D
from scratchcnn.layers.input import Input
from scratchcnn.layers.max_pooling2d import MaxPooling2D
from scratchcnn.layers.rescaling import Rescaling
from scratchcnn.layers.reshape import Reshape
from scratchcnn.layers.zero_padding2d import ZeroPadding2D
from scratchcnn.names import names_of_module

__all__ = [
    "Activation", "AveragePooling2D", "BatchNormalization", "Conv2D", "Dense", "Dropout", "Flatten",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Input", "Layer", "LeakyReLU", "MaxPooling2D", "ReLU", "Rescaling",
    "Reshape", "Softmax", "ZeroPadding2D",
]  # fmt: skip

# Further names of these classes in Keras
Convolution2D, MaxPool2D, AvgPool2D = Conv2D, MaxPooling2D, AveragePooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D

if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
