"""The optimizer of a model as the page's engine computes it."""

from __future__ import annotations

from typing import Any

from scratchcnn.optimizers import SGD, Adam
from scratchcnn.schedules import rate_at
from scratchcnn.sequential import Sequential

LIMITS = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")  # settings that the engine does not have


def update_rule_data(model: Sequential) -> dict[str, Any] | None:
    """Return the compiled optimizer for JSON, in the engine's names; None if the model is not compiled.

    Parameters
    ----------
    model : Sequential

    Returns
    -------
    dict or None
        'name' ('sgd' or 'adam') and its settings. The rate is that of the first step. 'replaced' is None, or the class
        of an optimizer that the engine does not have: the settings are then those of Adam by default.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(2, input_shape=(3,))])
    >>> model.compile("sgd", loss="mean_squared_error")
    >>> update_rule_data(model)
    {'name': 'sgd', 'learningRate': 0.01, 'momentum': 0.0, 'replaced': None}
    >>> model.compile("rmsprop", loss="mean_squared_error")
    >>> update_rule_data(model)["replaced"]
    'RMSprop'
    """
    if model.compiled is None:
        return None
    optimizer = model.optimizer
    settings = optimizer.get_config()
    limited = any(settings.get(name) is not None for name in LIMITS)
    if type(optimizer) is SGD and not optimizer.nesterov and not limited:
        rate = rate_at(optimizer.learning_rate, 0)
        return {"name": "sgd", "learningRate": rate, "momentum": optimizer.momentum, "replaced": None}
    replaced = None
    if type(optimizer) is not Adam or limited:
        optimizer, replaced = Adam(), type(optimizer).__name__
    return {
        "name": "adam",
        "learningRate": rate_at(optimizer.learning_rate, 0),
        "beta1": optimizer.beta_1,
        "beta2": optimizer.beta_2,
        "epsilon": optimizer.epsilon,
        "replaced": replaced,
    }
