// @ts-check
// Backwards through a network at the example that it has just run on: what one of its sums looks
// for in what enters. Where every curve is of straight pieces this is the exact linear map that
// the network is around this example.

import { activations } from "./activations.js";
import { product } from "./arithmetic.js";
import { inBorder, windows } from "./convolution.js";
import { halfOf, readBy } from "./flow_engine.js";

/** @import { Flow } from "./flow_engine.js" */
/** @import { NumberArray, Operation } from "./types.js" */

/**
 * @callback Backward adds to `into`, the slopes by what entered
 * @param {Operation} operation
 * @param {Float32Array} weights
 * @param {NumberArray} x what entered
 * @param {NumberArray} y what left
 * @param {Float64Array} slopes by what left
 * @param {Float64Array} into
 * @returns {void}
 */

const STRAIGHT = new Set([
  "relu",
  "leaky_relu",
  "clip",
  "hard_sigmoid",
  "hard_shrink",
  "soft_shrink",
  "threshold",
]);
const SUMS_ONLY = new Set(["linear", "conv2d", "conv_transpose2d", "affine", "prelu", "top_k"]);
const ALSO_STRAIGHT = new Set(["pool2d", "join_constant", "interpolate"]);

/** @type {Record<string, Backward>} */
const backwards = {
  linear({ rows, in: inputs, out: outputs, w }, weights, _, __, slopes, into) {
    const [n, m] = [Number(inputs), Number(outputs)];
    for (let r = 0; r < rows; r++) {
      for (let o = 0, i = w; o < m; o++, i += n) {
        const slope = slopes[r * m + o];
        if (slope === 0) continue;
        for (let c = 0; c < n; c++) into[r * n + c] += slope * weights[i + c];
      }
    }
  },

  conv2d(operation, weights, _, __, slopes, into) {
    throughWindows(operation, operation.out, operation.in, (fine, coarse, filter, channel, tap) => {
      const slope = slopes[coarse];
      if (slope)
        into[fine] += slope * weights[operation.w + kernelAt(operation, filter, channel, tap)];
    });
  },

  conv_transpose2d(operation, weights, _, __, slopes, into) {
    throughWindows(operation, operation.in, operation.out, (fine, coarse, channel, filter, tap) => {
      const slope = slopes[fine];
      if (slope)
        into[coarse] += slope * weights[operation.w + kernelAt(operation, channel, filter, tap)];
    });
  },

  affine({ channels, size, w }, weights, _, __, slopes, into) {
    for (let i = 0; i < channels * size; i++) {
      into[i] += slopes[i] * weights[w + Math.floor(i / size)];
    }
  },

  prelu({ each, w }, weights, x, _, slopes, into) {
    for (let i = 0; i < slopes.length; i++) {
      into[i] += slopes[i] * (x[i] > 0 ? 1 : weights[w + Math.floor(i / each)]);
    }
  },

  top_k(_, __, x, y, slopes, into) {
    for (let i = 0; i < slopes.length; i++) if (y[i] === x[i]) into[i] += slopes[i];
  },

  join_constant({ size, more, first }, _, __, ___, slopes, into) {
    for (let i = 0; i < size; i++) into[i] += slopes[first ? more + i : i];
  },

  activation(operation, _, x, __, slopes, into) {
    const f = activations[operation.kind](operation);
    for (let i = 0; i < slopes.length; i++) {
      if (slopes[i]) into[i] += slopes[i] * slopeAt(f, x[i]);
    }
  },

  interpolate(operation, _, __, ___, slopes, into) {
    const [channels, height, width] = operation.in;
    /** @type {{ rows: any, columns: any }} */
    const { rows, columns } = operation;
    let o = 0;
    for (let c = 0; c < channels; c++) {
      for (const [row, down] of rows) {
        const start = (c * height + row) * width;
        for (const [column, right] of columns) {
          const [i, slope] = [start + column, slopes[o++]];
          into[i] += (1 - down) * (1 - right) * slope;
          if (right) into[i + 1] += (1 - down) * right * slope;
          if (down) into[i + width] += down * (1 - right) * slope;
          if (down && right) into[i + width + 1] += down * right * slope;
        }
      }
    }
  },

  pool2d(operation, _, x, y, slopes, into) {
    const [channels, height, width] = operation.in;
    const places = windows(operation, operation.out, operation.in);
    const taps = product(operation.kernel);
    const size = operation.out[1] * operation.out[2];
    const counts = inBorder(operation);
    for (let i = 0; i < channels * size; i++) {
      const start = Math.floor(i / size) * height * width;
      const from = (i % size) * taps;
      const read = Array.from(places.subarray(from, from + taps)).filter((place) => place >= 0);
      if (operation.kind === "max") {
        const best = read.find((place) => Math.fround(x[start + place]) === y[i]);
        if (best !== undefined) into[start + best] += slopes[i];
      } else {
        const counted = operation.count_padding ? counts[i % size] : read.length;
        const by = operation.divisor || counted;
        for (const place of read) into[start + place] += slopes[i] / by;
      }
    }
  },
};

/**
 * Where a kernel's value for one filter, channel and tap lies behind the operation's `w`:
 * a convolution's are (filters, channels, taps), a transposed one's (filters, taps, channels).
 * @param {Operation} operation
 * @param {number} coarse the channel of the coarse grid
 * @param {number} fine the channel of the fine grid
 * @param {number} tap
 */
export function kernelAt(operation, coarse, fine, tap) {
  const { groups, kernel } = operation;
  const taps = product(kernel);
  const transposed = operation.op === "conv_transpose2d";
  const [coarseGrid, fineGrid] = transposed
    ? [operation.in, operation.out]
    : [operation.out, operation.in];
  const [coarseEach, fineEach] = [coarseGrid[0] / groups, fineGrid[0] / groups];
  const group = Math.floor(coarse / coarseEach);
  const [c, f] = [coarse % coarseEach, fine % fineEach];
  const start = group * coarseEach * fineEach * taps;
  return start + (transposed ? (f * taps + tap) * coarseEach + c : (c * fineEach + f) * taps + tap);
}

/** @type {WeakMap<Operation, Int32Array>} */
const windowsKept = new WeakMap();

/**
 * The coarse grid of a convolution or its transpose, the fine one, and where the kernel lies on it.
 * @param {Operation} operation
 */
export function gridsOf(operation) {
  const transposed = operation.op === "conv_transpose2d";
  const coarse = transposed ? operation.in : operation.out;
  const fine = transposed ? operation.out : operation.in;
  const places = windowsKept.get(operation) ?? windows(operation, coarse, fine);
  windowsKept.set(operation, places);
  return { transposed, coarse, fine, places };
}

/**
 * @param {Operation} operation
 * @param {number[]} coarse grid
 * @param {number[]} fine grid
 * @param {(fine: number, coarse: number, coarseChannel: number, fineChannel: number, tap: number)
 *   => void} visit
 */
function throughWindows(operation, coarse, fine, visit) {
  const { places } = gridsOf(operation);
  const taps = product(operation.kernel);
  const coarseSize = coarse[1] * coarse[2];
  const fineSize = fine[1] * fine[2];
  const [coarseEach, fineEach] = [coarse[0] / operation.groups, fine[0] / operation.groups];
  for (let c = 0; c < coarse[0]; c++) {
    const group = Math.floor(c / coarseEach);
    for (let f = group * fineEach; f < (group + 1) * fineEach; f++) {
      for (let i = 0; i < coarseSize * taps; i++) {
        if (places[i] < 0) continue;
        visit(f * fineSize + places[i], c * coarseSize + Math.floor(i / taps), c, f, i % taps);
      }
    }
  }
}

/**
 * The slope of a curve at x, by a step that keeps to the piece that x lies on.
 * @param {(x: number) => number} f
 * @param {number} x
 */
export function slopeAt(f, x) {
  const h = 1e-5 * Math.max(1, Math.abs(x));
  const [left, right] = [(f(x) - f(x - h)) / h, (f(x + h) - f(x)) / h];
  // At a kink torch takes the side that gives less.
  const kink = Math.abs(left - right) > 1e-3 * Math.max(1, Math.abs(left), Math.abs(right));
  return kink ? (Math.abs(left) < Math.abs(right) ? left : right) : (left + right) / 2;
}

/**
 * What one value of an operation looks for in what enters its half: the slopes by each value of x
 * (or of z), and whether they are an exact linear map there. null where a layer on the way has no
 * way back here.
 * @param {Flow} flow that has run
 * @param {number} index of the stage
 * @param {number} at the operation of that stage's half
 * @param {number} value of what it writes
 * @returns {{ slopes: Float64Array, exact: boolean } | null}
 */
export function lookedFor(flow, index, at, value) {
  const half = halfOf(flow, index);
  let slopes = new Float64Array(half.steps[at].y.length);
  slopes[value] = 1;
  let exact = true;
  for (let i = at; i >= 0; i--) {
    const { operation, y } = half.steps[i];
    if (!Object.hasOwn(backwards, operation.op)) return null;
    const x = readBy(half, i);
    const into = new Float64Array(x.length);
    wakeSilenced(flow, index, i, slopes);
    backwards[operation.op](operation, flow.weights, x, y, slopes, into);
    const straight = SUMS_ONLY.has(operation.op) || ALSO_STRAIGHT.has(operation.op);
    exact &&= straight || STRAIGHT.has(operation.kind);
    slopes = into;
  }
  return { slopes, exact };
}

/**
 * What is silenced passes nothing on.
 * @param {Flow} flow
 * @param {number} upTo the stage that is asked about
 * @param {number} at
 * @param {Float64Array} slopes by what operation `at` gives
 */
function wakeSilenced(flow, upTo, at, slopes) {
  const { part } = flow.stages[upTo];
  const index = flow.stages.findIndex((stage) => stage.part === part && stage.end - 1 === at);
  const silent = index >= 0 && index < upTo ? flow.silent[index] : null;
  if (!silent) return;
  const each = slopes.length / silent.length;
  for (let unit = 0; unit < silent.length; unit++) {
    if (silent[unit]) slopes.fill(0, unit * each, (unit + 1) * each);
  }
}
