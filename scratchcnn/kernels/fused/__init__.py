"""Fused operations: they exist only for speed, and each returns the same bits as a composition of primitive operations.

    conv2d_relu.py                conv2d -> relu
    conv2d_max_pool2d.py          conv2d (-> relu) -> max_pool2d
    conv2d_conv2d_max_pool2d.py   conv2d -> relu -> conv2d (-> relu) -> max_pool2d, with recomputation
    recompute.py                  the recomputed convolution, image by image

Each module has a forward function, and one that returns the gradients.
"""
