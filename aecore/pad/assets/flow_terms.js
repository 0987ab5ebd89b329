// @ts-check
// What one unit adds up: its terms of weight times input, its bias, and the curve behind.

import { activations } from "./activations.js";
import { product } from "./arithmetic.js";
import { activationsOf, halfOf, isOutput, readBy, valuesOfUnit } from "./flow_engine.js";
import { gridsOf, kernelAt } from "./flow_gradient.js";

/** @import { Flow } from "./flow_engine.js" */
/** @import { Operation } from "./types.js" */

/** @typedef {{ from: number, weight: number, x: number, by: number }} Term */
/**
 * @typedef {object} Sum
 * @property {number} value the index of it among the stage's values
 * @property {Term[]} terms the largest first
 * @property {number} count of all terms
 * @property {number} [rest] the sum of those that are left out here
 * @property {number} bias
 * @property {number} total
 */

/**
 * The value of a unit that is looked at: of a feature map its strongest place.
 * @param {Flow} flow
 * @param {number} index of the stage
 * @param {number} unit
 */
export function strongestOf(flow, index, unit) {
  if (isOutput(flow, index)) return unit;
  const each = valuesOfUnit(flow.stages[index]);
  const values = activationsOf(flow, index);
  let best = unit * each;
  for (let i = best; i < (unit + 1) * each; i++) {
    if (Math.abs(values[i]) > Math.abs(values[best])) best = i;
  }
  return best;
}

/**
 * The sum behind one value of a stage; null where it is no sum.
 * @param {Flow} flow that has run
 * @param {number} index of the stage
 * @param {number} value
 * @returns {Sum | null}
 */
export function sumOf(flow, index, value) {
  const { sum } = flow.stages[index];
  if (sum === null) return null;
  const half = halfOf(flow, index);
  const { operation, y } = half.steps[sum];
  const x = readBy(half, sum);
  const { weights } = flow;
  const found = operation.op === "linear" ? ofLinear(operation, value) : ofWindow(operation, value);
  const terms = found.map(({ from, at }) => {
    const weight = weights[operation.w + at];
    return { from, weight, x: x[from], by: weight * x[from] };
  });
  const count = terms.length;
  terms.sort((a, b) => Math.abs(b.by) - Math.abs(a.by));
  return {
    value,
    terms,
    count,
    bias: weights[operation.b + biasAt(operation, value)],
    total: y[value],
  };
}

/**
 * @param {Operation} operation
 * @param {number} value
 */
function biasAt({ op, out }, value) {
  return op === "linear" ? value % Number(out) : Math.floor(value / (out[1] * out[2]));
}

/** @typedef {{ from: number, at: number }[]} Reads which values are read, by which weights */

/**
 * @param {Operation} operation
 * @param {number} value
 * @returns {Reads}
 */
function ofLinear(operation, value) {
  const [inputs, outputs] = [Number(operation.in), Number(operation.out)];
  const row = Math.floor(value / outputs);
  const first = (value % outputs) * inputs;
  return Array.from({ length: inputs }, (_, i) => ({ from: row * inputs + i, at: first + i }));
}

/**
 * @param {Operation} operation
 * @param {number} value
 * @returns {Reads}
 */
function ofWindow(operation, value) {
  const { transposed, places } = gridsOf(operation);
  const taps = product(operation.kernel);
  const size = operation.out[1] * operation.out[2];
  const inner = operation.in[1] * operation.in[2];
  const [to, place] = [Math.floor(value / size), value % size];
  /** @type {[number, number][]} place that is read, tap */
  const read = [];
  for (let i = 0; i < places.length; i++) {
    if (places[i] < 0) continue;
    const coarsePlace = Math.floor(i / taps);
    if (transposed && places[i] === place) read.push([coarsePlace, i % taps]);
    if (!transposed && coarsePlace === place) read.push([places[i], i % taps]);
  }
  const each = operation.in[0] / operation.groups;
  const group = Math.floor((to * operation.groups) / operation.out[0]);
  const found = [];
  for (let c = group * each; c < (group + 1) * each; c++) {
    for (const [from, tap] of read) {
      const at = transposed ? kernelAt(operation, c, to, tap) : kernelAt(operation, to, c, tap);
      found.push({ from: c * inner + from, at });
    }
  }
  return found;
}

/**
 * The curve behind a stage's sums, as a function of one number; null where there is none, or where
 * it looks at other units too.
 * @param {Flow} flow
 * @param {number} index
 * @returns {((x: number) => number) | null}
 */
export function curveOf(flow, index) {
  const { sum, end, curves: told } = flow.stages[index];
  if (sum === null || sum + 1 >= end) return null;
  const rest = flow.given
    ? (told ?? [])
    : halfOf(flow, index)
        .steps.slice(sum + 1, end)
        .map(({ operation }) => operation);
  if (!rest.length || !rest.every(({ op }) => op === "activation")) return null;
  const curves = rest.map((operation) => activations[operation.kind](operation));
  return (x) => curves.reduce((value, f) => f(value), x);
}
