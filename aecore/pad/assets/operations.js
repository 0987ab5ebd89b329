// @ts-check
// Each kind of operation that aecore/pad/layers.py writes, by its name.

import { erf, multiply, sigmoid } from "./arithmetic.js";
import { convolve, convolveTransposed, pool } from "./convolution.js";

/** @import { Operation, Run, Take } from "./types.js" */

/**
 * Each activation: operation -> function of one number.
 * @type {Record<string, (operation: Operation) => (x: number) => number>}
 */
const activations = {
  relu: () => (x) => (x > 0 ? x : 0),
  leaky_relu:
    ({ slope }) =>
    (x) =>
      x > 0 ? x : slope * x,
  elu:
    ({ alpha }) =>
    (x) =>
      x > 0 ? x : alpha * Math.expm1(x),
  gelu: ({ approximate }) => (approximate === "tanh" ? geluByTanh : geluByErf),
  silu: () => (x) => x * sigmoid(x),
  tanh: () => Math.tanh,
  sigmoid: () => sigmoid,
};

/** @param {number} x */
const geluByErf = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** @param {number} x */
const geluByTanh = (x) =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

/**
 * Each kind of operation: (operation, take) -> (x, y) => void, which reads x and fills y.
 * take(offset, size) is a view of the weights. Sums are in float64 and rounded once: at least as
 * exact as torch.
 * @type {Record<string, (operation: Operation, take: Take) => Run>}
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
