// The weights of Dense kernels, of which the page contains a part only.

// weight(i, j) of a Dense kernel. The page contains only the weights that are multiplied by a nonzero value; 0 for the others.
function denseKernel(layer) {
  if (layer.weight) return layer.weight;
  const { rows, ofRows, columns, ofColumns, shape } = layer.kernel;
  const rowPlace = placesOf(arrayOf(rows), shape[0]);
  const columnPlace = placesOf(arrayOf(columns), shape[1]);
  const whole = arrayOf(ofRows), rest = arrayOf(ofColumns), width = arrayOf(columns).length;
  const before = new Int32Array(shape[0]); // how many rows before this one are not whole
  for (let i = 1; i < shape[0]; i++) before[i] = before[i - 1] + (rowPlace[i - 1] < 0 ? 1 : 0);
  layer.weight = (i, j) => {
    if (rowPlace[i] >= 0) return whole[rowPlace[i] * shape[1] + j];
    return columnPlace[j] >= 0 ? rest[before[i] * width + columnPlace[j]] : 0;
  };
  return layer.weight;
}

function placesOf(chosen, size) {
  const places = new Int32Array(size).fill(-1);
  chosen.forEach((number, place) => { places[number] = place; });
  return places;
}
