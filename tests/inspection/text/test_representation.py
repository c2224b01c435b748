"""The representation of a result in an interactive session is one line."""

import pytest
from networks import small_data, small_model

from scratchcnn import inspection


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("occlusion", ("image",)), ("grad_cam", ("image",)), ("input_gradient", ("image",)),
        ("pixel_shifts", ("image",)),
        ("filter_ablation", ("conv2d", "x", "y")), ("dead_units", ("x",)), ("check_gradients", ("x", "y")),
        ("sweep_step", ("x", "y")), ("watch_weight", ("x", "y", "dense", "kernel", (0, 0))),
        ("compare_optimizers", ("x", "y", "dense", "kernel", (0, 0))), ("trace", ("x", "y")),
    ],
)  # fmt: skip
def test_representation_is_one_line_without_arrays(name, arguments):
    x, y = small_data(8)
    data = {"x": x, "y": y, "image": x[0]}
    found = getattr(inspection, name)(small_model(seed=0), *(data.get(str(each), each) for each in arguments))
    assert repr(found).startswith(f"<{type(found).__name__}") or name == "trace"
    assert len(repr(found)) < 200
    assert "\n" not in repr(found)
    assert "array(" not in repr(found)
