"""write_report: one HTML page from the pixels of an image to the prediction, and from the loss back to the pixels."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.atomic import FilePath, atomic_write
from scratchcnn.descriptions.words import times
from scratchcnn.inspection.arguments import built_model, class_count, one_image, one_label
from scratchcnn.inspection.report.attribution_sections import attribution_sections
from scratchcnn.inspection.report.layer_section import layer_section, loss_sources, overview
from scratchcnn.inspection.report.matrix_product import matrix_product
from scratchcnn.inspection.report.script_data import page_data
from scratchcnn.inspection.report.training_sections import training_sections
from scratchcnn.inspection.tracing.trace import Trace, trace
from scratchcnn.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy
from scratchcnn.page import ArrayStore, Page, render
from scratchcnn.sequential import Sequential

PAGE = Page(
    "scratchcnn.inspection.report",
    scripts=(
        "elements", "arrays", "kernels", "numbers", "colours", "positions", "geometry", "rounding", "forward",
        "backward", "described", "field", "sheet", "matrices", "ledger", "arithmetic", "explorer", "maps", "outline",
        "charts", "im2col", "main",
    ),
    styles=("base", "report"),
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """The result of `write_report`; `print` shows the path and what was left out.

    Attributes
    ----------
    path : Path
    size : int  in bytes
    answer : int or None  the predicted class; None if the model's outputs are not classes
    label : int or None  the class whose loss and gradients were computed; None if there is no backward pass
    left_out : dict of str to str  titles of sections that the model or the data do not allow, and the reasons
    """

    path: Path
    size: int
    answer: int | None
    label: int | None
    left_out: dict[str, str]

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.size / 1e6:.1f} MB; open it in a browser, it works offline"]
        lines += [f"  without {title!r}: {reason}" for title, reason in self.left_out.items()]
        return "\n".join(lines)


def write_report(
    model: Sequential,
    image: npt.ArrayLike,
    label: int | None = None,
    to_file: FilePath = "look_inside.html",
    *,
    images: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    training: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    title: str = "",
) -> Report:
    """Write an HTML page that shows how a model computes its prediction for one image, and the gradients.

    Each layer has a section with its formula, the source code that computes it, and its output as feature maps. A click
    on a value shows the products that it is the sum of; the page's script adds them up in float64 and compares the
    result with the value that the model stored. The same is shown for the gradients. Further sections show which pixels
    and filters determine the prediction, and how the model learns. The page is one file and works offline.

    Parameters
    ----------
    model : Sequential
        Built; for the backward pass also compiled.
    image : array-like
        One image in the model's input shape; the channel axis may be omitted if there is one channel.
    label : int, optional
        The correct class of the image. Default: the predicted class.
    to_file : str or path, default 'look_inside.html'
        Replaced when the new page is complete.
    images, labels : array-like (N, *input_shape), (N,), optional
        Data to evaluate the model without each of its filters; without them, that section is left out.
    training : (images, labels), optional
        Data for about 100 training steps of a copy of the model with new weights, and for the comparison with Keras, if
        that is installed; without them, these sections are left out.
    title : str, optional
        Heading of the page.

    Raises
    ------
    TypeError, ValueError
        The model is not built, `image` is not one image, there is no such class, or images are given without labels.
    OSError, ImportError
        The file cannot be written; Jinja2 is not installed.

    Notes
    -----
    The page contains all arrays of both passes without their zeros, and of a large Dense kernel the weights that are
    multiplied by a nonzero value. For the network of the README that is about 5 MB.

    References
    ----------
    Wang et al. 2020, "CNN Explainer: Learning convolutional neural networks with interactive visualization", which
    shows the calculation of a clicked value for the forward pass of one network.
    """
    if (images is None) != (labels is None):
        raise ValueError("Expected images and labels, received only one of them; give both, or omit both.")
    if training is not None and not (isinstance(training, tuple | list) and len(training) == 2):
        raise ValueError(f"Expected training as (images, labels), received {type(training).__name__}; give both.")
    passes = _passes(model, image, label)
    found = passes.trace
    store = ArrayStore()
    data = page_data(found, store, passes.label)
    attribution = []
    if passes.answer is not None:
        evaluated = None if images is None or labels is None else (images, labels)
        attribution = attribution_sections(found, passes.label, store, evaluated)
    product, data["im2col"] = matrix_product(found, store)
    learning = training_sections(found, training)
    page = render(
        PAGE,
        data,
        title=title,
        passes=passes,
        layers=list(found),
        overview=overview(found),
        probabilities=found.probabilities[0].tolist() if passes.answer is not None else [],
        loss_sources=loss_sources(model.engine),
        attribution=attribution,
        learning=learning,
        product=product,
        made_with=f"scratchcnn, engine {model.engine!r}, {np.dtype(model.dtype).name}; "
        f"Python {platform.python_version()}, NumPy {np.__version__}",
        of_layer=layer_section,
        times=times,
    ).encode()
    with atomic_write(to_file) as file:
        file.write(page)
    left_out = {section.title: section.left_out for section in [*attribution, *learning] if section.left_out}
    if passes.why_no_backward:
        left_out["Backward pass"] = passes.why_no_backward
    return Report(Path(to_file), len(page), passes.answer, passes.label, left_out)


class _Passes(NamedTuple):
    """The passes that the page shows."""

    trace: Trace
    answer: int | None
    label: int | None = None
    given: bool = False  # whether the label was given by the user
    why_no_backward: str = ""


def _passes(model: Sequential, image: npt.ArrayLike, label: int | None) -> _Passes:
    """Trace the image forward and, if the model has a loss, backward."""
    model = built_model(model, "write_report")
    batch = one_image(model, image)
    found = trace(model, batch)
    try:
        classes = class_count(model)
    except ValueError as error:
        if label is not None:
            raise
        return _Passes(found, None, why_no_backward=str(error))
    answer = int(found.probabilities[0].argmax())
    chosen = answer if label is None else one_label(model, label)
    try:
        loss = model.trainer.loss
        if not isinstance(loss, CategoricalCrossentropy):
            return _Passes(found, answer, why_no_backward=(
                f"Expected a loss of classes, as SparseCategoricalCrossentropy(), received {type(loss).__name__}; use "
                f"trace and explain for its gradients."
            ))  # fmt: skip
        sparse = isinstance(loss, SparseCategoricalCrossentropy)
        both = trace(model, batch, np.array([chosen]) if sparse else np.eye(classes)[[chosen]])
    except RuntimeError as error:
        return _Passes(found, answer, why_no_backward=str(error))
    return _Passes(both, answer, chosen, label is not None)
