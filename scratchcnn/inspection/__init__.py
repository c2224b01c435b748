"""Looking inside: where every number of a forward and a backward pass came from."""

from scratchcnn.inspection.ablation import FilterAblation, filter_ablation
from scratchcnn.inspection.class_activation import GradCAM, grad_cam
from scratchcnn.inspection.occlusion_map import Occlusion, occlusion
from scratchcnn.inspection.saliency import InputGradient, input_gradient
from scratchcnn.inspection.shifts import PixelShifts, pixel_shifts

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
