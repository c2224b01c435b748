"""The article's network in PyTorch, in eager mode as in PyTorch's own MNIST example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

Array = np.ndarray[Any, Any]


class Network:
    """See `contestants.Network`."""

    def __init__(self, threads: int, weights: Sequence[Array] | None, from_bytes: bool) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.from_bytes = from_bytes
        self.net = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
            nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
        )  # fmt: skip
        if weights is not None:
            self._set_weights(weights)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.001, eps=1e-7)

    def _set_weights(self, weights: Sequence[Array]) -> None:
        """Transpose kernels from (KH, KW, C, F) to (F, C, KH, KW), and dense kernels from (in, out) to (out, in)."""
        k1, b1, k2, b2, w1, c1, w2, c2 = weights
        in_torch_order = w1.reshape(12, 12, 64, 128).transpose(3, 2, 0, 1).reshape(128, 9216)  # channels first
        transposed = [k1.transpose(3, 2, 0, 1), b1, k2.transpose(3, 2, 0, 1), b2, in_torch_order, c1, w2.T, c2]
        with torch.no_grad():
            for parameter, weight in zip(self.net.parameters(), transposed, strict=True):
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(weight)))

    def _images(self, x: Array) -> torch.Tensor:
        images = torch.from_numpy(x.reshape(-1, 1, 28, 28))  # NHWC and NCHW are equal for one channel
        return images.float().div_(255) if self.from_bytes else images

    def loss(self, x: Array, y: Array) -> float:
        """Return the mean loss of a batch without dropout."""
        self.net.eval()
        with torch.inference_mode():
            value = self.criterion(self.net(self._images(x)), torch.from_numpy(y)).item()
        self.net.train()
        return float(value)

    def step(self, x: Array, y: Array) -> None:
        """Take one training step with Adam and dropout."""
        self.optimizer.zero_grad()
        self.criterion(self.net(self._images(x)), torch.from_numpy(y)).backward()
        self.optimizer.step()

    def predict(self, x: Array, batch_size: int) -> Array:
        """Return probabilities (N, 10). Channels last makes prediction a third faster, but not training."""
        self.net.eval().to(memory_format=torch.channels_last)
        with torch.inference_mode():
            batches = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]
            y = torch.cat([self.net(self._images(batch)).softmax(1) for batch in batches]).numpy()
        self.net.train().to(memory_format=torch.contiguous_format)
        return y
