"""A network in PyTorch, in eager mode as in PyTorch's own MNIST example."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from architectures import Architecture, Layer
from torch import nn

Array = np.ndarray[Any, Any]
Batch = tuple[torch.Tensor, torch.Tensor]

FORMATS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


class Network:
    """See `contestants.Network`."""

    def __init__(
        self,
        architecture: Architecture,
        threads: int,
        weights: Sequence[Array] | None,
        from_bytes: bool,
        setting: str,
    ) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.from_bytes = from_bytes
        self.format = FORMATS[setting]
        self.net, flattened = build_net(architecture)
        # With strides and even sizes, Keras pads the bottom and right only, and PyTorch's padding of 1 affects the top
        # and left only. Rotated by 180°, PyTorch computes the same; a separate `ZeroPad2d` takes a fifth longer.
        self.turn = -1 if any(arguments.get("strides", 1) > 1 for _, arguments in architecture.layers) else 1
        if weights is not None:
            set_weights(self.net, weights, flattened, self.turn)
        self.net.to(memory_format=self.format)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.001, eps=1e-7, fused=True)

    @staticmethod
    def settings(architecture: Architecture) -> Sequence[str]:
        """Return the memory formats; they differ in convolutions only."""
        return list(FORMATS) if any(name == "Conv2D" for name, _ in architecture.layers) else ["channels first"]

    def _images(self, x: Array) -> torch.Tensor:
        x = np.ascontiguousarray(x[:, :: self.turn, :: self.turn])
        images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=self.format)
        return images.float().div_(255) if self.from_bytes else images

    def loss(self, x: Array, y: Array) -> float:
        """Return the mean loss of a batch without dropout."""
        self.net.eval()
        with torch.inference_mode():
            value = self.criterion(self.net(self._images(x)), torch.from_numpy(y)).item()
        self.net.train()
        return float(value)

    def batch(self, x: Array, y: Array) -> Batch:
        """Return images (N, C, H, W) and labels as tensors."""
        return self._images(x), torch.from_numpy(y)

    def step(self, batch: Batch) -> None:
        """Take one training step with Adam and dropout."""
        images, labels = batch
        self.optimizer.zero_grad()
        self.criterion(self.net(images), labels).backward()
        self.optimizer.step()

    def fit(self, x: Array, y: Array, batch_size: int) -> None:
        """Train one epoch in a loop over random batches of tensors; a `DataLoader` would take longer."""
        images, labels = self.batch(x, y)
        for rows in torch.randperm(len(images)).split(batch_size):
            self.step((images[rows].contiguous(memory_format=self.format), labels[rows]))

    def predict(self, x: Array, batch_size: int) -> Array:
        """Return probabilities (N, 10), in channels-last format, with which prediction is a third faster."""
        usual, self.format = self.format, torch.channels_last
        self.net.eval().to(memory_format=self.format)
        with torch.inference_mode():
            batches = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]
            y = torch.cat([self.net(self._images(batch)).softmax(1) for batch in batches]).numpy()
        self.format = usual
        self.net.train().to(memory_format=self.format)
        return y


def build_net(architecture: Architecture) -> tuple[nn.Sequential, dict[nn.Module, Sequence[int]]]:
    """Translate the layers; return also the shapes (C, H, W) of the images that dense layers receive flattened.

    The softmax of the last layer is part of PyTorch's loss.
    """
    height, width, channels = architecture.input_shape
    net, flattened = nn.Sequential(), {}
    shape: Sequence[int] = (channels, height, width)
    for layer in architecture.layers:
        for module in modules(layer, shape):
            net.append(module)
            if isinstance(module, nn.Flatten):
                image = shape
            elif isinstance(module, nn.Linear) and shape[0] == math.prod(image):
                flattened[module] = image
            with torch.inference_mode():
                shape = module.eval()(torch.zeros(1, *shape)).shape[1:]
    return net.train(), flattened


def modules(layer: Layer, shape: Sequence[int]) -> Iterator[nn.Module]:
    """Yield the modules of a layer whose input has the shape (C, H, W) or (C,)."""
    name, arguments = layer
    if name == "Conv2D":
        size, stride = arguments["kernel_size"], arguments.get("strides", 1)
        padding = size // 2 if arguments.get("padding") == "same" else 0
        yield nn.Conv2d(shape[0], arguments["filters"], size, stride, padding, bias=arguments.get("use_bias", True))
    elif name == "Dense":
        yield nn.Linear(shape[0], arguments["units"])
    elif name == "GlobalAveragePooling2D":
        yield nn.AdaptiveAvgPool2d(1)
        yield nn.Flatten()
    elif name == "BatchNormalization":
        yield nn.BatchNorm2d(shape[0], eps=1e-3, momentum=0.01)  # Keras's defaults; its momentum is 1 - 0.01
    elif name == "Dropout":
        yield nn.Dropout(arguments["rate"])
    elif name in ("MaxPooling2D", "AveragePooling2D"):
        yield (nn.MaxPool2d if name == "MaxPooling2D" else nn.AvgPool2d)(arguments["pool_size"])
    elif name == "Flatten":
        yield nn.Flatten()
    elif name != "Activation":
        raise ValueError(f"Expected a layer with a translation to PyTorch, received {name!r}.")
    if arguments.get("activation") == "relu":
        yield nn.ReLU(inplace=True)  # faster by up to a tenth


def set_weights(
    net: nn.Sequential, weights: Sequence[Array], flattened: Mapping[nn.Module, Sequence[int]], turn: int
) -> None:
    """Copy weights of scratchcnn: kernels from (KH, KW, C, F) to (F, C, KH, KW), and from (in, out) to (out, in).

    The inputs of a dense layer after a `Flatten` are in the order (H, W, C) in scratchcnn, and (C, H, W) here;
    `flattened` contains (C, H, W) of these layers. Kernels are rotated by 180° if `turn` is -1.
    """
    remaining = iter(weights)
    for module in net:
        arrays = [*module.parameters(), *(buffer for buffer in module.buffers() if buffer.ndim)]
        for array, weight in zip(arrays, remaining, strict=False):
            if weight.ndim == 2:
                channels, height, width = flattened.get(module, (len(weight), 1, 1))
                weight = weight.reshape(height, width, channels, -1)
            if weight.ndim == 4:
                weight = weight[::turn, ::turn].transpose(3, 2, 0, 1)
            array.data.copy_(torch.from_numpy(np.ascontiguousarray(weight)).reshape(array.shape))
