"""Lesson 7: im2col and speed. Seven algorithms compute the same convolution, at very different speeds.

You learn how a convolution becomes a matrix product, why overlapping windows add up in the backward pass, and how much
the choice of the algorithm matters.
Read alongside: scratchcnn/reference/im2col.py and scratchcnn/algorithms.py, then the modules in
scratchcnn/kernels/conv2d/ with the names of the algorithms.

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
    tell("""Set CHANNELS = 1. Which algorithm is the fastest now, and which one does algorithm='auto' choose (see
        scratchcnn/algorithms.py)? The script benchmarks/kernel_ladder.py measures the layers of well-known networks.

        Next: 08_adam_and_friends.py compares four rules to update the weights.""")


def windows_as_rows(folder) -> None:
    heading("1. im2col: each window becomes a row of a matrix")
    image = np.arange(1.0, 13.0).reshape(1, 3, 4, 1)
    kernel = np.array([[1.0, 0.0], [0.0, 2.0]])[:, :, None, None]  # (2, 2, 1, 1)
    columns = reference.im2col(image, (2, 2))
    product = columns @ kernel.reshape(-1, 1)
    print(f"\nimage:\n{image[0, :, :, 0]}\nmatrix {columns.shape} with one window of 2 x 2 in each row:\n{columns}")
    direct = reference.conv2d(image, kernel, None)
    tell(f"""A row times the kernel {kernel.ravel().tolist()} is one output of the convolution. So the whole
        convolution is a single matrix product, a GEMM (general matrix multiplication), for which fast algorithms are
        known.

        The matrix product gives {product.ravel().tolist()}, the direct convolution {direct.ravel().tolist()}. The
        largest difference is {abs(product.ravel() - direct.ravel()).max():g}. The price is memory: {image.size} pixels
        became {columns.size} matrix elements.

        The backward pass needs the reverse, col2im: it adds each row to the window that it came from. A pixel in
        several windows receives a sum. For a matrix of ones, the result is the number of windows that contain each
        pixel:""")
    print(reference.col2im(np.ones_like(columns), image.shape, (2, 2))[0, :, :, 0])
    layer = Conv2D(1, 2, kernel_initializer=lambda shape, rng, dtype: kernel.astype(dtype))
    keep(show_im2col(image, layer).plot(), folder / "07_im2col.png")


def race() -> dict[str, tuple[float, float]]:
    """Measure and print the seconds and the largest error of every algorithm."""
    heading("2. Seven algorithms for the same convolution")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(IMAGES, SIZE, SIZE, CHANNELS)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, CHANNELS, FILTERS)).astype(np.float32)
    truth = reference.conv2d(x.astype(np.float64), kernel.astype(np.float64), None)
    tell(f"""The convolution of {IMAGES} images of {SIZE} x {SIZE} x {CHANNELS} with {FILTERS} filters of 3 x 3 needs
        {FLOPS / 1e9:.2f} GFLOP: one FLOP is an addition or a multiplication, one GFLOP 10^9 of them. It is computed in
        float32 with {get_threads()} threads, and compared with the reference in float64, whose largest output is
        {abs(truth).max():.0f}.""")
    print("  algorithm            ms   GFLOP/s   largest error")
    times = {"reference": timed(lambda: reference.conv2d(x, kernel, None), truth)}
    for name in RUNGS:
        times[name] = timed(lambda name=name: kernels.conv2d(x, kernel, None, algorithm=name), truth)
    for name, (seconds, error) in times.items():
        print(f"  {name:14} {seconds * 1000:8.2f}  {FLOPS / seconds / 1e9:8.1f}   {error:.1e}")
    best = min(times, key=lambda name: times[name][0])
    worst = max(times, key=lambda name: times[name][1])
    tell(f"""reference is a loop over the windows in Python, and loops is the formula as seven compiled loops. im2col
        uses the matrix product of part 1; tile computes the same product, but reads the windows directly from the
        image. interleaved convolves several images at once, one in each lane of a vector register, and is meant for
        few filters. Winograd's algorithm needs fewer multiplications. Since GFLOP/s are calculated from the direct
        formula, its value may exceed the peak performance of the processor.

        The fastest algorithm, {best}, is {times["loops"][0] / times[best][0]:.1f} times as fast as the compiled loops.
        Every method rounds in float32: the largest error is that of {worst}, {times[worst][1] / abs(truth).max():.0e}
        of the largest output.""")
    return times


def timed(compute, truth: np.ndarray) -> tuple[float, float]:
    """Shortest of five runs in seconds, after a first call that may compile, and the largest error."""
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
    ax.set(xlabel="GFLOP/s, calculated from the direct formula", title="Speed of seven convolution algorithms")
    keep(ax.figure, folder / "07_speed.png")


if __name__ == "__main__":
    main()
