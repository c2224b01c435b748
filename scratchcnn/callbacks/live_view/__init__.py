"""LiveView: a page with the learning curves, filters and predictions of a model while it is trained.

`callback.py` observes the training, `predictions.py` computes what the model makes of a few images, `content.py` writes
the HTML with the help of `chart.py` and `pictures.py`, and `server.py` serves it.
"""

from scratchcnn.callbacks.live_view.callback import LiveView

__all__ = ["LiveView"]
