"""Interleaved images: as many images as a vector has lanes, with element e of all of them side by side.

    interleaved[e * L + i]  =  image i [e]                              L images, one in each lane of a vector

In an interleaved array every operation on one element is an operation on a whole vector, for any number of channels.
The arrays are matrices (L, elements) and (elements, L), so interleaving is a transpose, in square blocks of L x L.

Cost: no arithmetic; log2(L) shuffles for each vector that is loaded and stored.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from scratchcnn.kernels.simd.transpose import transpose_rows
from scratchcnn.kernels.simd.vectors import INDEX, Vectorized, make_intrinsic


class _Blocks(Vectorized):
    """Emits a loop over blocks of L elements of L images; the elements that remain are moved one by one.

    images
        Element e of image i is at images[image_start + i * image_size + e].
    image_size, count
        Distance of two images, and how many there are: 1 to L.
    lanes
        Element e of image i is at lanes[lane_start + e * L + i]; of the same dtype, which need not be a float.
    length
        Elements of each image that are moved.
    like
        An array of the dtype that determines L: the number of its elements in a vector register.
    """

    arguments = ("images", "image_start", "image_size", "count", "lanes", "lane_start", "length", "like")

    def emit(self) -> None:
        """The last block ends with the last element, and so repeats some of the block before it."""
        builder, length, lanes = self.builder, self.args["length"], INDEX(self.lanes)
        self.vector = ir.VectorType(self.context.get_value_type(self.kinds["images"].dtype), self.lanes)
        self.itemsize = self.kinds["images"].dtype.bitwidth // 8
        with builder.if_else(builder.icmp_signed(">=", length, lanes)) as (whole, short):
            with whole, cgutils.for_range_slice(builder, INDEX(0), length, lanes, INDEX) as (element, _):
                last = builder.sub(length, lanes)
                self.move_block(builder.select(builder.icmp_signed("<", element, last), element, last))
            with short, cgutils.for_range(builder, length) as loop:
                self.move_element(loop.index)

    def move_block(self, element: Any) -> None:
        """Move L elements of every image, from `element` on."""
        raise NotImplementedError

    def move_element(self, element: Any) -> None:
        """Move one element of every image."""
        raise NotImplementedError

    def image_address(self, image: int, element: Any) -> Any:
        """Address of an element of an image; images after the last one repeat it."""
        builder, last = self.builder, self.builder.sub(self.args["count"], INDEX(1))
        image_or_last = builder.select(builder.icmp_signed("<", INDEX(image), last), INDEX(image), last)
        offset = builder.mul(image_or_last, self.args["image_size"])
        return self.number_at("images", self.args["image_start"], offset, element)

    def lane_address(self, element: Any, lane: int = 0) -> Any:
        """Address of an element in a lane."""
        offset = self.builder.add(self.builder.mul(element, INDEX(self.lanes)), INDEX(lane))
        return self.number_at("lanes", self.args["lane_start"], offset)


class _Interleave(_Blocks):
    """Emits the copy from images to lanes; lanes without an image become zero."""

    def move_block(self, element: Any) -> None:
        rows = [self.load_vector(self.image_address(image, element), 0) for image in range(self.lanes)]
        rows = [self.or_zero(image, row) for image, row in enumerate(rows)]
        for j, vector in enumerate(transpose_rows(self.builder, rows)):
            self.builder.store(vector, self.vector_at(self.lane_address(element), j), align=self.itemsize)

    def move_element(self, element: Any) -> None:
        for image in range(self.lanes):
            number = self.builder.load(self.image_address(image, element))
            self.builder.store(self.or_zero(image, number), self.lane_address(element, image))

    def or_zero(self, image: int, value: Any) -> Any:
        exists = self.builder.icmp_signed("<", INDEX(image), self.args["count"])
        return self.builder.select(exists, value, ir.Constant(value.type, None))


class _Separate(_Blocks):
    """Emits the copy from lanes to images.

    Lanes without an image are stored in the place of the last image first, which is then stored there.
    """

    def move_block(self, element: Any) -> None:
        vectors = [self.load_vector(self.lane_address(element), j) for j in range(self.lanes)]
        for image, row in reversed(list(enumerate(transpose_rows(self.builder, vectors)))):
            self.builder.store(row, self.vector_at(self.image_address(image, element), 0), align=self.itemsize)

    def move_element(self, element: Any) -> None:
        for image in reversed(range(self.lanes)):
            number = self.builder.load(self.lane_address(element, image))
            self.builder.store(number, self.image_address(image, element))


interleave = make_intrinsic(_Interleave)
separate = make_intrinsic(_Separate)
