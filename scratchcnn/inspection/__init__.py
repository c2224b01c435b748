"""Looking inside: where every number of a forward and a backward pass came from."""

from scratchcnn.inspection.ablation import FilterAblation, filter_ablation
from scratchcnn.inspection.class_activation import GradCAM, grad_cam
from scratchcnn.inspection.explaining import explain
from scratchcnn.inspection.explanation import Explanation
from scratchcnn.inspection.im2col import Im2colStory, show_im2col
from scratchcnn.inspection.layer_trace import LayerTrace
from scratchcnn.inspection.occlusion_map import Occlusion, occlusion
from scratchcnn.inspection.saliency import InputGradient, input_gradient
from scratchcnn.inspection.shifts import PixelShifts, pixel_shifts
from scratchcnn.inspection.tracing import Trace, trace

__all__ = [
    "Explanation",
    "FilterAblation",
    "GradCAM",
    "Im2colStory",
    "InputGradient",
    "LayerTrace",
    "Occlusion",
    "PixelShifts",
    "Trace",
    "explain",
    "filter_ablation",
    "grad_cam",
    "input_gradient",
    "occlusion",
    "pixel_shifts",
    "show_im2col",
    "trace",
]
