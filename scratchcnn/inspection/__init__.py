"""Inspection: tools that explain, check and visualize a network; one sub-package for each question."""

from typing import TYPE_CHECKING

from scratchcnn.inspection import bug_zoo
from scratchcnn.inspection.attribution.ablation import FilterAblation, filter_ablation
from scratchcnn.inspection.attribution.class_activation import GradCAM, grad_cam
from scratchcnn.inspection.attribution.occlusion_map import Occlusion, occlusion
from scratchcnn.inspection.attribution.saliency import InputGradient, input_gradient
from scratchcnn.inspection.attribution.shifts import PixelShifts, pixel_shifts
from scratchcnn.inspection.explaining.explain import explain
from scratchcnn.inspection.explaining.explanation import Explanation
from scratchcnn.inspection.gradients.check import check_gradients
from scratchcnn.inspection.gradients.data_check import check_data
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.layer_check import check_layer, compare_layers
from scratchcnn.inspection.gradients.overfitting import Overfitting, overfit_one_batch
from scratchcnn.inspection.gradients.step_sweep import StepSweep, sweep_step
from scratchcnn.inspection.gradients.table import GradientCheck
from scratchcnn.inspection.gradients.training_checks import check_loss, check_optimizer
from scratchcnn.inspection.im2col.story import Im2colStory, show_im2col
from scratchcnn.inspection.keras.comparison import KerasComparison, compare_with_keras
from scratchcnn.inspection.laboratory import Laboratory, write_laboratory
from scratchcnn.inspection.optimizer.comparison import OptimizerComparison, compare_optimizers, watch_weight
from scratchcnn.inspection.optimizer.dead_units import DeadUnits, dead_units
from scratchcnn.inspection.optimizer.gradient_flow import GradientFlow, GradientWatcher
from scratchcnn.inspection.optimizer.weight_history import OptimizerMicroscope, WeightHistory
from scratchcnn.inspection.report import Report, write_report
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace, trace
from scratchcnn.names import names_of_module

__all__ = [
    "DeadUnits",
    "Explanation",
    "FilterAblation",
    "Findings",
    "GradCAM",
    "GradientCheck",
    "GradientFlow",
    "GradientWatcher",
    "Im2colStory",
    "InputGradient",
    "KerasComparison",
    "Laboratory",
    "LayerTrace",
    "Occlusion",
    "OptimizerComparison",
    "OptimizerMicroscope",
    "Overfitting",
    "PixelShifts",
    "Report",
    "StepSweep",
    "Trace",
    "WeightHistory",
    "bug_zoo",
    "check_data",
    "check_gradients",
    "check_layer",
    "check_loss",
    "check_optimizer",
    "compare_layers",
    "compare_optimizers",
    "compare_with_keras",
    "dead_units",
    "explain",
    "filter_ablation",
    "grad_cam",
    "input_gradient",
    "occlusion",
    "overfit_one_batch",
    "pixel_shifts",
    "show_im2col",
    "sweep_step",
    "trace",
    "watch_weight",
    "write_laboratory",
    "write_report",
]


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
