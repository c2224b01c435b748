"""Convolution: one module per algorithm, and the dispatch that selects one."""
