// @ts-check
// One example and what a hand does to it: strokes, holes, noise. It knows nothing of the page.

import { gaussian } from "../../aecore/pad/assets/codes.js";

/** @typedef {"white" | "black" | "hole"} PenName */
/**
 * @typedef {object} Damage
 * @property {Float32Array} original
 * @property {Float32Array} drawn the same with strokes on it
 * @property {Uint8Array} hole 1 where a value is known to be missing
 * @property {Float32Array} noise standard normal, one a value
 * @property {number} sigma of the noise that is added
 */

const IN_A_HOLE = 0.3; // of a pixel covered, so that it counts as missing

/**
 * Nothing is damaged but by noise of `sigma`.
 * @param {Float32Array} original
 * @param {number} sigma
 * @returns {Damage}
 */
export const undamaged = (original, sigma) => ({
  original,
  drawn: original.slice(),
  hole: new Uint8Array(original.length),
  noise: original.map(() => gaussian()),
  sigma,
});

/**
 * A stroke over what was there before it; over a hole what is white or black is known again.
 * @param {Damage} damage
 * @param {Damage} before as it was when the stroke began
 * @param {Float32Array} coverage of the whole stroke, 0 to 1 a pixel
 * @param {PenName} name
 */
export function coverBy(damage, before, coverage, name) {
  const value = name === "white" ? 1 : 0;
  for (const [i, share] of coverage.entries()) {
    damage.drawn[i] = before.drawn[i];
    damage.hole[i] = before.hole[i];
    if (name === "hole") {
      if (share > IN_A_HOLE) damage.hole[i] = 1;
    } else if (share > 0) {
      const from = before.hole[i] ? 0 : before.drawn[i];
      damage.drawn[i] = from * (1 - share) + value * share;
      if (share > IN_A_HOLE) damage.hole[i] = 0;
    }
  }
}

/**
 * A square is missing, its corner at `row` and `column`.
 * @param {Damage} damage
 * @param {number} width of the example
 * @param {number} side
 * @param {number} row
 * @param {number} column
 */
export function hideBlock(damage, width, side, row, column) {
  for (let r = row; r < row + side; r++)
    damage.hole.fill(1, r * width + column, r * width + column + side);
}

/**
 * What mends it gets to see: nothing in holes, and noise elsewhere.
 * @param {Damage} damage
 */
export const seenOf = ({ drawn, hole, noise, sigma }) =>
  drawn.map((value, i) => (hole[i] ? 0 : Math.max(0, Math.min(1, value + sigma * noise[i]))));

/** @param {Damage} damage */
export const hasHole = ({ hole }) => hole.includes(1);

/**
 * The answer in holes, and what is known elsewhere.
 * @param {Damage} damage
 * @param {Float32Array} seen
 * @param {ArrayLike<number>} answer
 */
export const pasted = ({ hole }, seen, answer) =>
  seen.map((value, i) => (hole[i] ? answer[i] : value));

/**
 * Squared error per value.
 * @param {ArrayLike<number>} answer
 * @param {Float32Array} original
 */
export function squaredError(answer, original) {
  let sum = 0;
  for (let i = 0; i < original.length; i++) sum += (answer[i] - original[i]) ** 2;
  return sum / original.length;
}

/**
 * Peak signal-to-noise ratio for a peak value of 1.
 * @param {number} error squared, per value
 */
export const decibels = (error) => -10 * Math.log10(Math.max(error, 1e-12));

/**
 * The median of each pixel and its eight neighbours; beyond the edge the picture is mirrored.
 * @param {Float32Array} x
 * @param {number} width
 */
export function medianOfNine(x, width) {
  const height = x.length / width;
  const nine = new Float32Array(9);
  /** @type {(at: number, n: number) => number} */
  const inside = (at, n) => Math.max(0, Math.min(n - 1, at));
  return x.map((_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    for (let j = 0; j < 9; j++) {
      const r = inside(row + Math.floor(j / 3) - 1, height);
      nine[j] = x[r * width + inside(column + (j % 3) - 1, width)];
    }
    return nine.sort()[4];
  });
}
