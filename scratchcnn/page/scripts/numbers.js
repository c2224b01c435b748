// Numbers as text, with a real minus sign.

const minus = (text) => text.replace(/-/g, "\u2212");

// With all significant digits of float32, or float64.
function exact(value, dtype = "float32") {
  if (!Number.isFinite(value)) return minus(String(value));
  return digits(value, dtype === "float64" ? 16 : 9);
}

function digits(value, count) {
  if (value === 0) return "0";
  const text = Math.abs(value) < 1e-4 ? value.toExponential(count - 1) : value.toPrecision(count);
  return minus(text.replace(/(\.\d*?)0+(e|$)/, "$1$2").replace(/\.(e|$)/, "$1"));
}

// For a cell of a table: about three digits.
function brief(value) {
  if (!Number.isFinite(value)) return minus(String(value));
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size < 0.001 || size >= 100000) return minus(value.toExponential(1));
  return minus(value.toFixed(size < 10 ? 3 : size < 1000 ? 1 : 0));
}

// A common power of ten for values of at most that size, so that all of them are short.
function unitOf(limit) {
  const power = limit > 0 && (limit < 0.01 || limit >= 100000) ? Math.floor(Math.log10(limit)) : 0;
  const digitsAfter = limit >= 1000 && power === 0 ? 0 : limit >= 10 && power === 0 ? 1 : 3;
  const superscript = minus(String(power)).replace(/[0-9\u2212]/g, (sign) => "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"["\u22120123456789".indexOf(sign)]);
  return {
    words: power === 0 ? "" : ` \u00b7 10${superscript}`,
    text: (value) => (value === 0 ? "0" : Number.isFinite(value) ? minus((value / 10 ** power).toFixed(digitsAfter)) : minus(String(value))),
  };
}

const percentOf = (share) => `${(100 * share).toFixed(1)} %`; // to be read at a glance
const percent = (value) => `${(100 * value).toFixed(value < 0.001 ? 4 : 2)} %`;
const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

function largestSize(values) {
  let largest = 0;
  for (const value of values) if (Number.isFinite(value) && Math.abs(value) > largest) largest = Math.abs(value);
  return largest;
}

// The class that a network answers with: that of the largest output.
function answerOf(outputs) {
  let answer = 0;
  for (let i = 1; i < outputs.length; i++) if (outputs[i] > outputs[answer]) answer = i;
  return answer;
}

// The value that differs most from 0.
function placeOfLargest(values) {
  let place = 0;
  for (let i = 1; i < values.length; i++) if (Math.abs(values[i]) > Math.abs(values[place])) place = i;
  return place;
}

function rangeOf(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
