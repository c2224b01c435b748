"""The summary of a model: a table of layers, output shapes and numbers of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scratchcnn.layers import Layer

COLUMNS = ("Layer (type)", "Output Shape", "Param #")
LINE_LENGTH = 65
POSITIONS = (0.45, 0.85, 1.0)


def summary_lines(
    name: str, layers: Sequence[Layer], line_length: int | None, positions: Sequence[float] | None
) -> Iterator[str]:
    """Iterate over the lines of the table, as Keras 2 prints it.

    Parameters
    ----------
    name : str
        The model's name.
    layers : sequence of Layer
        Built layers.
    line_length : int or None
        Characters in a line; None means 65, or more where a name needs it.
    positions : sequence of float or None
        Where each column ends, in characters, or as fractions of the line if none is above 1; None means 45, 85 and
        100 %, or more where a name needs it. Text that does not fit into a given column is cut off.

    Raises
    ------
    ValueError
        Not one position for each of the three columns, in increasing order.
    """
    rows = [
        (f"{layer.name} ({type(layer).__name__})", _with_batch(layer.output_shape or ()), str(layer.parameter_count))
        for layer in layers
    ]
    ends = _column_ends(rows, line_length, positions)
    length = line_length or max(LINE_LENGTH, ends[-1])
    total = sum(layer.parameter_count for layer in layers)
    trainable = sum(layer.parameter_count for layer in layers if layer.trainable)
    yield f'Model: "{name}"'
    yield "_" * length
    yield _row(COLUMNS, ends)
    yield "=" * length
    for number, row in enumerate(rows):
        if number:
            yield "_" * length
        yield _row(row, ends)
    yield "=" * length
    yield f"Total params: {total:,}"
    yield f"Trainable params: {trainable:,}"
    yield f"Non-trainable params: {total - trainable:,}"
    yield "_" * length


def _with_batch(shape: tuple[int, ...]) -> str:
    return str((None, *shape))


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
