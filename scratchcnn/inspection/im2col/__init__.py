"""How is a convolution computed as a matrix product? im2col and col2im for one image."""
