// @ts-check
// A drawing or a photograph becomes a picture as the data have them.

/** @import { NumberArray } from "./types.js" */

/**
 * Each row of `width` values becomes n means over equal parts of [from, from + span); transposed.
 * @param {NumberArray} values
 * @param {number} width
 * @param {number} from
 * @param {number} span
 * @param {number} n
 */
function shrink(values, width, from, span, n) {
  const rows = values.length / width;
  const out = new Float32Array(n * rows);
  for (let i = 0; i < n; i++) {
    const start = from + (i * span) / n;
    const end = Math.min(width, start + span / n);
    for (let x = Math.floor(start); x < end; x++) {
      const share = ((Math.min(end, x + 1) - Math.max(start, x)) * n) / span;
      for (let r = 0; r < rows; r++) out[i * rows + r] += share * values[r * width + x];
    }
  }
  return out;
}

/**
 * A drawing as a picture of the data: ink (height * width, 0 to 1) -> (rows * columns).
 *
 * centred, as MNIST was made: the ink's box becomes 20 of 28 pixels, its shape kept, and its
 * centre of mass goes to the middle (LeCun et al. 1998). Returns null for an empty drawing.
 * @param {NumberArray} ink
 * @param {number} width
 * @param {number} height
 * @param {number} rows
 * @param {number} columns
 */
export function fitDrawing(ink, width, height, rows, columns, centred = true) {
  const inked = [...ink.keys()].filter((i) => ink[i] >= 0.1);
  if (!inked.length) return null;
  if (!centred) return shrink(shrink(ink, width, 0, width, columns), height, 0, height, rows);
  const across = inked.map((i) => i % width);
  const left = Math.min(...across);
  const top = Math.floor(inked[0] / width);
  const boxWidth = Math.max(...across) - left + 1;
  const boxHeight = Math.floor(inked[inked.length - 1] / width) - top + 1;
  const scale = Math.min((columns * 20) / 28 / boxWidth, (rows * 20) / 28 / boxHeight);
  const smallWidth = Math.max(1, Math.round(boxWidth * scale));
  const smallHeight = Math.max(1, Math.round(boxHeight * scale));
  const narrow = shrink(ink, width, left, boxWidth, smallWidth);
  const small = shrink(narrow, height, top, boxHeight, smallHeight);
  return centreOfMassInTheMiddle(small, smallWidth, rows, columns);
}

/**
 * @param {Float32Array} small rows of `width` values
 * @param {number} width
 * @param {number} rows of the picture that it goes into
 * @param {number} columns
 */
function centreOfMassInTheMiddle(small, width, rows, columns) {
  let mass = 0;
  let massAcross = 0;
  let massDown = 0;
  for (const [i, value] of small.entries()) {
    mass += value;
    massAcross += value * ((i % width) + 0.5);
    massDown += value * (Math.floor(i / width) + 0.5);
  }
  const moveRight = Math.round(columns / 2 - massAcross / mass);
  const moveDown = Math.round(rows / 2 - massDown / mass);
  const out = new Float32Array(rows * columns);
  for (const [i, value] of small.entries()) {
    const x = (i % width) + moveRight;
    const y = Math.floor(i / width) + moveDown;
    if (x >= 0 && x < columns && y >= 0 && y < rows) out[y * columns + x] = value;
  }
  return out;
}

/**
 * A photograph's grey values (0 to 255) as ink (0 to 1): light paper is turned dark, noise cut.
 * @param {Float32Array} grey
 */
export function inkOfPhotograph(grey) {
  const paper = Float32Array.from(grey).sort()[grey.length >> 1];
  const light = paper > 127;
  const ink = grey.map((value) => Math.max(0, light ? paper - value : value - paper));
  const darkest = Float32Array.from(ink).sort()[Math.floor(ink.length * 0.99)] || 1;
  return ink.map((value) => Math.min(1, Math.max(0, value / darkest - 0.25) / 0.5));
}
