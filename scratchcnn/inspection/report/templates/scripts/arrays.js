// The arrays of the two passes, as the package stored them: decoded from base64 at the first use.

const page = JSON.parse(document.getElementById("data").textContent);
const decoded = new Map();
const TYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array };

function bytesOf(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// The array with this name, flat, in C order; null if there is no name.
function arrayOf(name) {
  if (name === null || name === undefined) return null;
  if (!decoded.has(name)) decoded.set(name, decode(page.arrays[name]));
  return decoded.get(name);
}

function decode(spec) {
  const values = new TYPES[spec.dtype](bytesOf(spec.data).buffer);
  if (spec.present === undefined) return values;
  const bits = bytesOf(spec.present);
  const whole = new TYPES[spec.dtype](spec.size);
  for (let i = 0, next = 0; i < spec.size; i++) {
    if ((bits[i >> 3] >> (i & 7)) & 1) whole[i] = values[next++];
  }
  return whole;
}

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
