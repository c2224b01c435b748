"""write_report: one HTML page from the pixels of an image to the prediction, and from the loss back to the pixels."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.arguments import built_model, class_count, one_image, one_label
from scratchcnn.inspection.report import number_tables
from scratchcnn.inspection.report.arrays import ArrayStore
from scratchcnn.inspection.report.layer_data import page_data
from scratchcnn.inspection.report.layer_words import backward_words, formula_of, forward_words, settings_of, times
from scratchcnn.inspection.report.learning import first_steps_sections, gradient_check_section, history_section
from scratchcnn.inspection.report.matrix_product import matrix_product
from scratchcnn.inspection.report.matters import attribution_sections
from scratchcnn.inspection.report.page import render
from scratchcnn.inspection.report.second_opinions import bugs_section, keras_section
from scratchcnn.inspection.report.sections import Section
from scratchcnn.inspection.report.sources import backward_sources, forward_sources, loss_sources
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace, trace
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.storage.atomic import FilePath, atomic_write


@dataclass(frozen=True)
class Report:
    """The result of `write_report`; `print` shows the path and what was left out.

    Attributes
    ----------
    path : Path
    size : int
        Bytes.
    answer : int or None
        The predicted class; None if the model's outputs are not classes.
    label : int or None
        The class for which the loss and the gradients were computed; None if there is no backward pass.
    left_out : dict of str to str
        Titles of the sections that the model or the data do not allow, and the reasons.
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


class _Passes(NamedTuple):
    """The passes that the page shows."""

    trace: Trace
    label: int | None
    given: bool  # whether the label was given by the user
    answer: int | None
    why_no_backward: str


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

    Returns
    -------
    Report

    Raises
    ------
    TypeError, ValueError
        The model is not built, `image` is not one image, there is no such class, or images are given without labels.
    OSError
        The file cannot be written.
    ImportError
        Jinja2 is not installed.

    Notes
    -----
    The page contains all arrays of both passes without their zeros, and of a large Dense kernel the weights that are
    multiplied by a nonzero value. For the network of the README that is about 5 MB.

    References
    ----------
    Wang et al. 2020, "CNN Explainer: Learning convolutional neural networks with interactive visualization", which
    shows the calculation of a clicked value for the forward pass of one network.
    """
    passes = _passes(model, image, label)
    if (images is None) != (labels is None):
        raise ValueError("Expected images and labels, received only one of them; give both, or omit both.")
    if training is not None and not (isinstance(training, tuple | list) and len(training) == 2):
        raise ValueError(f"Expected training as (images, labels), received {type(training).__name__}; give both.")
    found = passes.trace
    store = ArrayStore()
    data = page_data(found, store, passes.label)
    checked = (None, None) if images is None or labels is None else (np.asarray(images), np.asarray(labels))
    attribution = []
    if passes.answer is not None:
        attribution = attribution_sections(model, found.x[0], passes.label, store, *checked)
    product = matrix_product(found, store)
    data["im2col"] = product and product[1]
    learning = _learning_sections(passes, training)
    page = render(
        data,
        title=title or _title(passes),
        passes=passes,
        layers=list(found),
        overview=number_tables.overview(found),
        probabilities=found.probabilities[0].tolist() if passes.answer is not None else [],
        loss_sources=loss_sources(model.engine),
        attribution=attribution,
        learning=learning,
        product=product and product[0],
        made_with=_made_with(model),
        of_layer=_of_layer,
        times=times,
    )
    with atomic_write(to_file) as file:
        file.write(page.encode())
    left_out = {section.title: section.left_out for section in [*attribution, *learning] if section.left_out}
    if passes.why_no_backward:
        left_out["Backward pass"] = passes.why_no_backward
    return Report(Path(to_file), len(page.encode()), passes.answer, passes.label, left_out)


def _learning_sections(passes: _Passes, training: tuple[npt.ArrayLike, npt.ArrayLike] | None) -> list[Section]:
    model = passes.trace.model
    history = history_section(model)
    found = [gradient_check_section(passes.trace)] if passes.label is not None else []
    found += [history] if history else []
    if training is not None:
        x, y = (np.asarray(each) for each in training)
        found += [*first_steps_sections(model, x, y), bugs_section(), keras_section(model, x, y)]
    return found


def _passes(model: Sequential, image: npt.ArrayLike, label: int | None) -> _Passes:
    """Trace the image forward and, if the model has a loss, backward."""
    model = built_model(model, "write_report")
    batch = one_image(model, image)
    try:
        class_count(model)
    except ValueError as error:
        if label is not None:
            raise
        return _Passes(trace(model, batch), None, False, None, str(error))
    answer = int(trace(model, batch).probabilities[0].argmax())
    chosen = answer if label is None else one_label(model, label)
    try:
        both = trace(model, batch, _as_target(model, chosen))
    except RuntimeError as error:
        return _Passes(trace(model, batch), None, False, answer, str(error))
    return _Passes(both, chosen, label is not None, answer, "")


def _as_target(model: Sequential, label: int) -> Array:
    """Return the label of one image in the form that the model's loss expects."""
    loss = model.trainer.loss
    if isinstance(loss, SparseCategoricalCrossentropy):
        return np.array([label])
    return np.eye(class_count(model))[[label]]


def _of_layer(layer: LayerTrace, engine: str) -> dict[str, Any]:
    """Return the context of the template for the sections of one layer."""
    formula, notation = formula_of(layer)
    sources = forward_sources(layer, engine)
    backward = layer.d_preactivation is not None
    return {
        "given": times(layer.shapes.input[1:]),
        "made": times(layer.shapes.output[1:]),
        "forward": forward_words(layer),
        "backward": backward_words(layer),
        "formula": formula,
        "notation": notation,
        "settings": settings_of(layer),
        "facts": number_tables.facts_of(layer),
        "sources": sources,
        "backward_facts": number_tables.backward_facts_of(layer),
        "backward_sources": backward_sources(layer, engine),
        "largest_gradients": number_tables.largest_gradients(layer),
        "kernel_gradient": backward and layer.params.get("kernel", np.zeros(0)).ndim == 4 and bool(sources),
    }


def _title(passes: _Passes) -> str:
    if passes.answer is None:
        return f"Inside {passes.trace.model.name}"
    return f"How a neural network classifies this {passes.label if passes.given else passes.answer}"


def _made_with(model: Sequential) -> str:
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    return f"scratchcnn, engine {model.engine!r}, {np.dtype(model.dtype).name}; {versions}"
