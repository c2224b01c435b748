"""Lesson 8: Adam and friends. Four ways to walk down the same hill.

You learn why plain gradient descent zigzags, what momentum remembers, and why Adam takes a step of its own for every
weight.
Read alongside: scratchcnn/reference/sgd.py and adam.py, then scratchcnn/optimizers.py and schedules.py.

    python examples/08_adam_and_friends.py
"""

import numpy as np
from lesson import command_line, heading, keep, load_digits, panels, read, tell

from scratchcnn import Sequential, reference
from scratchcnn.layers import Dense, Flatten
from scratchcnn.optimizers import SGD, Adam

STEEPNESS = np.array([1.0, 40.0])  # of the valley: gentle one way, steep the other
START, STEPS = np.array([-4.0, 0.6]), 60
WALKERS = {  # for the valley, and for the digits
    "SGD": (SGD(0.045), SGD(0.1)),
    "momentum": (SGD(0.01, momentum=0.9), SGD(0.03, momentum=0.9)),
    "Nesterov": (SGD(0.01, momentum=0.9, nesterov=True), SGD(0.03, momentum=0.9, nesterov=True)),
    "Adam": (Adam(0.2), Adam(0.002)),
}


def main() -> None:
    options = read(command_line(__doc__))

    heading("1. A narrow valley")
    tell(f"""height = (a^2 + {STEEPNESS[1]:g} b^2) / 2. SGD may not take steps longer than 2 / {STEEPNESS[1]:g} =
        {2 / STEEPNESS[1]:g} times the gradient, or it climbs up the steep walls; and along the floor, where the
        gradient is small, such steps are short. From {START.tolist()}, after {STEPS} steps:""")
    paths = {name: walk(optimizer) for name, (optimizer, _) in WALKERS.items()}
    for name, path in paths.items():
        turns = int(np.sum(np.diff(np.sign(path[:, 1])) != 0))
        print(f"  {name:10} height {height(path[-1]):.1e}; crossed the floor of the valley {turns} times")

    heading("2. What Adam does at its first step")
    gradient = np.array([5.0, -0.002])
    w_sgd, w_adam, m, v = (np.zeros(2) for _ in range(4))
    reference.sgd(w_sgd, gradient, np.zeros(2), 0.001, 0.0, False)
    reference.adam(w_adam, gradient, m, v, v, 1, 0.001, 0.9, 0.999, 1e-7)
    tell(f"""Two weights with gradients {gradient[0]} and {gradient[1]}, learning rate 0.001. SGD moves them by
        {w_sgd[0]:+.1e} and {w_sgd[1]:+.1e}, Adam by {w_adam[0]:+.1e} and {w_adam[1]:+.1e}: about the learning rate
        each, in the right direction, whatever the size of the gradient.""")
    without = 0.001 * abs(m / np.sqrt(v))
    tell(f"""m and v begin at zero, so after one step they are too small: m = {m[0]:g} for a gradient of
        {gradient[0]:g}. Adam corrects for it; without the correction the first step would be
        {without[0] / 0.001:.2f} times as long.""")

    heading("3. On real digits")
    (x, y), (x_test, y_test) = load_digits("float32")
    tell("The network of lesson 4, from the same weights (seed=0), on the same images in the same order, for 5 epochs:")
    curves = {}
    for name, (_, optimizer) in WALKERS.items():
        model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(64, activation="relu"),
                            Dense(10, activation="softmax")], seed=0)  # fmt: skip
        model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
        curves[name] = model.fit(x, y, batch_size=32, epochs=5, verbose=0).history["loss"]
        print(f"  {name:10} learning rate {optimizer.learning_rate:<6g} loss {curves[name][0]:.3f} -> "
              f"{curves[name][-1]:.3f}, test accuracy {model.evaluate(x_test, y_test, verbose=0)[1]:.1%}")  # fmt: skip
    last = {name: losses[-1] for name, losses in curves.items()}
    tell(f"""The lowest training loss has {min(last, key=last.get)}, the highest {max(last, key=last.get)}. But each
        has a learning rate of its own, found by trying; that Adam's default of 0.001 does well almost everywhere is
        why so many begin with it.""")
    draw(paths, curves, options.output)

    heading("Try")
    tell("""Give SGD 0.051 in the valley: what does 2 / 40 = 0.05 mean? Give Adam a learning rate that falls,
        Adam(schedules.CosineDecay(0.005, decay_steps=625)). Next: 09_train_the_network.py.""")


def height(place: np.ndarray) -> float:
    return float((STEEPNESS * place**2).sum() / 2)


def walk(optimizer) -> np.ndarray:
    """The places (STEPS + 1, 2) that an optimizer comes to in the valley."""
    place = START.copy()
    state, path = optimizer.start([place]), [START]
    for _ in range(STEPS):
        state = optimizer.step([place], [STEEPNESS * place], state, reference)  # the gradient of `height`
        path.append(place.copy())
    return np.array(path)


def draw(paths: dict[str, np.ndarray], curves: dict[str, list[float]], folder) -> None:
    axes = panels(2, 2, width=4, height=2.3, title="Four walks through the same valley")
    a, b = np.meshgrid(np.linspace(-4.5, 2.5, 141), np.linspace(-0.9, 0.9, 91))
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        ax.contour(a, b, (STEEPNESS[0] * a**2 + STEEPNESS[1] * b**2) / 2, levels=12, colors="0.8", linewidths=0.8)
        ax.plot(*path.T, ".-", color="black", markersize=4, linewidth=0.8)
        ax.plot(0, 0, "*", color="tab:red", markersize=10)
        ax.set_title(name, fontsize=10)
    keep(axes[0].figure, folder / "08_valley.png")
    (ax,) = panels(1, width=5.5, height=3.4)
    for (name, losses), style in zip(curves.items(), ("o:", "s--", "v-.", "D-"), strict=True):
        ax.plot(range(1, 6), losses, style, markersize=5, label=name)
    ax.set(xlabel="epoch", ylabel="training loss (nats)", xticks=range(1, 6), title="The same network, four optimizers")
    ax.legend()
    keep(ax.figure, folder / "08_digits.png")


if __name__ == "__main__":
    main()
