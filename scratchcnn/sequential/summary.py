"""The summary of a model: a table of layers, output shapes and numbers of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scratchcnn.display.blocks import Block, Group, Paragraph, Table, Title
from scratchcnn.layers.row import LayerRow, shapes_of

COLUMNS = ("Layer (type)", "Output Shape", "Param #")
LINE_LENGTH = 65
POSITIONS = (0.45, 0.85, 1.0)


def summary_lines(
    model: LayerRow, line_length: int | None, positions: Sequence[float] | None, expand_nested: bool
) -> Iterator[str]:
    """Iterate over the lines of the table, as Keras 2 prints it.

    Parameters
    ----------
    model : LayerRow
        Built layers and inner models.
    line_length : int or None
        Characters in a line; None means 65, or more where a name needs it.
    positions : sequence of float or None
        Where each column ends, in characters, or as fractions of the line if none is above 1; None means 45, 85 and
        100 %, or more where a name needs it. Text that does not fit into a given column is cut off.
    expand_nested : bool
        Whether the layers of each inner model follow its row, indented as in Keras 3.

    Raises
    ------
    ValueError
        Not one position for each of the three columns, in increasing order.
    """
    rows = list(_rows(model, expand_nested))
    ends = _column_ends(rows, line_length, positions)
    length = line_length or max(LINE_LENGTH, ends[-1])
    yield f'Model: "{model.name}"'
    yield "_" * length
    yield _row(COLUMNS, ends)
    yield "=" * length
    for number, row in enumerate(rows):
        if number:
            yield "_" * length
        yield _row(row, ends)
    yield "=" * length
    yield from _totals(model)
    yield "_" * length


def summary_blocks(model: LayerRow) -> list[Block]:
    """Return the title, the table and the totals of the summary, as a notebook displays a model.

    A layer that is not built yet has no output shape and no parameters.

    >>> from scratchcnn import Sequential
    >>> from scratchcnn.layers import Dense
    >>> summary_blocks(Sequential([Dense(3)]))[1].lines()[-1]
    'dense (Dense)  ?             ?'
    """
    is_built = model.output_shape is not None
    totals = _totals(model) if is_built else ["Not built: the shape of the input is not known."]
    table = Table(COLUMNS, list(_rows(model, expand_nested=False)), left=(0, 1))
    return [Title(f'Model: "{model.name}"'), table, Group(*map(Paragraph, totals))]


def _rows(model: LayerRow, expand_nested: bool, depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Iterate over name, output shape and number of parameters of each layer; '?' if it is not built."""
    for layer in model.layers:
        indent, shape = f"{'   ' * depth}└ " if depth else "", shapes_of(layer)[1]
        described = ("?", "?") if shape is None else (str((None, *shape)), str(layer.count_params()))
        yield f"{indent}{layer.name or layer.default_name} ({type(layer).__name__})", *described
        if expand_nested and isinstance(layer, LayerRow):
            yield from _rows(layer, expand_nested, depth + 1)


def _totals(model: LayerRow) -> list[str]:
    total = model.count_params()
    trainable = sum(array.size for array in model.trainable_weights)
    return [
        f"Total params: {total:,}",
        f"Trainable params: {trainable:,}",
        f"Non-trainable params: {total - trainable:,}",
    ]


def _column_ends(
    rows: Sequence[Sequence[str]], line_length: int | None, positions: Sequence[float] | None
) -> list[int]:
    """Where each column ends, in characters."""
    asked = POSITIONS if positions is None else tuple(positions)
    if len(asked) != len(COLUMNS) or list(asked) != sorted(asked) or asked[0] <= 0:
        raise ValueError(
            f"Expected positions as three increasing numbers above 0, for example {POSITIONS}, received {positions!r}."
        )
    ends = [int(position * (line_length or LINE_LENGTH)) if asked[-1] <= 1 else int(position) for position in asked]
    if line_length is None and positions is None:  # the default: widen columns as needed
        start = shift = 0
        for column, end in enumerate(ends):
            needed = start + max(len(row[column]) for row in (COLUMNS, *rows)) + (column < len(ends) - 1)
            shift = max(shift, needed - end)
            start = ends[column] = end + shift
    return ends


def _row(fields: Sequence[str], ends: Sequence[int]) -> str:
    line = ""
    for field, end in zip(fields, ends, strict=True):
        if line:
            line = line[:-1] + " "  # a space between columns, even where the previous one was cut off
        line = (line + field)[:end].ljust(end)
    return line
