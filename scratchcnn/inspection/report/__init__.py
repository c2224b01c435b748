"""What happens inside a model? One HTML page, from the pixels of an image to the prediction, and back.

    report = write_report(model, x[0], y[0], "look_inside.html")
    print(report)                          # path and size of the page, and what was left out

>>> import tempfile
>>> from scratchcnn import Sequential
>>> from scratchcnn.layers import Dense
>>> model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
>>> "Backward pass" in write_report(model, [1, 2, 3], to_file=tempfile.mkdtemp() + "/page.html").left_out
True
"""

from scratchcnn.inspection.report.writing import Report, write_report

__all__ = ["Report", "write_report"]
