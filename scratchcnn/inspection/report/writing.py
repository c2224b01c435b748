"""write_report: one HTML page that leads from the pixels of one image to the model's answer, and back."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.arguments import built_model, class_count, one_image, one_label
from scratchcnn.inspection.report.arrays import ArrayStore
from scratchcnn.inspection.report.layer_data import page_data
from scratchcnn.inspection.report.layer_words import backward_words, formula_of, forward_words, times
from scratchcnn.inspection.report.learning import first_steps_sections, gradient_check_section, history_section
from scratchcnn.inspection.report.matrix_product import matrix_product
from scratchcnn.inspection.report.matters import what_matters
from scratchcnn.inspection.report.number_tables import (
    backward_facts_of,
    facts_of,
    overview,
    weights_with_largest_gradients,
)
from scratchcnn.inspection.report.page import render
from scratchcnn.inspection.report.second_opinions import keras_section, mistakes_section
from scratchcnn.inspection.report.sections import Section
from scratchcnn.inspection.report.sources import backward_sources, forward_sources, loss_sources
from scratchcnn.inspection.tracing.trace import Trace, trace
from scratchcnn.losses import SparseCategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.storage.atomic import FilePath, atomic_write


@dataclass(frozen=True)
class Report:
    """A page that was written; `print` says where.

    Attributes
    ----------
    path : Path
    size : int
        Bytes.
    answer : int or None
        What the model takes the image for; None if its output are no classes.
    label : int or None
        The class that the backward pass was asked about; None if there was none.
    left_out : dict of str to str
        Titles of the sections that the model or the data do not allow, and why.
    """

    path: Path
    size: int
    answer: int | None
    label: int | None
    left_out: dict[str, str]

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.size / 1e6:.1f} MB; open it in a browser, it needs no network"]
        lines += [f"  without {title!r}: {why}" for title, why in self.left_out.items()]
        return "\n".join(lines)


class Step(NamedTuple):
    """One layer, as the template tells it."""

    name: str
    kind: str
    given: str
    made: str
    forward: str
    backward: str
    formula: str
    known: bool
    facts: list[Any]
    sources: list[Any]
    backward_facts: list[Any]
    backward_sources: list[Any]
    gradients: list[tuple[str, str, str]]
    ends_in_loss: bool
    has_kernel_gradient: bool


class _Asked(NamedTuple):
    """What the page is about."""

    trace: Trace
    label: int | None
    given: bool  # whether the user gave the label
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
    """Write a page that shows how a model comes from the pixels of an image to its answer, and back.

    Each layer has its section: what it does, its formula and where that stands in this package, its numbers, and its
    outputs as pictures. A click on any number shows where it came from: what it was computed of, added up anew by the
    page's script in float64 and held against what the model stored. Then the same for the gradients, and what matters
    to the answer. The page is one file that loads nothing; a browser opens it without a network.

    Parameters
    ----------
    model : Sequential
        Built; for the backward pass, compiled.
    image : array-like
        One image, as the model takes it; without the channel axis if there is one channel.
    label : int, optional
        What the image is. Default: the backward pass is asked about the model's own answer.
    to_file : str or path, default 'look_inside.html'
        Replaced only once the new page is whole.
    images, labels : array-like (N, *input_shape), (N,), optional
        A set on which to measure what each filter is worth; without it, that section is left out.
    training : (images, labels), optional
        From which a copy of the model, with new weights, learns for about 100 steps, to show gradients and weights on
        the way, and then the model's twin in Keras, if that is installed; without it, that part is left out.
    title : str, optional
        The page's heading.

    Returns
    -------
    Report

    Raises
    ------
    TypeError, ValueError
        The model is not built; not one image; no such class.
    OSError
        The file cannot be written.
    ImportError
        Jinja2 is not installed.

    Notes
    -----
    The page carries all numbers of the pass, as float32 without the zeros; of a large Dense kernel, the weights that
    meet a number other than zero. For the network of the README that is about 5 MB.

    References
    ----------
    The idea of arithmetic at a click is that of Wang et al. 2020, "CNN Explainer: Learning convolutional neural
    networks with interactive visualization", which shows the forward pass of one network.
    """
    asked = _ask(model, image, label)
    store = ArrayStore()
    classes = [] if asked.answer is None else [str(number) for number in range(class_count(model))]
    data = page_data(asked.trace, store, asked.label, classes)
    pixels = asked.trace.x[0]
    checked = (None, None) if images is None or labels is None else (np.asarray(images), np.asarray(labels))
    matters = [] if asked.answer is None else what_matters(model, pixels, asked.label, store, *checked)
    product = matrix_product(asked.trace, store)
    data["im2col"] = None if product is None else product.data
    learning = _learning(asked, training)
    page = render(
        data,
        title=title or _title(asked),
        asked=asked,
        steps=_steps(asked.trace),
        overview=overview(asked.trace),
        shares=_shares(asked),
        loss=asked.trace.loss,
        loss_sources=loss_sources(model.engine) if asked.label is not None else [],
        input_shape=times(asked.trace.x.shape[1:]),
        matters=matters,
        learning=learning,
        product=product,
        made_with=_made_with(model),
    )
    with atomic_write(to_file) as file:
        file.write(page.encode())
    left_out = {section.title: section.left_out for section in [*matters, *learning] if section.left_out}
    if asked.why_no_backward:
        left_out["And back"] = asked.why_no_backward
    return Report(Path(to_file), len(page.encode()), asked.answer, asked.label, left_out)


def _learning(asked: _Asked, training: tuple[npt.ArrayLike, npt.ArrayLike] | None) -> list[Section]:
    """The sections about learning."""
    model = asked.trace.model
    history = history_section(model)
    found = [gradient_check_section(asked.trace)] if asked.label is not None else []
    found += [history] if history else []
    if training is not None:
        x, y = training
        found += [*first_steps_sections(model, np.asarray(x), np.asarray(y)), mistakes_section()]
        found.append(keras_section(model, np.asarray(x), np.asarray(y)))
    return found


def _ask(model: Sequential, image: npt.ArrayLike, label: int | None) -> _Asked:
    """Trace the image; with a label, there and back."""
    model = built_model(model, "write_report")
    batch = one_image(model, image)
    try:
        class_count(model)
    except ValueError as error:
        if label is not None:
            raise
        return _Asked(trace(model, batch), None, False, None, str(error))
    answer = int(trace(model, batch).probabilities[0].argmax())
    chosen = answer if label is None else one_label(model, label)
    try:
        trace(model, batch, _as_target(model, chosen))  # once to load the kernels, and once to be timed
        there_and_back = trace(model, batch, _as_target(model, chosen))
    except RuntimeError as error:
        return _Asked(trace(model, batch), None, False, answer, str(error))
    return _Asked(there_and_back, chosen, label is not None, answer, "")


def _as_target(model: Sequential, label: int) -> Array:
    """The label of one image as the model's loss takes it."""
    loss = model.trainer.loss
    if isinstance(loss, SparseCategoricalCrossentropy):
        return np.array([label])
    return np.eye(class_count(model))[[label]]


def _steps(found: Trace) -> list[Step]:
    steps = []
    for layer in found:
        engine = found.model.engine
        sources = forward_sources(layer, engine)
        back = found.losses is not None
        steps.append(
            Step(
                name=layer.name,
                kind=layer.kind,
                given=times(layer.shapes.input[1:]),
                made=times(layer.shapes.output[1:]),
                forward=forward_words(layer),
                backward=backward_words(layer),
                formula=formula_of(layer),
                known=bool(sources) or layer.kind in ("Flatten", "Rescaling", "Activation"),
                facts=facts_of(layer),
                sources=sources,
                backward_facts=backward_facts_of(layer) if back else [],
                backward_sources=backward_sources(layer, engine) if back else [],
                gradients=weights_with_largest_gradients(layer) if back else [],
                ends_in_loss=back and layer.d_output is None,
                has_kernel_gradient=back and layer.params.get("kernel", np.zeros(0)).ndim == 4 and bool(sources),
            )
        )
    return steps


def _title(asked: _Asked) -> str:
    if asked.answer is None:
        return f"Inside {asked.trace.model.name}"
    return f"How a network reads this {asked.label if asked.given else asked.answer}"


def _shares(asked: _Asked) -> list[tuple[str, float]]:
    """The probability of each class."""
    if asked.answer is None:
        return []
    return [(str(number), float(share)) for number, share in enumerate(asked.trace.probabilities[0])]


def _made_with(model: Sequential) -> str:
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    return f"scratchcnn, engine {model.engine!r}, {np.dtype(model.dtype).name}; {versions}"
