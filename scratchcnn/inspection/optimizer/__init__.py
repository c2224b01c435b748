"""What does the optimizer do? One weight step by step, optimizers compared, gradient norms of all layers, dead units.

>>> from scratchcnn.inspection.optimizer import GradientWatcher
>>> watcher = GradientWatcher()  # then model.fit(x, y, callbacks=[watcher])
>>> print(watcher.result)
No steps yet; pass this callback to model.fit.
"""

from scratchcnn.inspection.optimizer.comparison import OptimizerComparison, compare_optimizers, watch_weight
from scratchcnn.inspection.optimizer.dead_units import DeadUnits, dead_units
from scratchcnn.inspection.optimizer.gradient_flow import GradientFlow, GradientWatcher
from scratchcnn.inspection.optimizer.weight_history import OptimizerMicroscope, WeightHistory

__all__ = [
    "DeadUnits",
    "GradientFlow",
    "GradientWatcher",
    "OptimizerComparison",
    "OptimizerMicroscope",
    "WeightHistory",
    "compare_optimizers",
    "dead_units",
    "watch_weight",
]
