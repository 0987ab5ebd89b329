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
