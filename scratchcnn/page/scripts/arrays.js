// The data of the page, and its arrays as the package stored them: decoded from base64 at the first use.

const page = JSON.parse(document.getElementById("data").textContent);
const decoded = new Map();
const TYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array };

function bytesOf(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// The array with this name, flat, in C order; null if there is no name. A page that computes arrays gives them itself.
function arrayOf(name) {
  if (name === null || name === undefined) return null;
  if (ArrayBuffer.isView(name)) return name;
  if (!decoded.has(name)) decoded.set(name, decode(page.arrays[name]));
  return decoded.get(name);
}

function decode(spec) {
  if (spec.dtype === "float16") return Float32Array.from(new Uint16Array(bytesOf(spec.data).buffer), ofHalf);
  const values = new TYPES[spec.dtype](bytesOf(spec.data).buffer);
  if (spec.present === undefined) return values;
  const bits = bytesOf(spec.present);
  const whole = new TYPES[spec.dtype](spec.size);
  for (let i = 0, next = 0; i < spec.size; i++) {
    if ((bits[i >> 3] >> (i & 7)) & 1) whole[i] = values[next++];
  }
  return whole;
}

// The value of the 16 bits of a float16: sign, 5 bits of the exponent, 10 of the fraction.
function ofHalf(bits) {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits & 32768 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}
