// The matrix product behind convolutions and dense layers: c += a b, with each operand as it is or transposed.
//
// A matrix is {values, offset, row, column}: element (i, j) is values[offset + i * row + j * column].
//
// Blocks of both operands are copied to panels of four rows (a) and four columns (b), in the order in which the innermost
// loop reads them. That loop computes 4 x 4 sums in local variables, which the browser keeps in registers: two loads for
// four multiplications. Everything is a float64, which JavaScript computes with in any case; with float32 arrays each
// load and store would be a conversion, and the product takes the same time.

const TILE = 4, DEPTH = 256; // a panel of DEPTH x TILE numbers is 8 kB, and stays in the first-level cache
const tileSums = new Float64Array(TILE * TILE);
let leftPanels = new Float64Array(0), rightPanels = new Float64Array(0);

const matrix = (values, row, offset = 0) => ({ values, offset, row, column: 1 });
const transposed = ({ values, offset, row, column }) => ({ values, offset, row: column, column: row });

// c (m, n), contiguous rows, += a (m, k) b (k, n).
function addProduct(c, a, b, m, k, n) {
  if (m < TILE || k < TILE) {
    if (b.column === 1) addRows(c, a, b, m, k, n);
    else addDots(c, a, b, m, k, n);
    return;
  }
  const depth = Math.min(k, DEPTH), above = roundedUp(m), wide = roundedUp(n);
  if (leftPanels.length < above * depth) leftPanels = new Float64Array(above * depth);
  if (rightPanels.length < wide * depth) rightPanels = new Float64Array(wide * depth);
  for (let start = 0; start < k; start += DEPTH) {
    const length = Math.min(DEPTH, k - start);
    fillPanels(leftPanels, a.values, a.offset + start * a.column, a.row, a.column, m, length);
    fillPanels(rightPanels, b.values, b.offset + start * b.row, b.column, b.row, n, length);
    for (let i = 0; i < m; i += TILE) {
      for (let j = 0; j < n; j += TILE) {
        multiplyTile(leftPanels, i * length, rightPanels, j * length, length);
        addTile(c.values, c.offset + i * c.row + j, c.row, Math.min(TILE, m - i), Math.min(TILE, n - j));
      }
    }
  }
}

const roundedUp = (count) => Math.ceil(count / TILE) * TILE;

// Panels of four lines: panels[first * length + 4 * k + t] is element k of line first + t, and 0 behind the last line.
function fillPanels(panels, values, offset, lineStep, step, lines, length) {
  for (let first = 0; first < lines; first += TILE) {
    for (let t = 0; t < TILE; t++) {
      let to = first * length + t;
      if (first + t >= lines) {
        for (let k = 0; k < length; k++, to += TILE) panels[to] = 0;
        continue;
      }
      let from = offset + (first + t) * lineStep;
      for (let k = 0; k < length; k++, to += TILE, from += step) panels[to] = values[from];
    }
  }
}

// tileSums = four rows of a times four columns of b.
function multiplyTile(a, i, b, j, length) {
  let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
  let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
  for (let k = 0; k < length; k++, i += TILE, j += TILE) {
    const a0 = a[i], a1 = a[i + 1], a2 = a[i + 2], a3 = a[i + 3];
    const b0 = b[j], b1 = b[j + 1], b2 = b[j + 2], b3 = b[j + 3];
    s00 += a0 * b0; s01 += a0 * b1; s02 += a0 * b2; s03 += a0 * b3;
    s10 += a1 * b0; s11 += a1 * b1; s12 += a1 * b2; s13 += a1 * b3;
    s20 += a2 * b0; s21 += a2 * b1; s22 += a2 * b2; s23 += a2 * b3;
    s30 += a3 * b0; s31 += a3 * b1; s32 += a3 * b2; s33 += a3 * b3;
  }
  tileSums[0] = s00; tileSums[1] = s01; tileSums[2] = s02; tileSums[3] = s03;
  tileSums[4] = s10; tileSums[5] = s11; tileSums[6] = s12; tileSums[7] = s13;
  tileSums[8] = s20; tileSums[9] = s21; tileSums[10] = s22; tileSums[11] = s23;
  tileSums[12] = s30; tileSums[13] = s31; tileSums[14] = s32; tileSums[15] = s33;
}

function addTile(values, offset, row, rows, columns) {
  for (let t = 0; t < rows; t++, offset += row) {
    for (let u = 0; u < columns; u++) values[offset + u] += tileSums[t * TILE + u];
  }
}

// The product of few rows, or of depth 1 to 3, as for a dense layer and one image: each element of b is read once, and
// panels would cost more than the product. Zeros of a, which ReLU produces, are skipped.
function addRows(c, a, b, m, k, n) {
  const into = c.values, from = b.values;
  for (let i = 0; i < m; i++) {
    const to = c.offset + i * c.row;
    for (let l = 0; l < k; l++) {
      const factor = a.values[a.offset + i * a.row + l * a.column];
      if (factor === 0) continue;
      const start = b.offset + l * b.row;
      for (let j = 0; j < n; j++) into[to + j] += factor * from[start + j];
    }
  }
}

// The same where the columns of b are contiguous: each sum is a scalar product.
function addDots(c, a, b, m, k, n) {
  const left = a.values, right = b.values;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0, at = a.offset + i * a.row, from = b.offset + j * b.column;
      for (let l = 0; l < k; l++, at += a.column, from += b.row) sum += left[at] * right[from];
      c.values[c.offset + i * c.row + j] += sum;
    }
  }
}
