"""`Sequential.summary` prints the table of the article, character for character."""

import re

import pytest
from elements import Elements
from networks import article_model

from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Flatten, Input

ARTICLE = """\
Model: "sequential"
_________________________________________________________________
Layer (type)                 Output Shape              Param #   
=================================================================
conv2d (Conv2D)              (None, 26, 26, 32)        320       
_________________________________________________________________
conv2d_1 (Conv2D)            (None, 24, 24, 64)        18496     
_________________________________________________________________
max_pooling2d (MaxPooling2D) (None, 12, 12, 64)        0         
_________________________________________________________________
dropout (Dropout)            (None, 12, 12, 64)        0         
_________________________________________________________________
flatten (Flatten)            (None, 9216)              0         
_________________________________________________________________
dense (Dense)                (None, 128)               1179776   
_________________________________________________________________
dropout_1 (Dropout)          (None, 128)               0         
_________________________________________________________________
dense_1 (Dense)              (None, 10)                1290      
=================================================================
Total params: 1,199,882
Trainable params: 1,199,882
Non-trainable params: 0
_________________________________________________________________
"""  # noqa: W291 - trailing spaces are part of the table


def test_summary_of_article_network_equals_the_article(capsys):
    article_model().summary(line_length=None, positions=None, print_fn=None)
    assert capsys.readouterr().out == ARTICLE


def test_layer_numbering_restarts_for_every_model():
    article_model()
    assert [layer.name for layer in article_model().layers][:2] == ["conv2d", "conv2d_1"]


def test_print_fn_receives_every_line():
    lines = []
    article_model().summary(print_fn=lines.append)
    assert "\n".join(lines) + "\n" == ARTICLE


def test_line_length_and_positions_determine_the_columns():
    lines = []
    article_model().summary(line_length=90, positions=[0.5, 0.8, 1.0], print_fn=lines.append)
    assert {len(line) for line in lines[1:-4]} == {90}
    assert lines[4].index("(None") == 45
    assert lines[4].index("320") == 72
    absolute = []
    article_model().summary(line_length=90, positions=[45, 72, 90], print_fn=absolute.append)
    assert absolute == lines


def test_text_is_truncated_to_requested_positions():
    lines = []
    article_model().summary(line_length=40, positions=[10, 22, 40], print_fn=lines.append)
    assert lines[4] == "conv2d (C (None, 26,  320               "


def test_default_columns_widen_for_long_names():
    name = "a_layer_with_a_name_that_is_much_longer_than_the_column"
    model = Sequential([Input((4, 4, 1)), Conv2D(2, 3, name=name), Flatten(), Dense(3)])
    lines = []
    model.summary(print_fn=lines.append)
    assert lines[4].startswith(f"{name} (Conv2D) (None, 2, 2, 2) ")
    assert len({len(line) for line in lines[1:-4]}) == 1


@pytest.mark.parametrize("positions", [[0.5, 1.0], [0.9, 0.5, 1.0], [0, 0.5, 1.0]])
def test_invalid_positions_raise(positions):
    with pytest.raises(ValueError, match=r"Expected positions as three increasing numbers above 0.*received"):
        article_model().summary(positions=positions)


def test_notebook_displays_the_summary_as_a_table():
    lines = []
    article_model().summary(print_fn=lines.append)
    texts = Elements(article_model()._repr_html_()).texts
    assert " ".join(texts).split() == [
        word for line in lines for word in line.split() if not re.fullmatch("[_=]+", word)
    ]


def test_notebook_displays_a_model_that_is_not_built():
    texts = Elements(Sequential([Dense(3, name="<dense>")])._repr_html_()).texts
    assert texts[-4:] == ["<dense> (Dense)", "?", "?", "Not built: the shape of the input is not known."]
    assert Elements(Sequential()._repr_html_()).texts[0] == 'Model: "sequential"'


@pytest.mark.parametrize(("model", "expected"), [
    (Sequential([Dense(3, input_shape=(4,))], name="mine"), "<'mine' (Sequential), 1 layer, (None, 4) to (None, 3)>"),
    (Sequential([Dense(3), Dense(2)]), "<'sequential' (Sequential), 2 layers, not built>"),
    (Sequential(), "<'sequential' (Sequential), 0 layers, not built>"),
])  # fmt: skip
def test_representation_names_the_shapes(model, expected):
    assert repr(model) == expected
