// Stored weights: decodes base64 and float16 without Float16Array, which older browsers do not have.

function bytesOfBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// The 65,536 values of float16: sign, 5 bits of exponent, 10 bits of fraction (IEEE 754).
let halfValues = null;

function tableOfHalves() {
  if (halfValues !== null) return halfValues;
  halfValues = new Float64Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    let size;
    if (exponent === 0) size = fraction * 2 ** -24;
    else if (exponent === 31) size = fraction ? NaN : Infinity;
    else size = (1 + fraction / 1024) * 2 ** (exponent - 15);
    halfValues[bits] = bits & 32768 ? -size : size;
  }
  return halfValues;
}

// The values of a stored parameter {data, scale}: float16 numbers, little-endian, each times the scale.
function decodeHalves({ data, scale }) {
  const bytes = bytesOfBase64(data), table = tableOfHalves();
  const values = new Float64Array(bytes.length / 2);
  for (let i = 0; i < values.length; i++) values[i] = table[bytes[2 * i] | (bytes[2 * i + 1] << 8)] * scale;
  return values;
}
