"""How is a convolution computed as a matrix product? im2col, the products, and col2im in the backward pass.

>>> import numpy as np
>>> from scratchcnn.layers import Conv2D
>>> show_im2col(np.arange(16.0).reshape(4, 4), Conv2D(1, 3)).matrix.shape
(4, 9)
"""

from scratchcnn.inspection.im2col.story import Im2colStory, show_im2col

__all__ = ["Im2colStory", "show_im2col"]
