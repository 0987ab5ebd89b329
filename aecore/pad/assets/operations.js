// @ts-check
// Each kind of operation that the layers' entries name (aecore/models/layers), by its name.

import { activations } from "./activations.js";
import { multiply } from "./arithmetic.js";
import { convolve, convolveTransposed, pool } from "./convolution.js";
import { pick, shuffle, unshuffle } from "./places.js";

/** @import { NumberArray, Operation, Run, Take } from "./types.js" */

/**
 * Each kind of operation: (operation, take, pile) -> (x, y) => void, which reads x and fills y.
 * take(offset, size) is a view of the weights. pile: values kept for later; what is put on it
 * must not change before it is taken off, as no step's own values do. Sums are in float64 and
 * rounded once: at least as exact as torch.
 * @type {Record<string, (operation: Operation, take: Take, pile: NumberArray[]) => Run>}
 */
export const operations = {
  linear(operation, take) {
    const { rows } = operation;
    /** @type {{ in: any, out: any }} */
    const { in: inputs, out: outputs } = operation;
    const weights = take(operation.w, inputs * outputs);
    const bias = take(operation.b, outputs);
    return (x, y) => {
      for (let r = 0; r < rows; r++) {
        y.set(bias, r * outputs);
        multiply(weights, inputs, outputs, x, r * inputs, y, r * outputs);
      }
    };
  },

  conv2d: convolve,

  conv_transpose2d: convolveTransposed,

  affine({ channels, size, w, b }, take) {
    const scale = take(w, channels);
    const shift = take(b, channels);
    return (x, y) => {
      for (let c = 0, i = 0; c < channels; c++) {
        for (const end = i + size; i < end; i++) y[i] = x[i] * scale[c] + shift[c];
      }
    };
  },

  layer_norm({ rows, size, eps, w, b }, take) {
    const scale = take(w, size);
    const shift = take(b, size);
    return (x, y) => {
      for (let start = 0; start < rows * size; start += size) {
        let mean = 0;
        let variance = 0;
        for (let i = 0; i < size; i++) mean += x[start + i] / size;
        for (let i = 0; i < size; i++) variance += (x[start + i] - mean) ** 2 / size;
        const by = 1 / Math.sqrt(variance + eps);
        for (let i = 0; i < size; i++) {
          y[start + i] = (x[start + i] - mean) * by * scale[i] + shift[i];
        }
      }
    };
  },

  group_norm({ groups, channels, size, eps, w, b }, take) {
    const scale = take(w, channels);
    const shift = take(b, channels);
    const together = (channels / groups) * size;
    return (x, y) => {
      for (let start = 0; start < channels * size; start += together) {
        let mean = 0;
        let variance = 0;
        for (let i = 0; i < together; i++) mean += x[start + i] / together;
        for (let i = 0; i < together; i++) variance += (x[start + i] - mean) ** 2 / together;
        const by = 1 / Math.sqrt(variance + eps);
        for (let i = start; i < start + together; i++) {
          const c = Math.floor(i / size);
          y[i] = (x[i] - mean) * by * scale[c] + shift[c];
        }
      }
    };
  },

  prelu({ channels, each, w }, take) {
    const slopes = take(w, channels);
    return (x, y) => {
      for (let i = 0; i < y.length; i++)
        y[i] = x[i] > 0 ? x[i] : slopes[Math.floor(i / each)] * x[i];
    };
  },

  softmax({ size, inner }) {
    return (x, y) => {
      for (let start = 0; start < y.length; start += size * inner) {
        for (let first = start; first < start + inner; first++) {
          const end = first + size * inner;
          let most = -Infinity;
          let sum = 0;
          for (let i = first; i < end; i += inner) most = Math.max(most, x[i]);
          for (let i = first; i < end; i += inner) sum += Math.exp(x[i] - most);
          for (let i = first; i < end; i += inner) y[i] = Math.exp(x[i] - most) / sum;
        }
      }
    };
  },

  second_head({ kind, size, low, high }) {
    if (!Object.hasOwn(secondHeads, kind)) throw new Error(`unknown second head ${kind}`);
    const logvar = secondHeads[kind];
    const half = size / 2;
    return (x, y) => {
      for (let i = 0; i < half; i++) {
        y[i] = x[i];
        y[half + i] = logvar(Math.min(Math.max(x[half + i], low ?? -Infinity), high ?? Infinity));
      }
    };
  },

  join_constant({ size, more, first, w }, take) {
    const values = take(w, more);
    return (x, y) => {
      y.set(values, first ? 0 : size);
      y.set(x, first ? more : 0);
    };
  },

  keep: (_, __, pile) => (x, y) => {
    pile.push(x);
    y.set(x);
  },

  exchange: (_, __, pile) => (x, y) => {
    y.set(taken(pile));
    pile.push(x);
  },

  add: (_, __, pile) => (x, y) => {
    const kept = taken(pile);
    for (let i = 0; i < y.length; i++) y[i] = kept[i] + x[i];
  },

  join: (_, __, pile) => (x, y) => {
    const kept = taken(pile);
    y.set(kept);
    y.set(x, kept.length);
  },

  pick,

  pixel_shuffle: shuffle,

  pixel_unshuffle: unshuffle,

  activation(operation) {
    if (!Object.hasOwn(activations, operation.kind)) {
      throw new Error(`unknown activation ${operation.kind}`);
    }
    const f = activations[operation.kind](operation);
    return (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = f(x[i]);
    };
  },

  top_k({ k, size }) {
    const sorted = new Float32Array(size);
    return (x, y) => {
      sorted.set(x);
      const least = sorted.sort()[size - k];
      for (let i = 0; i < size; i++) y[i] = x[i] >= least ? x[i] : 0;
    };
  },

  interpolate(operation) {
    const [channels, height, width] = operation.in;
    /** @type {{ rows: any, columns: any }} [index, share of the next] of each output line */
    const { rows, columns } = operation;
    return (x, y) => {
      let o = 0;
      for (let c = 0; c < channels; c++) {
        for (const [row, down] of rows) {
          const start = (c * height + row) * width;
          const below = down ? width : 0;
          for (const [column, right] of columns) {
            const i = start + column;
            const beside = right ? 1 : 0;
            y[o++] =
              (1 - down) * ((1 - right) * x[i] + right * x[i + beside]) +
              down * ((1 - right) * x[i + below] + right * x[i + below + beside]);
          }
        }
      }
    };
  },

  pool2d: pool,
};

/**
 * What the second half of a variational encoder's numbers says, as logvar, by what it is.
 * @type {Record<string, (second: number) => number>}
 */
const secondHeads = {
  "log-variance": (second) => second,
  "log-deviation": (second) => 2 * second,
  deviation: (second) => 2 * Math.log(Math.max(Math.abs(second), 1e-12)),
  softplus_deviation: (second) =>
    2 * Math.log(Math.max(second > 20 ? second : Math.log1p(Math.exp(second)), 1e-12)),
};

/** @param {NumberArray[]} pile */
function taken(pile) {
  const kept = pile.pop();
  if (!kept) throw new Error("nothing was kept");
  return kept;
}
