// @ts-check
// Sums and functions that the network's operations are made of.

/** @import { NumberArray } from "./types.js" */

/**
 * erf by a series of terms of one sign (Abramowitz and Stegun 7.1.6): nothing cancels.
 * @param {number} x
 */
export function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-16 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** @param {number} x */
export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/**
 * The product of sizes: how many values an array of this shape has.
 * @param {number[]} sizes
 */
export const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

// Kept between calls: an array of four costs more than the sums in it.
const fourSums = new Float64Array(4);

/**
 * out[to + row] += row of `weights` (rows x columns, row-major) times x[from ...].
 *
 * Four rows for each fetch of x: the innermost loop of everything that is decoded.
 * @param {NumberArray} weights
 * @param {number} columns
 * @param {number} rows
 * @param {NumberArray} x
 * @param {number} from
 * @param {NumberArray} out
 * @param {number} to
 */
export function multiply(weights, columns, rows, x, from, out, to) {
  for (let row = 0, first = 0; row < rows; row += 4, first += 4 * columns) {
    const together = Math.min(4, rows - row);
    const second = together > 1 ? first + columns : first;
    const third = together > 2 ? second + columns : second;
    const fourth = together > 3 ? third + columns : third;
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    for (let i = 0; i < columns; i++) {
      const value = x[from + i];
      sum0 += weights[first + i] * value;
      sum1 += weights[second + i] * value;
      sum2 += weights[third + i] * value;
      sum3 += weights[fourth + i] * value;
    }
    fourSums[0] = sum0;
    fourSums[1] = sum1;
    fourSums[2] = sum2;
    fourSums[3] = sum3;
    for (let r = 0; r < together; r++) out[to + row + r] += fourSums[r];
  }
}

/**
 * out[to + row * stride + place] = bias of the row + row of `weights` times x of the place: what
 * convolutions are made of. Four rows and two places for each fetch; where fewer are left the last
 * is found again.
 * @param {Float64Array} weights rows x columns, row-major
 * @param {NumberArray | null} bias of each row, from `firstBias` on; null for none
 * @param {number} firstBias
 * @param {Float64Array} x places x columns, row-major
 * @param {{ rows: number, columns: number, places: number }} sizes
 * @param {NumberArray} out
 * @param {number} to
 * @param {number} stride
 */
export function multiplyAll(weights, bias, firstBias, x, sizes, out, to, stride) {
  const { rows, columns, places } = sizes;
  for (let row = 0; row < rows; row += 4) {
    const second = Math.min(row + 1, rows - 1);
    const third = Math.min(row + 2, rows - 1);
    const fourth = Math.min(row + 3, rows - 1);
    for (let place = 0; place < places; place += 2) {
      const beside = Math.min(place + 1, places - 1);
      let w0 = row * columns;
      let w1 = second * columns;
      let w2 = third * columns;
      let w3 = fourth * columns;
      let at = place * columns;
      let next = beside * columns;
      let sum00 = 0;
      let sum10 = 0;
      let sum20 = 0;
      let sum30 = 0;
      let sum01 = 0;
      let sum11 = 0;
      let sum21 = 0;
      let sum31 = 0;
      for (const end = at + columns; at < end; at++, next++) {
        const value = x[at];
        const value1 = x[next];
        const weight0 = weights[w0++];
        const weight1 = weights[w1++];
        const weight2 = weights[w2++];
        const weight3 = weights[w3++];
        sum00 += weight0 * value;
        sum10 += weight1 * value;
        sum20 += weight2 * value;
        sum30 += weight3 * value;
        sum01 += weight0 * value1;
        sum11 += weight1 * value1;
        sum21 += weight2 * value1;
        sum31 += weight3 * value1;
      }
      const b0 = bias ? bias[firstBias + row] : 0;
      const b1 = bias ? bias[firstBias + second] : 0;
      const b2 = bias ? bias[firstBias + third] : 0;
      const b3 = bias ? bias[firstBias + fourth] : 0;
      out[to + row * stride + place] = sum00 + b0;
      out[to + second * stride + place] = sum10 + b1;
      out[to + third * stride + place] = sum20 + b2;
      out[to + fourth * stride + place] = sum30 + b3;
      out[to + row * stride + beside] = sum01 + b0;
      out[to + second * stride + beside] = sum11 + b1;
      out[to + third * stride + beside] = sum21 + b2;
      out[to + fourth * stride + beside] = sum31 + b3;
    }
  }
}
