"""What the report says about activation functions: sentences, and the code that computes them."""

from __future__ import annotations

from scratchcnn.activations import ReLU, Softmax, has_formula
from scratchcnn.descriptions.base import Code

WORDS = {
    ReLU: (
        "ReLU then replaces every negative value by zero.",
        "Before that, ReLU sets the gradient to zero where its output is zero.",
    ),
    Softmax: ("Softmax then turns the values into probabilities, which are positive and add up to 1.", ""),
}


def words_of_activation(activation: object) -> tuple[str, str]:
    """Return sentences about the forward and the backward pass of an activation; empty ones if it is not known."""
    if not has_formula(activation):
        return next((words for kind, words in WORDS.items() if type(activation) is kind), ("", ""))
    formula, derivative = (text.format(x="z") for text in (activation.formula, activation.derivative))
    return (
        f"The function {activation.name} then replaces each value z by y = {formula}.",
        f"Before that, the gradient is multiplied by the derivative of {activation.name}, {derivative}.",
    )


def code_of_activation(activation: object, is_only_loop: bool) -> tuple[Code, Code]:
    """Return the functions that compute the forward and the backward pass of an activation.

    `is_only_loop`: whether no loop precedes it. Otherwise a ReLU is part of the preceding loop.
    """
    if type(activation) is ReLU:
        return Code(("reference.relu:relu",), ("kernels.relu:_relu",) if is_only_loop else ()), Code()
    if type(activation) is Softmax:
        return Code(("reference.softmax:softmax",), ("kernels.softmax:softmax_row",)), Code()
    if not has_formula(activation):
        return Code(), Code()
    name = f"elementwise:{activation.name}"
    derivative = f"{name}_derivative"
    return (
        Code((f"reference.{name}",), (f"kernels.{name}",)),
        Code((f"reference.{derivative}",), (f"kernels.{derivative}",)),
    )
