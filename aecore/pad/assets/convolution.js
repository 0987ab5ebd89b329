// @ts-check
// Convolution, its transpose, and pooling: what reads windows of a grid.

import { multiplyAll, product } from "./arithmetic.js";

/** @import { Grid, NumberArray, Operation, Run, Take } from "./types.js" */

/**
 * For each place of the coarse grid: where the kernel lies on the fine one, -1 if outside.
 * @param {Operation} operation
 * @param {Grid} coarse channels, height, width
 * @param {Grid} fine
 */
export function windows({ kernel, stride, padding, dilation = [1, 1] }, coarse, fine) {
  const [, coarseHeight, coarseWidth] = coarse;
  const [, height, width] = fine;
  const places = [];
  /** @type {(place: number, tap: number, axis: number) => number} */
  const at = (place, tap, axis) => place * stride[axis] - padding[axis] + tap * dilation[axis];
  for (let i = 0; i < coarseHeight * coarseWidth; i++) {
    const top = Math.floor(i / coarseWidth);
    const left = i % coarseWidth;
    for (let u = 0; u < kernel[0]; u++) {
      for (let v = 0; v < kernel[1]; v++) {
        const row = at(top, u, 0);
        const column = at(left, v, 1);
        const outside = row < 0 || column < 0 || row >= height || column >= width;
        places.push(outside ? -1 : row * width + column);
      }
    }
  }
  return Int32Array.from(places);
}

const TOGETHER = 64; // places whose windows are read at once: they stay in the processor's cache

/**
 * A convolution: for each group of channels one product with the windows read at many places.
 * @param {Operation} operation
 * @param {Take} take
 * @returns {Run}
 */
export function convolve(operation, take) {
  const [coarse, fine] = [operation.out, operation.in];
  const { groups } = operation;
  const channels = fine[0] / groups;
  const rows = coarse[0] / groups;
  const at = windows(operation, coarse, fine);
  const taps = product(operation.kernel);
  const coarseSize = coarse[1] * coarse[2];
  const fineSize = fine[1] * fine[2];
  const columns = channels * taps;
  const bias = take(operation.b, coarse[0]);
  const weights = weightsOfGroups(operation, take, rows, columns);
  const read = new Float64Array(columns * TOGETHER);
  return (x, y) => {
    for (let first = 0; first < coarseSize; first += TOGETHER) {
      const places = Math.min(TOGETHER, coarseSize - first);
      for (let group = 0; group < groups; group++) {
        readWindows(x, group * channels, channels, fineSize, at, first, places, taps, read);
        const filter = group * rows;
        const to = filter * coarseSize + first;
        const sizes = { rows, columns, places };
        multiplyAll(weights[group], bias, filter, read, sizes, y, to, coarseSize);
      }
    }
  };
}

/**
 * Read the windows of some places, one after another.
 * @param {NumberArray} x
 * @param {number} channel the first
 * @param {number} channels
 * @param {number} size of a channel
 * @param {Int32Array} at where the windows lie
 * @param {number} first place
 * @param {number} places
 * @param {number} taps
 * @param {Float64Array} read
 */
function readWindows(x, channel, channels, size, at, first, places, taps, read) {
  let i = 0;
  for (let from = first * taps; from < (first + places) * taps; from += taps) {
    for (let c = 0, start = channel * size; c < channels; c++, start += size) {
      for (let t = from; t < from + taps; t++) read[i++] = at[t] < 0 ? 0 : x[start + at[t]];
    }
  }
}

/**
 * Its transpose: each place of the coarse grid adds its product to the window instead.
 * @param {Operation} operation
 * @param {Take} take
 * @returns {Run}
 */
export function convolveTransposed(operation, take) {
  const [coarse, fine] = [operation.in, operation.out];
  const { groups } = operation;
  const columns = coarse[0] / groups;
  const filters = fine[0] / groups;
  const at = windows(operation, coarse, fine);
  const taps = product(operation.kernel);
  const coarseSize = coarse[1] * coarse[2];
  const fineSize = fine[1] * fine[2];
  const rows = filters * taps;
  const bias = take(operation.b, fine[0]);
  const weights = weightsOfGroups(operation, take, rows, columns);
  const read = new Float64Array(columns * TOGETHER);
  const found = new Float64Array(rows * TOGETHER);
  const sums = new Float64Array(fine[0] * fineSize);
  return (x, y) => {
    for (let c = 0; c < bias.length; c++) sums.fill(bias[c], c * fineSize, (c + 1) * fineSize);
    for (let first = 0; first < coarseSize; first += TOGETHER) {
      const places = Math.min(TOGETHER, coarseSize - first);
      for (let group = 0; group < groups; group++) {
        for (let c = 0; c < columns; c++) {
          const start = (group * columns + c) * coarseSize + first;
          for (let place = 0; place < places; place++) read[place * columns + c] = x[start + place];
        }
        const sizes = { rows, columns, places };
        multiplyAll(weights[group], null, 0, read, sizes, found, 0, TOGETHER);
        for (let row = 0; row < rows; row++) {
          const channel = (group * filters + Math.floor(row / taps)) * fineSize;
          const from = row * TOGETHER;
          for (let place = 0, t = first * taps + (row % taps); place < places; place++, t += taps) {
            if (at[t] >= 0) sums[channel + at[t]] += found[from + place];
          }
        }
      }
    }
    y.set(sums);
  };
}

/**
 * In float64, which products need not convert.
 * @param {Operation} operation
 * @param {Take} take
 * @param {number} rows
 * @param {number} columns
 */
function weightsOfGroups({ w, groups }, take, rows, columns) {
  const size = rows * columns;
  return Array.from({ length: groups }, (_, group) =>
    Float64Array.from(take(w + group * size, size)),
  );
}

/**
 * The largest or the mean of each window.
 * @param {Operation} operation
 * @returns {Run}
 */
export function pool(operation) {
  const [channels, height, width] = operation.in;
  const coarseSize = operation.out[1] * operation.out[2];
  const taps = product(operation.kernel);
  const places = windows(operation, operation.out, operation.in);
  const counts = inBorder(operation);
  return (x, y) => {
    for (let i = 0; i < channels * coarseSize; i++) {
      const channel = Math.floor(i / coarseSize) * height * width;
      const from = (i % coarseSize) * taps;
      let best = -Infinity;
      let sum = 0;
      let count = 0;
      for (let t = from; t < from + taps; t++) {
        if (places[t] < 0) continue;
        const value = x[channel + places[t]];
        best = Math.max(best, value);
        sum += value;
        count++;
      }
      const counted = operation.count_padding ? counts[i % coarseSize] : count;
      y[i] = operation.kind === "max" ? best : sum / (operation.divisor || counted);
    }
  };
}

/**
 * How many places of each window lie in the image or its border: the last windows may reach
 * beyond both.
 * @param {Operation} operation
 */
export function inBorder({ in: image, out, kernel, stride, padding }) {
  /** @type {(i: number, axis: number) => number} */
  const along = (i, axis) => {
    const start = i * stride[axis] - padding[axis];
    return Math.min(start + kernel[axis], image[axis + 1] + padding[axis]) - start;
  };
  const places = Array.from({ length: out[1] * out[2] }, (_, i) => i);
  return places.map((i) => along(Math.floor(i / out[2]), 0) * along(i % out[2], 1));
}
