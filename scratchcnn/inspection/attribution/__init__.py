"""Attribution: which pixels and which filters determine the prediction?

`occlusion` covers parts of the image, `input_gradient` differentiates a class score with respect to the pixels,
`grad_cam` weights the feature maps of a convolution, `pixel_shifts` translates the image, and `filter_ablation` zeroes
the filters of a layer. Each result can be printed, and drawn with `plot`.

>>> import numpy as np
>>> from scratchcnn import Sequential
>>> from scratchcnn.layers import Dense, Flatten
>>> model = Sequential([Flatten(input_shape=(6, 5)), Dense(3, "softmax")], seed=0)
>>> found = occlusion(model, np.eye(6, 5), size=2)
>>> found.map.shape  # mean decrease of the probability, for each pixel
(6, 5)
"""

from scratchcnn.inspection.attribution.ablation import FilterAblation, filter_ablation
from scratchcnn.inspection.attribution.class_activation import GradCAM, grad_cam
from scratchcnn.inspection.attribution.occlusion_map import Occlusion, occlusion
from scratchcnn.inspection.attribution.saliency import InputGradient, input_gradient
from scratchcnn.inspection.attribution.shifts import PixelShifts, pixel_shifts

__all__ = [
    "FilterAblation",
    "GradCAM",
    "InputGradient",
    "Occlusion",
    "PixelShifts",
    "filter_ablation",
    "grad_cam",
    "input_gradient",
    "occlusion",
    "pixel_shifts",
]
