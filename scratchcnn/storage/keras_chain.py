"""The layers of a Keras model in a row: a Sequential, or a Functional model that is a plain chain."""

from __future__ import annotations

from typing import Any

from scratchcnn.configs import Config
from scratchcnn.storage.errors import StorageError, shortened

FUNCTIONAL = ("Functional", "Model")
MODELS = ("Sequential", *FUNCTIONAL)


def layers_of(description: Config) -> list[Config]:
    """Return the entries of all layers of a model, from the input to the output.

    Parameters
    ----------
    description : dict
        The configuration of a model of Keras 1, 2 or 3; it may come from a hostile file.

    Raises
    ------
    StorageError
        The model is of another class, or a layer, which is named, has other inputs than the output of the previous one.
    """
    kind, config = description["class_name"], description["config"]
    if kind not in MODELS:
        raise StorageError(
            f"Expected a Sequential model, or a Functional one whose layers form a chain, received {shortened(kind)}."
        )
    layers: list[Config] = config if isinstance(config, list) else config["layers"]  # a list before Keras 2.2
    if kind != "Sequential":
        _expect_chain(config, layers)
    return layers


def label(described: Config) -> str:
    """Return the name and class of a layer for messages: "layer 'conv2d' ('Conv2D')"."""
    return f"layer {shortened(name_of(described))} ({shortened(described['class_name'])})"


def name_of(described: Config) -> str | None:
    """Return the name of a layer or a model, None if it has none; a Sequential had none before Keras 2.2."""
    config = described["config"] if isinstance(described["config"], dict) else {}
    name = described.get("name", config.get("name"))
    return None if name is None else str(name)


def _expect_chain(config: Config, layers: list[Config]) -> None:
    """Check that each layer is applied once, to the output of the previous one, in the order of the list."""
    previous: list[str | None] = []
    for described in layers:
        sources: list[str] = []
        arguments: Config = {}
        for node in described["inbound_nodes"]:
            of_node, of_call = _inputs(node)
            sources += of_node
            arguments |= of_call
        if sources != previous or len(described["inbound_nodes"]) > 1:
            expected = f"the output of {previous[0]!r} as its only input" if previous else "no input, as the first one"
            raise StorageError(
                f"Expected {label(described)} with {expected}, since scratchcnn has chains of layers only, received "
                f"{', '.join(map(shortened, sources[:10])) or 'none'}."
            )
        if given := {name: value for name, value in arguments.items() if value not in (None, False)}:
            raise StorageError(
                f"Expected {label(described)} to be called with its input only, received {shortened(given)}."
            )
        previous = [name_of(described)]
    for option, described in (("input_layers", layers[0]), ("output_layers", layers[-1])):
        if (names := _inputs(config[option])[0]) != [name_of(described)]:
            raise StorageError(f"Expected {option} as {[name_of(described)]}, received {shortened(names)}.")


def _inputs(node: Any) -> tuple[list[str], Config]:
    """Return the names of the layers whose outputs a node receives, and the other arguments of the call.

    Keras 3 describes a call as {"args": [...], "kwargs": {...}}, where a tensor is a dict with a 'keras_history' of
    [layer, node, output]. Before, a call was [[layer, node, output, kwargs], ...], or without the outer list.
    """
    if isinstance(node, dict):
        names = _histories([node["args"], node["kwargs"]])
        return names, {name: value for name, value in node["kwargs"].items() if not _histories([value])}
    tensors = [node] if node and isinstance(node[0], str) else node
    arguments: Config = {}
    for tensor in tensors:
        arguments |= tensor[3] if len(tensor) > 3 else {}
    return [str(tensor[0]) for tensor in tensors], arguments


def _histories(values: list[Any]) -> list[str]:
    """Return the names of the layers of all tensors nested in the arguments of a call."""
    names, rest = [], list(reversed(values))
    while rest:
        value = rest.pop()
        if isinstance(value, dict) and "keras_history" in value:
            names.append(str(value["keras_history"][0]))
        elif isinstance(value, (dict, list)):
            rest += reversed(list(value.values()) if isinstance(value, dict) else value)
    return names
