"""The two register-blocked loops of a convolution of interleaved images (see `interleave`), for any number of channels.

    sums of windows    y[p, f]   =  start[f] + sum over k of  x[corners[p] + elements[k]] * kernel[k, f]
    kernel gradient    dk[k, f] +=  sum over p of             x[corners[p] + elements[k]] * dz[p, f]

Elements of x, y, dz and dk are vectors with one lane for each image; those of the kernel are broadcast to all lanes.
The offsets of pixels p and kernel elements k are those of implicit GEMM (see `im2col`). As in the micro-kernel, up to
6 x 4 sums stay in registers: 6 filters of 4 pixels, or 6 filters of 4 kernel elements. One step of 24 multiply-adds
takes 10 loads. The filters are divided into parts of at most 6, as equal as possible, so that few registers are idle.

Numerics: each sum runs over k, or over p, in order, with fused multiply-add where the processor has it. So `y` has the
same bits as a sum by the micro-kernel.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils

from scratchcnn.kernels.gemm.micro_kernel import COLUMNS, ROWS
from scratchcnn.kernels.simd.vectors import INDEX, Vectorized, make_intrinsic

PIXELS = ELEMENTS = COLUMNS
FILTERS = ROWS


class _ByFilters(Vectorized):
    """Emits the same loop once for each number of filters, 1 to FILTERS, of which `filter_count` selects one."""

    def emit(self) -> None:
        for count in range(1, FILTERS + 1):
            with self.builder.if_then(self.builder.icmp_signed("==", self.args["filter_count"], INDEX(count))):
                self.emit_tile(count)

    def emit_tile(self, filters: int) -> None:
        """The loop for so many filters."""
        raise NotImplementedError

    def lanes_at(self, array: str, *offsets: Any) -> Any:
        """Address of the lanes of an element, whose offset is the sum of `offsets`."""
        total = offsets[0]
        for offset in offsets[1:]:
            total = self.builder.add(total, offset)
        return self.number_at(array, self.builder.mul(total, INDEX(self.lanes)))

    def entry(self, table: str, index: Any) -> Any:
        """Entry of a table of offsets."""
        return self.builder.load(self.builder.gep(self.data[table], [index]))

    def index_or_last(self, index: str, step: int, end: str) -> Any:
        """Index number `step` of a tile; those after the last repeat it."""
        builder, last = self.builder, self.builder.sub(self.args[end], INDEX(1))
        found = builder.add(self.args[index], INDEX(step))
        return builder.select(builder.icmp_signed("<", found, last), found, last)

    def variables(self, values: list[Any]) -> list[Any]:
        """Variables with initial values, which LLVM keeps in registers."""
        found = [cgutils.alloca_once(self.builder, self.vector) for _ in values]
        for variable, value in zip(found, values, strict=True):
            self.builder.store(value, variable)
        return found

    def add_product(self, a: Any, b: Any, sum_variable: Any) -> None:
        self.builder.store(self.multiply_add(a, b, self.builder.load(sum_variable)), sum_variable)


class _SumWindows(_ByFilters):
    """Emits the sums of up to PIXELS windows for up to FILTERS filters, with a ReLU if `rectify` is 1.

    Offsets count elements, each of L lanes: pixel p begins at y[p * filters + y_start], its window at
    x[corners[p] + x_start]. `pixel` is the first, `pixel_end` comes after the last one that is computed.
    """

    arguments = (
        "x", "x_start", "corners", "pixel", "pixel_end", "elements", "kernel", "filters", "filter", "filter_count",
        "start", "y", "y_start", "rectify",
    )  # fmt: skip

    def emit_tile(self, filters: int) -> None:
        builder, args = self.builder, self.args
        pixels = [self.index_or_last("pixel", p, "pixel_end") for p in range(PIXELS)]
        windows = [self.lanes_at("x", args["x_start"], self.entry("corners", pixel)) for pixel in pixels]
        start = [
            self.broadcast(builder.load(self.number_at("start", args["filter"], INDEX(f)))) for f in range(filters)
        ]
        sums = self.variables(start * PIXELS)
        with cgutils.for_range(builder, self.sizes["elements"]) as k:
            element = builder.mul(self.entry("elements", k.index), INDEX(self.lanes))
            pixel_values = [self.load_vector(builder.gep(window, [element]), 0) for window in windows]
            weights = self.number_at("kernel", builder.mul(k.index, args["filters"]), args["filter"])
            for f in range(filters):
                weight = self.broadcast(builder.load(builder.gep(weights, [INDEX(f)])))
                for p, values in enumerate(pixel_values):
                    self.add_product(values, weight, sums[p * filters + f])
        rectifies = builder.icmp_signed("!=", args["rectify"], INDEX(0))
        floor = self.broadcast(builder.select(rectifies, self.number(0.0), self.number(float("-inf"))))
        for p, pixel in enumerate(pixels):
            target = self.lanes_at("y", args["y_start"], builder.mul(pixel, args["filters"]), args["filter"])
            for f in range(filters):
                value = builder.load(sums[p * filters + f])
                value = builder.select(builder.fcmp_ordered("<", value, floor), floor, value)  # a NaN stays NaN
                builder.store(value, self.vector_at(target, f), align=self.itemsize)


class _AddProducts(_ByFilters):
    """Emits the sums over pixels for up to ELEMENTS elements of up to FILTERS filters, which are added to `sums`.

    Offsets count elements, each of L lanes: pixel p begins at dz[p * filters + dz_start], its window at
    x[corners[p] + x_start], and the sums of element k at sums[k * filters]. The pixels are `pixel` to before
    `pixel_end`, the elements those from `element` on.
    """

    arguments = (
        "x", "x_start", "corners", "pixel", "pixel_end", "elements", "element", "element_end", "dz", "dz_start",
        "filters", "filter", "filter_count", "sums",
    )  # fmt: skip

    def emit_tile(self, filters: int) -> None:
        builder, args = self.builder, self.args
        elements = [self.index_or_last("element", k, "element_end") for k in range(ELEMENTS)]
        bases = [self.lanes_at("x", args["x_start"], self.entry("elements", element)) for element in elements]
        targets = [self.lanes_at("sums", builder.mul(element, args["filters"]), args["filter"]) for element in elements]
        sums = self.variables([self.load_vector(target, f) for target in targets for f in range(filters)])
        with cgutils.for_range_slice(builder, args["pixel"], args["pixel_end"], INDEX(1), INDEX) as (pixel, _):
            corner = builder.mul(self.entry("corners", pixel), INDEX(self.lanes))
            values = [self.load_vector(builder.gep(base, [corner]), 0) for base in bases]
            gradients = self.lanes_at("dz", args["dz_start"], builder.mul(pixel, args["filters"]), args["filter"])
            for f in range(filters):
                gradient = self.load_vector(gradients, f)
                for k, value in enumerate(values):
                    self.add_product(value, gradient, sums[k * filters + f])
        for k, target in enumerate(targets):
            for f in range(filters):
                builder.store(builder.load(sums[k * filters + f]), self.vector_at(target, f), align=self.itemsize)


sum_windows = make_intrinsic(_SumWindows)
add_products = make_intrinsic(_AddProducts)
