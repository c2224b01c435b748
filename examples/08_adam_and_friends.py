"""Lesson 8: Adam and friends. Four optimizers minimize the same loss.

You learn why plain gradient descent zigzags, how momentum averages the gradients of past steps, and why Adam adapts the
step size to each weight.
Read alongside: scratchcnn/reference/optimizers/sgd.py and adam.py, then scratchcnn/optimizers/ and
scratchcnn/schedules.py.

    python examples/08_adam_and_friends.py
"""

import numpy as np
from lesson import command_line, heading, keep, load_digits, panels, read, tell

from scratchcnn import Sequential, reference
from scratchcnn.layers import Dense, Flatten
from scratchcnn.optimizers import SGD, Adam

CURVATURE = np.array([1.0, 40.0])  # second derivatives: small along a, large along b
START, STEPS = np.array([-4.0, 0.6]), 60
OPTIMIZERS = {  # for the valley, and for the digits
    "SGD": (SGD(0.045), SGD(0.1)),
    "momentum": (SGD(0.01, momentum=0.9), SGD(0.03, momentum=0.9)),
    "Nesterov": (SGD(0.01, momentum=0.9, nesterov=True), SGD(0.03, momentum=0.9, nesterov=True)),
    "Adam": (Adam(0.2), Adam(0.002)),
}


def main() -> None:
    options = read(command_line(__doc__))

    heading("1. A narrow valley")
    tell(f"""An optimizer is a rule that computes the next weights from the gradient. Gradient descent, as in lesson 3,
        is called SGD (stochastic gradient descent) if each step uses a different batch.

        Consider a loss with only two weights, (a^2 + {CURVATURE[1]:g} b^2) / 2. It is a narrow valley: steep in the
        direction of b, flat in the direction of a. With a learning rate above 2 / {CURVATURE[1]:g} =
        {2 / CURVATURE[1]:g}, the steps of SGD along b grow from step to step. With a smaller one, its progress along
        a, where the gradient is small, is slow.

        Momentum adds a fraction of the previous update to each update. The steps across the valley cancel, those along
        it add up. Nesterov momentum evaluates the gradient a little further ahead. Adam is the topic of part 2. The
        loss after {STEPS} steps from a, b = {START.tolist()}:""")
    paths = {name: minimize(optimizer) for name, (optimizer, _) in OPTIMIZERS.items()}
    for name, path in paths.items():
        turns = int(np.sum(np.diff(np.sign(path[:, 1])) != 0))
        print(f"  {name:10} loss {loss(path[-1]):.1e}; the sign of b changed {turns} times")

    heading("2. Adam adapts the step to each weight")
    gradient = np.array([5.0, -0.002])
    w_sgd, w_adam, m, v = (np.zeros(2) for _ in range(4))
    reference.sgd(w_sgd, gradient, np.zeros(2), 0.001, 0.0, False)
    reference.adam(w_adam, gradient, m, v, v, 1, 0.001, 0.9, 0.999, 1e-7)
    without = abs(m / np.sqrt(v))
    tell(f"""Adam keeps two moment estimates for each weight: m, the moving average of its gradients, and v, that of
        their squares. Its update is -learning_rate * m / sqrt(v).

        Take two weights with the gradients {gradient[0]} and {gradient[1]} and a learning rate of 0.001. The first
        step of SGD changes them by {w_sgd[0]:+.1e} and {w_sgd[1]:+.1e}, that of Adam by {w_adam[0]:+.1e} and
        {w_adam[1]:+.1e}: for each weight about the learning rate, independent of the size of the gradient.

        m and v start at zero, so their first values are too small: m = {m[0]:g} for a gradient of {gradient[0]:g}.
        Adam corrects this bias. Without the correction, the first step would be {without[0]:.2f} times as long.""")

    heading("3. Four optimizers train the same network")
    (x, y), (x_test, y_test) = load_digits("float32")
    tell("""The network of lesson 4, with the same initial weights (seed=0) and the same batches, trained for 5
        epochs:""")
    curves = {}
    for name, (_, optimizer) in OPTIMIZERS.items():
        model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(64, activation="relu"),
                            Dense(10, activation="softmax")], seed=0)  # fmt: skip
        model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
        curves[name] = model.fit(x, y, batch_size=32, epochs=5, verbose=0).history["loss"]
        print(f"  {name:10} learning rate {optimizer.learning_rate:<6g} loss {curves[name][0]:.3f} -> "
              f"{curves[name][-1]:.3f}, test accuracy {model.evaluate(x_test, y_test, verbose=0)[1]:.1%}")  # fmt: skip
    last = {name: losses[-1] for name, losses in curves.items()}
    tell(f"""{min(last, key=last.get)} ends with the lowest training loss, {max(last, key=last.get)} with the highest.
        But each learning rate was chosen by trying several. Adam is popular because its default learning rate of 0.001
        works well for many networks.""")
    draw(paths, curves, options.output)

    heading("Try")
    tell("""Use SGD with a learning rate of 0.051 in the valley, and watch b. Then train with Adam and a learning rate
        that decreases: Adam(schedules.CosineDecay(0.005, decay_steps=625)).

        Next: 09_train_the_network.py trains a network with convolutions.""")


def loss(weights: np.ndarray) -> float:
    return float((CURVATURE * weights**2).sum() / 2)


def minimize(optimizer) -> np.ndarray:
    """The weights (STEPS + 1, 2) after each step of an optimizer in the valley."""
    weights = START.copy()
    state, path = optimizer.start([weights]), [START]
    for _ in range(STEPS):
        state = optimizer.step([weights], [CURVATURE * weights], state, reference)  # the gradient of `loss`
        path.append(weights.copy())
    return np.array(path)


def draw(paths: dict[str, np.ndarray], curves: dict[str, list[float]], folder) -> None:
    axes = panels(2, 2, width=4, height=2.3, title="Steps of four optimizers in a narrow valley (star: minimum)")
    a, b = np.meshgrid(np.linspace(-4.5, 2.5, 141), np.linspace(-0.9, 0.9, 91))
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        ax.contour(a, b, (CURVATURE[0] * a**2 + CURVATURE[1] * b**2) / 2, levels=12, colors="0.8", linewidths=0.8)
        ax.plot(*path.T, ".-", color="black", markersize=4, linewidth=0.8)
        ax.plot(0, 0, "*", color="tab:red", markersize=10)
        ax.set_title(name, fontsize=10)
        ax.set(xlabel="a", ylabel="b")
    keep(axes[0].figure, folder / "08_valley.png")
    (ax,) = panels(1, width=5.5, height=3.4)
    for (name, losses), style in zip(curves.items(), ("o:", "s--", "v-.", "D-"), strict=True):
        ax.plot(range(1, 6), losses, style, markersize=5, label=name)
    ax.set(xlabel="epoch", ylabel="training loss", xticks=range(1, 6), title="The same network, four optimizers")
    ax.legend()
    keep(ax.figure, folder / "08_digits.png")


if __name__ == "__main__":
    main()
