"""Looking inside: where every number of a forward and a backward pass came from."""

from scratchcnn.inspection.ablation import FilterAblation, filter_ablation
from scratchcnn.inspection.class_activation import GradCAM, grad_cam
from scratchcnn.inspection.dead_units import DeadUnits, dead_units
from scratchcnn.inspection.explaining import explain
from scratchcnn.inspection.explanation import Explanation
from scratchcnn.inspection.gradient_flow import GradientFlow, GradientWatcher
from scratchcnn.inspection.im2col import Im2colStory, show_im2col
from scratchcnn.inspection.keras_comparison import KerasComparison, compare_with_keras
from scratchcnn.inspection.layer_trace import LayerTrace
from scratchcnn.inspection.occlusion_map import Occlusion, occlusion
from scratchcnn.inspection.optimizer_comparison import OptimizerComparison, compare_optimizers, watch_weight
from scratchcnn.inspection.optimizer_microscope import OptimizerMicroscope, WeightHistory
from scratchcnn.inspection.saliency import InputGradient, input_gradient
from scratchcnn.inspection.shifts import PixelShifts, pixel_shifts
from scratchcnn.inspection.tracing import Trace, trace

__all__ = [
    "DeadUnits",
    "Explanation",
    "FilterAblation",
    "GradCAM",
    "GradientFlow",
    "GradientWatcher",
    "Im2colStory",
    "InputGradient",
    "KerasComparison",
    "LayerTrace",
    "Occlusion",
    "OptimizerComparison",
    "OptimizerMicroscope",
    "PixelShifts",
    "Trace",
    "WeightHistory",
    "compare_optimizers",
    "compare_with_keras",
    "dead_units",
    "explain",
    "filter_ablation",
    "grad_cam",
    "input_gradient",
    "occlusion",
    "pixel_shifts",
    "show_im2col",
    "trace",
    "watch_weight",
]
