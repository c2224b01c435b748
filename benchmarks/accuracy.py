"""Train the article's network on all of MNIST with several seeds and print loss and accuracy of each epoch.

    python benchmarks/accuracy.py --data FOLDER

The table contains the median over the seeds for each epoch and, for comparison, the article's validation accuracy. The
last line contains the final test accuracy of each seed. One seed takes a few minutes.
"""

from __future__ import annotations

import argparse
import statistics

from article_network import floats, scratchcnn_model

from scratchcnn.datasets import mnist

ARTICLE_VAL_ACCURACY = (0.9831, 0.9864, 0.9879, 0.9891, 0.9918, 0.9912, 0.9908, 0.9905, 0.9919, 0.9914)
NAMES = ("loss", "accuracy", "val_loss", "val_accuracy")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the accuracy of the article's network for several seeds.")
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="folder of IDX files, or .npz file (default: the search order of mnist.load_data)",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED",
                        help="seeds of the trainings (default: 0 1 2)")  # fmt: skip
    parser.add_argument(
        "--epochs", type=int, default=10, metavar="N", help="epochs of each training (default: %(default)s)"
    )
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"argument --epochs: expected at least 1, received {options.epochs}")
    if min(options.seeds) < 0:
        parser.error(f"argument --seeds: expected at least 0, received {min(options.seeds)}")
    try:
        (x_train, y_train), (x_test, y_test) = mnist.load_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    x_train, x_test = floats(x_train), floats(x_test)
    runs = []
    for seed in options.seeds:
        print(f"Seed {seed}", flush=True)
        model = scratchcnn_model(seed)
        validation = (x_test, y_test)
        history = model.fit(
            x_train, y_train, batch_size=128, epochs=options.epochs, verbose=2, validation_data=validation
        )
        runs.append(history.history)
    print(f"\nMedian of seeds {options.seeds}, {len(x_train)} training and {len(x_test)} test images")
    print(f"{'epoch':>5} " + " ".join(f"{name:>12}" for name in NAMES) + f" {'the article':>12}")
    for epoch in range(options.epochs):
        medians = [statistics.median(run[name][epoch] for run in runs) for name in NAMES]
        article = f"{ARTICLE_VAL_ACCURACY[epoch]:12.4f}" if epoch < len(ARTICLE_VAL_ACCURACY) else ""
        print(f"{epoch + 1:5} " + " ".join(f"{value:12.4f}" for value in medians) + " " + article)
    last = [run["val_accuracy"][-1] for run in runs]
    print(f"Test accuracy after {options.epochs} epochs: {last}, median {statistics.median(last):.4f}")


if __name__ == "__main__":
    main()
