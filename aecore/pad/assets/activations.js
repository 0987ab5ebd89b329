// @ts-check
// The curves that act on each value, by their names.

import { erf, sigmoid } from "./arithmetic.js";

/** @import { Operation } from "./types.js" */

/**
 * Each activation: operation -> function of one number.
 * @type {Record<string, (operation: Operation) => (x: number) => number>}
 */
export const activations = {
  relu: () => (x) => (x > 0 ? x : 0),
  leaky_relu:
    ({ slope }) =>
    (x) =>
      x > 0 ? x : slope * x,
  elu:
    ({ alpha }) =>
    (x) =>
      x > 0 ? x : alpha * Math.expm1(x),
  celu:
    ({ alpha }) =>
    (x) =>
      x > 0 ? x : alpha * Math.expm1(x / alpha),
  gelu: ({ approximate }) => (approximate === "tanh" ? geluByTanh : geluByErf),
  silu: () => (x) => x * sigmoid(x),
  mish: () => (x) => x * Math.tanh(softplus(x)),
  tanh: () => Math.tanh,
  sigmoid: () => sigmoid,
  log_sigmoid: () => (x) => -softplus(-x),
  softplus:
    ({ beta, threshold }) =>
    (x) =>
      beta * x > threshold ? x : softplus(beta * x) / beta,
  softsign: () => (x) => x / (1 + Math.abs(x)),
  clip({ low, high }) {
    const [least, most] = [low ?? -Infinity, high ?? Infinity];
    return (x) => Math.min(Math.max(x, least), most);
  },
  hard_sigmoid: () => hardSigmoid,
  hard_swish: () => (x) => x * hardSigmoid(x),
  hard_shrink:
    ({ by }) =>
    (x) =>
      Math.abs(x) > by ? x : 0,
  soft_shrink:
    ({ by }) =>
    (x) =>
      Math.sign(x) * Math.max(Math.abs(x) - by, 0),
  threshold:
    ({ at, else: otherwise }) =>
    (x) =>
      x > at ? x : otherwise,
};

/** @param {number} x */
const geluByErf = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** @param {number} x */
const geluByTanh = (x) =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

/**
 * log(1 + exp(x)), also where exp(x) is too large for a number.
 * @param {number} x
 */
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** @param {number} x */
const hardSigmoid = (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1);
