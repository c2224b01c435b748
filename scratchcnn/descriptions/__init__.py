"""Descriptions of layers: what the tools know about each class, one small class per layer class.

`inspection` and `storage` learn everything about a class of layers from its description: the terms of each output and
gradient, the receptive field, the cost, sentences, and the ONNX nodes. Layers do not know their descriptions. To
support a layer of your own in all tools, write one class and register it (`examples/write_your_own_layer.py`):

    class MyLayerDescription(LayerDescription):
        def output_terms(self, values, position): ...

    describe(MyLayer, MyLayerDescription)
"""

from scratchcnn.descriptions.base import LayerDescription
from scratchcnn.descriptions.registry import describe, description_of
from scratchcnn.descriptions.terms import Terms, grid, weighted_sum
from scratchcnn.descriptions.values import LayerValues

__all__ = ["LayerDescription", "LayerValues", "Terms", "describe", "description_of", "grid", "weighted_sum"]
