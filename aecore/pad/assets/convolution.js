// @ts-check
// Convolution, its transpose, and pooling: what reads windows of a grid.

import { multiply, product } from "./arithmetic.js";

/** @import { Grid, Operation, Run, Take } from "./types.js" */

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

/**
 * A convolution: for each place and group of channels one product with the window read there.
 * @param {Operation} operation
 * @param {Take} take
 * @returns {Run}
 */
export function convolve(operation, take) {
  const [coarse, fine] = [operation.out, operation.in];
  const { groups } = operation;
  const channels = fine[0] / groups;
  const filters = coarse[0] / groups;
  const places = windows(operation, coarse, fine);
  const taps = product(operation.kernel);
  const coarseSize = coarse[1] * coarse[2];
  const fineSize = fine[1] * fine[2];
  const columns = channels * taps;
  const bias = take(operation.b, coarse[0]);
  const weights = weightsOfGroups(operation, take, filters, columns);
  const read = new Float64Array(columns);
  const found = new Float64Array(filters);
  const sums = new Float64Array(coarse[0] * coarseSize);
  return (x, y) => {
    fillWithBias(sums, bias, coarseSize);
    for (let place = 0; place < coarseSize; place++) {
      const from = place * taps;
      const end = from + taps;
      for (let group = 0; group < groups; group++) {
        for (let c = group * channels, i = 0; c < (group + 1) * channels; c++) {
          for (let t = from; t < end; t++) {
            read[i++] = places[t] < 0 ? 0 : x[c * fineSize + places[t]];
          }
        }
        multiply(weights[group], columns, filters, read, 0, found.fill(0), 0);
        for (let o = 0; o < filters; o++) {
          sums[(group * filters + o) * coarseSize + place] += found[o];
        }
      }
    }
    y.set(sums);
  };
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
  const channels = coarse[0] / groups;
  const filters = fine[0] / groups;
  const places = windows(operation, coarse, fine);
  const taps = product(operation.kernel);
  const coarseSize = coarse[1] * coarse[2];
  const fineSize = fine[1] * fine[2];
  const rows = filters * taps;
  const bias = take(operation.b, fine[0]);
  const weights = weightsOfGroups(operation, take, rows, channels);
  const read = new Float64Array(channels);
  const found = new Float64Array(rows);
  const sums = new Float64Array(fine[0] * fineSize);
  return (x, y) => {
    fillWithBias(sums, bias, fineSize);
    for (let place = 0; place < coarseSize; place++) {
      const from = place * taps;
      const end = from + taps;
      for (let group = 0; group < groups; group++) {
        for (let c = 0; c < channels; c++) {
          read[c] = x[(group * channels + c) * coarseSize + place];
        }
        multiply(weights[group], channels, rows, read, 0, found.fill(0), 0);
        for (let o = group * filters, i = 0; o < (group + 1) * filters; o++) {
          for (let t = from; t < end; t++, i++) {
            if (places[t] >= 0) sums[o * fineSize + places[t]] += found[i];
          }
        }
      }
    }
    y.set(sums);
  };
}

/**
 * @param {Operation} operation
 * @param {Take} take
 * @param {number} rows
 * @param {number} columns
 */
function weightsOfGroups({ w, groups }, take, rows, columns) {
  const size = rows * columns;
  return Array.from({ length: groups }, (_, group) => take(w + group * size, size));
}

/**
 * @param {Float64Array} sums one channel after another
 * @param {Float32Array} bias of each channel
 * @param {number} size of a channel
 */
function fillWithBias(sums, bias, size) {
  for (let c = 0; c < bias.length; c++) sums.fill(bias[c], c * size, (c + 1) * size);
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
