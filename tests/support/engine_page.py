"""The laboratory's engine in a browser: a page with its text, and passes whose values return as NumPy arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scratchcnn import Sequential
from scratchcnn.inspection import Trace
from scratchcnn.inspection.laboratory.engine import SCRIPTS, engine_text
from scratchcnn.inspection.laboratory.network import network_data

CLIENT = (SCRIPTS / "client.js").read_text("utf-8")
PUBLISHED = (
    "createNetwork", "forward", "backward", "lossOf", "predictionsOf", "updateStatistics", "snapshot", "restore",
    "createRandom", "randomBits", "createOptimizer", "trainStep", "trainingSteps", "designNetwork", "augmentImages",
)  # fmt: skip

# Keys of dropout arrive as pairs of 32-bit halves.
PASS = """
    const [description, images, labels, count, training, keys] = arguments;
    const { createNetwork, forward, lossOf, predictionsOf, backward, updateStatistics } = engine;
    const network = createNetwork(description);
    const random = { key: () => { const [high, low] = keys.shift(); return { high, low }; } };
    const pass = forward(network, images, count, { training, random });
    const result = { values: pass.values };
    result.predictions = predictionsOf(network, pass);
    if (labels !== null) {
        const { losses, gradient } = lossOf(network, pass, labels);
        const gradients = backward(network, pass, gradient);
        result.losses = losses;
        result.at = gradient.at;
        result.gradients = gradients.values;
        result.parameters = gradients.parameters;
        if (training) updateStatistics(network, pass);
        result.statistics = Object.fromEntries(network.steps.map(({ name, parameters }) => [name, Object.fromEntries(
            Object.entries(parameters).filter(([each]) => each.startsWith('moving_')))]));
    }
    return result;
"""


def open_engine(driver: Any) -> None:
    """Load an empty page and define the engine on it, as `engine`."""
    driver.get("about:blank")
    driver.execute_script(f"{engine_text()}\nglobalThis.engine = {{ {', '.join(PUBLISHED)} }};")


def run_pass(
    driver: Any, model: Sequential, x: np.ndarray, labels: np.ndarray | None, training: bool = False, keys: Any = ()
) -> dict[str, Any]:
    """Return everything that the engine computes for a batch, from the stored weights of a model."""
    given = None if labels is None else np.asarray(labels, np.float64).ravel().tolist()
    halves = [(int(key) >> 32, int(key) & 0xFFFFFFFF) for key in keys]
    return driver.execute_script(
        PASS, network_data(model), x.astype(np.float64).ravel().tolist(), given, len(x), training, halves
    )


# Both sides compute in float64, from the same float16 weights. A sum of K products has a rounding error of at most K u
# times the sum of their magnitudes, u = 2^-53. With K below 10,000 and at most 40 steps that is 4e-11, if the sums of
# magnitudes are not much larger than the largest result. This leaves a factor of 25 for those that are.
RELATIVE = 1e-9
# A gradient may be zero except for rounding, as that of a bias before a batch normalization: its terms cancel. The
# terms are not larger than the largest gradient of the network, and the rounding error is K u times their number.
CANCELLED = 1e-12


class Pair(NamedTuple):
    """The same array as the engine and as Python computed it."""

    name: str
    engine: np.ndarray
    python: np.ndarray


def pairs_of(found: dict[str, Any], steps: list[dict[str, Any]], trace: Trace) -> tuple[list[Pair], list[Pair]]:
    """Return the values of a pass of `run_pass` beside those of a trace, and the gradients."""
    values, gradients = [], []

    def add(into: list[Pair], name: str, computed: Any, expected: np.ndarray | None) -> None:
        if computed is not None and expected is not None:
            into.append(Pair(name, np.array(computed, float).ravel(), expected.astype(np.float64).ravel()))

    for i, step in enumerate(steps):
        layer, last = trace[step["layer"]], i + 1 == len(steps) or steps[i + 1]["layer"] != step["layer"]
        first = i == 0 or steps[i - 1]["layer"] != step["layer"]
        add(values, f"input of {step['name']}", found["values"][i], layer.input if first else layer.preactivation)
        add(values, f"output of {step['name']}", found["values"][i + 1], layer.output if last else layer.preactivation)
        if "gradients" not in found:
            continue
        d_input = layer.d_input if first else layer.d_preactivation
        add(gradients, f"gradient of the input of {step['name']}", found["gradients"][i], d_input)
        for name, array in found["parameters"][i].items():
            add(gradients, f"gradient of {step['name']}/{name}", array, layer.gradients[name])
    return values, gradients


def assert_equal(pairs: list[Pair]) -> None:
    """All arrays agree relative to their largest magnitude."""
    largest = max((np.abs(pair.python).max(initial=0) for pair in pairs), default=0)
    for name, engine, python in pairs:
        assert engine.shape == python.shape, name
        bound = RELATIVE * np.abs(python).max(initial=0) + CANCELLED * largest
        assert np.abs(engine - python).max(initial=0) <= bound, name


def open_worker(driver: Any) -> None:
    """Load an empty page with the client and a worker, as `engine`."""
    driver.get("about:blank")
    driver.set_script_timeout(110)
    driver.execute_script(f"{CLIENT}\nglobalThis.engine = createEngine(arguments[0]);", engine_text())


def ask(driver: Any, body: str, *args: Any) -> Any:
    """Run the body of an asynchronous function in the page, with `args`, and return its result."""
    script = f"""
        const done = arguments[arguments.length - 1];
        (async (args) => {{ {body} }})(Array.from(arguments)).then(
            (result) => done({{ result }}), (error) => done({{ error: error.message }}));
    """
    found = driver.execute_async_script(script, *args)
    assert "error" not in found, found["error"]
    return found["result"]
