"""Lesson 7: im2col and speed. The same convolution in six ways, timed, and every one checked.

You learn how a convolution becomes one matrix product, that its backward pass adds up where windows overlap, and how
much the way in which something is computed matters.
Read alongside: scratchcnn/reference/im2col.py, scratchcnn/algorithms.py, and the files of scratchcnn/kernels/ that it
names.

    python examples/07_im2col_and_speed.py
"""

import time

import numpy as np
from lesson import command_line, heading, keep, panels, read, tell

from scratchcnn import get_threads, kernels, reference
from scratchcnn.algorithms import RUNGS
from scratchcnn.inspection import show_im2col
from scratchcnn.layers import Conv2D

IMAGES, SIZE, CHANNELS, FILTERS = 16, 26, 32, 64  # the second convolution of lesson 9's network
FLOPS = 2 * IMAGES * (SIZE - 2) ** 2 * 3 * 3 * CHANNELS * FILTERS


def main() -> None:
    options = read(command_line(__doc__))
    windows_as_rows(options.output)
    times = race()
    draw(times, options.output)

    heading("Try")
    tell("""Set CHANNELS = 1: which algorithm wins now, and which does algorithm='auto' take
        (scratchcnn/algorithms.py)? benchmarks/kernel_ladder.py measures all this on layers of well-known networks.
        Next: 08_adam_and_friends.py.""")


def windows_as_rows(folder) -> None:
    heading("1. Every window becomes a row")
    image = np.arange(1.0, 13.0).reshape(1, 3, 4, 1)
    kernel = np.array([[1.0, 0.0], [0.0, 2.0]])[:, :, None, None]  # (2, 2, 1, 1)
    columns = reference.im2col(image, (2, 2))
    product = columns @ kernel.reshape(-1, 1)
    print(f"image:\n{image[0, :, :, 0]}\nits windows of 2 x 2, one a row, {columns.shape}:\n{columns}")
    direct = reference.conv2d(image, kernel, None)
    tell(f"""A row times the kernel {kernel.ravel().tolist()} is one output, so the whole convolution is one matrix
        product: {product.ravel().tolist()}. Directly it is {direct.ravel().tolist()}; largest difference
        {abs(product.ravel() - direct.ravel()).max():g}. The price: {image.size} numbers became {columns.size}.""")
    counts = reference.col2im(np.ones_like(columns), image.shape, (2, 2))[0, :, :, 0]
    print(f"col2im is the way back, and adds up; of a matrix of ones it makes\n{counts}")
    tell("which is how many windows each pixel lies in. That is why an input gradient is a sum.")
    layer = Conv2D(1, 2, kernel_initializer=lambda shape, rng, dtype: kernel.astype(dtype))
    keep(show_im2col(image, layer).plot(), folder / "07_im2col.png")


def race() -> dict[str, tuple[float, float]]:
    """Seconds and largest error of every algorithm, by its name; printed as they come."""
    heading("2. Six ways to compute the same")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(IMAGES, SIZE, SIZE, CHANNELS)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, CHANNELS, FILTERS)).astype(np.float32)
    truth = reference.conv2d(x.astype(np.float64), kernel.astype(np.float64), None)
    tell(f"""{IMAGES} images of {SIZE} x {SIZE} x {CHANNELS}, {FILTERS} filters of 3 x 3: {FLOPS / 1e9:.2f} GFLOP
        (10^9 multiplications and additions), float32, {get_threads()} threads. Each result is compared with the
        formula in float64, whose largest number is {abs(truth).max():.0f}.""")
    print("  algorithm            ms   GFLOP/s   largest error")
    times = {"reference": timed(lambda: reference.conv2d(x, kernel, None), truth)}
    for name in RUNGS:
        times[name] = timed(lambda name=name: kernels.conv2d(x, kernel, None, algorithm=name), truth)
    for name, (seconds, error) in times.items():
        print(f"  {name:14} {seconds * 1000:8.2f}  {FLOPS / seconds / 1e9:8.1f}   {error:.1e}")
    first, best = times["loops"][0], min(times, key=lambda name: times[name][0])
    coarsest = max(times, key=lambda name: times[name][1])
    tell(f"""reference goes from window to window in Python, loops is the formula as seven loops, compiled. im2col
        makes it one matrix product, tile is the same with the windows read where they lie, and Winograd's algorithm
        multiplies less, so that its GFLOP/s, counted as the plain convolution, may exceed what the processor can do.
        Here {best} is {first / times[best][0]:.1f} times as fast as the compiled loops. Notice the errors: nobody is
        exact in float32. The largest has {coarsest}, {times[coarsest][1] / abs(truth).max():.0e} of the largest
        number.""")
    return times


def timed(compute, truth: np.ndarray) -> tuple[float, float]:
    """The least of five times in seconds, after one call that may compile, and the largest error."""
    error = float(abs(compute() - truth).max())
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        compute()
        seconds.append(time.perf_counter() - start)
    return min(seconds), error


def draw(times: dict[str, tuple[float, float]], folder) -> None:
    (ax,) = panels(1, width=6.5, height=3)
    speeds = [FLOPS / seconds / 1e9 for seconds, _ in times.values()]
    bars = ax.barh(list(times), speeds, color="0.4")
    ax.bar_label(bars, [f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}" for speed in speeds], padding=3)
    ax.margins(x=0.12)
    ax.invert_yaxis()
    ax.set(xlabel="GFLOP/s, counted as the plain convolution", title="One convolution, computed in six ways")
    keep(ax.figure, folder / "07_speed.png")


if __name__ == "__main__":
    main()
