"""The summary of a model as a table: layers, output shapes, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scratchcnn.layers import Layer

COLUMNS = ("Layer (type)", "Output Shape", "Param #")
LINE_LENGTH = 65
POSITIONS = (0.45, 0.85, 1.0)


def summary_lines(
    name: str, layers: Sequence[Layer], line_length: int | None, positions: Sequence[float] | None
) -> Iterator[str]:
    """The lines of the table, as Keras 2 prints them.

    Parameters
    ----------
    name : str
        The model's name.
    layers : sequence of Layer
        Built layers.
    line_length : int or None
        Characters in a line; None is 65, or more where a name needs it.
    positions : sequence of float or None
        Where each column ends, in characters, or as shares of the line if none is above 1; None is 45, 85 and 100 %,
        or more where a name needs it. What does not fit a column that was asked for is cut off.

    Raises
    ------
    ValueError
        Not one position for each of the three columns, in rising order.
    """
    rows = [
        (f"{layer.name} ({type(layer).__name__})", _with_batch(layer.output_shape or ()), str(layer.parameter_count))
        for layer in layers
    ]
    ends = _column_ends(rows, line_length, positions)
    length = line_length or max(LINE_LENGTH, ends[-1])
    total = sum(layer.parameter_count for layer in layers)
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
    yield f"Trainable params: {total:,}"
    yield "Non-trainable params: 0"
    yield "_" * length


def _with_batch(shape: tuple[int, ...]) -> str:
    return str((None, *shape))


def _column_ends(
    rows: Sequence[Sequence[str]], line_length: int | None, positions: Sequence[float] | None
) -> list[int]:
    """Where each column ends, in characters."""
    asked = POSITIONS if positions is None else tuple(positions)
    if len(asked) != len(COLUMNS) or list(asked) != sorted(asked) or asked[0] <= 0:
        raise ValueError(f"Expected positions as three rising numbers above 0, as {POSITIONS}, received {positions!r}.")
    ends = [int(position * (line_length or LINE_LENGTH)) if asked[-1] <= 1 else int(position) for position in asked]
    if line_length is None and positions is None:  # nobody asked for these: let the columns hold what they must
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
            line = line[:-1] + " "  # a blank between columns, even where the last one was cut off
        line = (line + field)[:end].ljust(end)
    return line
