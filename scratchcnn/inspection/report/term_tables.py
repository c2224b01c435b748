"""The terms of all values of a layer, from its description, for layers that the page's script cannot compute itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.descriptions import LayerDescription, LayerValues, Terms, description_of
from scratchcnn.descriptions.terms import Position
from scratchcnn.inspection.report.arrays import ArrayStore
from scratchcnn.operands import Shape

MOST_TERMS = 300_000  # of a layer; a page would become slow and large with more


def described_terms(layer: LayerValues, store: ArrayStore) -> dict[str, Any]:
    """Return the terms of each output and of each input gradient of a layer, for the script.

    Returns
    -------
    dict
        'forward' and 'backward', each with the names of flat arrays: `ends[i]` is the end of the terms of value i in
        `weights` and in `sources`, the indices in the layer's array `array` (-1 in the padding). If the description
        derives the input gradients from the outputs, 'backward' is missing and the script does the same. For terms
        that are not known, or are too many, 'why' is the reason.
    """
    description = description_of(layer.layer)
    try:
        found = {"forward": _table(layer, layer.preactivation.shape, description.output_terms, store)}
        derived = type(description).input_gradient_terms is LayerDescription.input_gradient_terms
        if layer.d_input is not None and not derived:
            found["backward"] = _table(layer, layer.d_input.shape, description.input_gradient_terms, store)
    except _NoTermsError as reason:
        return {"why": str(reason)}
    return found


class _NoTermsError(Exception):
    """The page cannot contain the terms of a layer, for the reason in the message."""


def _table(
    layer: LayerValues, shape: Shape, terms_of: Callable[[LayerValues, Position], Terms | None], store: ArrayStore
) -> dict[str, Any]:
    """Return the terms of each element of an array of that shape."""
    found: list[Terms] = []
    for place in np.ndindex(shape[1:]):
        terms = terms_of(layer, (0, *place))
        if terms is None or not terms.known:
            raise _NoTermsError(
                f"The class {layer.kind} has no description of its terms, so this page shows the stored value only. "
                "Register a LayerDescription with describe() to see how it is computed."
            )
        count = math.prod(shape[1:]) * terms.inputs.size if not found else 0
        if count > MOST_TERMS:
            raise _NoTermsError(
                f"All values of {layer.name} together are sums of about {count:,} products, too many for this page. "
                "Use explain() for a single value."
            )
        found.append(terms)
    first = found[0]
    array = first.source.rpartition(".")[2]
    sources = [_flat(terms, getattr(layer, array).shape[1:]) for terms in found]
    return {
        "array": array,
        "formula": first.formula,
        "weight": first.weight_name or "factor",
        "biasName": first.bias_name,
        "selects": first.selects,
        "ends": store.add(np.cumsum([terms.inputs.size for terms in found])),
        "sources": store.add(np.concatenate(sources)),
        "weights": store.add(np.concatenate([terms.weights.ravel() for terms in found])),
        "biases": store.add(np.array([terms.bias for terms in found])),
        "bounds": store.add(np.array([terms.bound for terms in found])),
    }


def _flat(terms: Terms, shape: Shape) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the index of each source in the flattened sample of that shape; -1 in the padding."""
    places = np.where(terms.inside[..., None], terms.sources, 0)[..., 1:]
    flat = np.ravel_multi_index(tuple(np.moveaxis(places, -1, 0)), shape)
    return np.where(terms.inside, flat, -1).ravel()
