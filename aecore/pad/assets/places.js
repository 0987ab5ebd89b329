// @ts-check
// What only puts the values of an image in other places.

/** @import { Operation, Run } from "./types.js" */

/**
 * Rows and columns put together anew: each from one that was there, -1 for zeros.
 * @param {Operation} operation
 * @returns {Run}
 */
export function pick(operation) {
  const [channels, height, width] = operation.in;
  /** @type {{ rows: any, columns: any }} */
  const { rows, columns } = operation;
  return (x, y) => {
    let o = 0;
    for (let c = 0; c < channels; c++) {
      for (const row of rows) {
        const start = (c * height + row) * width;
        for (const column of columns) y[o++] = row < 0 || column < 0 ? 0 : x[start + column];
      }
    }
  };
}

/**
 * For each value of the image with more pixels, in order: where it is among the maps.
 * @param {number[]} maps channels, height, width of the side with more maps
 * @param {number} factor
 */
function places([channels, height, width], factor) {
  const found = [];
  for (let c = 0; c < channels / factor ** 2; c++) {
    for (let row = 0; row < height * factor; row++) {
      for (let column = 0; column < width * factor; column++) {
        const map = (c * factor + (row % factor)) * factor + (column % factor);
        found.push((map * height + Math.floor(row / factor)) * width + Math.floor(column / factor));
      }
    }
  }
  return Int32Array.from(found);
}

/**
 * Maps laid out as a larger image.
 * @param {Operation} operation
 * @returns {Run}
 */
export function shuffle(operation) {
  /** @type {any} */
  const { in: maps, factor } = operation;
  const from = places(maps, factor);
  return (x, y) => {
    for (let i = 0; i < from.length; i++) y[i] = x[from[i]];
  };
}

/**
 * An image taken apart into maps.
 * @param {Operation} operation
 * @returns {Run}
 */
export function unshuffle(operation) {
  /** @type {any} */
  const { in: image, factor } = operation;
  const [channels, height, width] = image;
  const to = places([channels * factor ** 2, height / factor, width / factor], factor);
  return (x, y) => {
    for (let i = 0; i < to.length; i++) y[to[i]] = x[i];
  };
}
