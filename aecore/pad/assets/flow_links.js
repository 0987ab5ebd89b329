// @ts-check
// The strongest links into a layer: weight times the activation that it carries.

import { product } from "./arithmetic.js";
import { activationsOf, halfOf, isOutput, readBy, valuesOfUnit } from "./flow_engine.js";
import { kernelAt } from "./flow_gradient.js";

/** @import { Flow } from "./flow_engine.js" */
/** @import { Operation } from "./types.js" */

/**
 * from: an index among the values that enter (of a convolution a channel), to: a unit.
 * @typedef {{ from: number, to: number, by: number }} Link
 */

/** Keeps the `most` strongest of what is offered, the strongest first. */
class Strongest {
  /** @param {number} most */
  constructor(most) {
    this.most = most;
    /** @type {Link[]} */
    this.links = [];
    this.least = 0;
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {number} by
   */
  offer(from, to, by) {
    const { links, most } = this;
    const strength = Math.abs(by);
    let at = links.length;
    while (at && Math.abs(links[at - 1].by) < strength) at--;
    links.splice(at, 0, { from, to, by });
    if (links.length > most) links.pop();
    this.least = links.length === most ? Math.abs(links[most - 1].by) : 0;
  }
}

/**
 * The strongest links into a stage, or none where it is no sum over what entered.
 * @param {Flow} flow that has run
 * @param {number} index of the stage
 * @param {number} most
 * @returns {{ links: Link[], byChannel: boolean }}
 */
export function strongestInto(flow, index, most) {
  const stage = flow.stages[index];
  const half = halfOf(flow, index);
  if (stage.sum === null || stage.sum !== stage.first) return { links: [], byChannel: false };
  const { operation } = half.steps[stage.sum];
  const x = readBy(half, stage.sum);
  const given = activationsOf(flow, index);
  const found = new Strongest(most);
  if (operation.op === "linear") {
    if (operation.rows === 1) linear(flow, index, operation, x, given, found);
    return { links: found.links, byChannel: false };
  }
  convolution(flow, operation, x, given, found);
  return { links: found.links, byChannel: true };
}

/** @type {WeakMap<Operation, Float32Array>} the largest weight of each value that enters */
const largestKept = new WeakMap();

/**
 * @param {Operation} operation
 * @param {Float32Array} weights
 */
function largestBy(operation, weights) {
  const kept = largestKept.get(operation);
  if (kept) return kept;
  const [n, outputs] = [Number(operation.in), Number(operation.out)];
  const largest = new Float32Array(n);
  for (let o = 0, at = operation.w; o < outputs; o++) {
    for (let i = 0; i < n; i++, at++) {
      const size = Math.abs(weights[at]);
      if (size > largest[i]) largest[i] = size;
    }
  }
  largestKept.set(operation, largest);
  return largest;
}

/**
 * Only into units that give something: behind the others nothing goes on.
 *
 * What enters is taken by the most that it could bring, so that a few are enough to know the rest
 * to be weaker.
 * @param {Flow} flow
 * @param {number} index
 * @param {Operation} operation
 * @param {Float32Array} x
 * @param {Float32Array} given
 * @param {Strongest} found
 */
function linear(flow, index, operation, x, given, found) {
  const { weights, meta } = flow;
  const n = Number(operation.in);
  // Of a variational code the means are drawn.
  const outputs = index === flow.codeStage ? meta.latent_dim : Number(operation.out);
  const largest = largestBy(operation, weights);
  const most = largest.map((weight, i) => weight * Math.abs(x[i]));
  const order = [...most.keys()].filter((i) => most[i] > 0).sort((a, b) => most[b] - most[a]);
  // A picture's pixels are ends of links each, of feature maps the map is.
  const each = isOutput(flow, index) ? 1 : valuesOfUnit(flow.stages[index]);
  for (const i of order) {
    if (most[i] <= found.least) return;
    const value = x[i];
    for (let o = 0, at = operation.w + i; o < outputs; o++, at += n) {
      const by = weights[at] * value;
      if ((by > found.least || -by > found.least) && given[o] !== 0) {
        found.offer(i, Math.floor(o / each), by);
      }
    }
  }
}

/**
 * From map to map: what one channel adds to another, summed over the map.
 * @param {Flow} flow
 * @param {Operation} operation
 * @param {Float32Array} x
 * @param {Float32Array} given
 * @param {Strongest} found
 */
function convolution({ weights }, operation, x, given, found) {
  const transposed = operation.op === "conv_transpose2d";
  const taps = product(operation.kernel);
  const inputs = operation.in[0];
  const sums = sumsByTap(operation, x);
  const outputs = operation.out[0];
  const each = given.length / outputs;
  const stride = transposed ? inputs / operation.groups : 1; // from a tap's weight to the next
  for (let o = 0; o < outputs; o++) {
    if (allZero(given, o * each, (o + 1) * each)) continue;
    const group = Math.floor((o * operation.groups) / outputs);
    const first = (group * inputs) / operation.groups;
    for (let c = first; c < first + inputs / operation.groups; c++) {
      const [coarse, fine] = transposed ? [c, o] : [o, c];
      let at = operation.w + kernelAt(operation, coarse, fine, 0);
      let by = 0;
      for (let t = c * taps; t < (c + 1) * taps; t++, at += stride) by += weights[at] * sums[t];
      if (Math.abs(by) > found.least) found.offer(c, o, by);
    }
  }
}

/**
 * @param {Float32Array} values
 * @param {number} from
 * @param {number} to
 */
function allZero(values, from, to) {
  for (let i = from; i < to; i++) if (values[i] !== 0) return false;
  return true;
}

/**
 * What each tap of a kernel reads of each channel, summed over all places: first along the rows
 * for each of the kernel's columns, then those sums along the columns.
 * @param {Operation} operation
 * @param {Float32Array} x
 */
function sumsByTap(operation, x) {
  const [tall, wide] = operation.kernel;
  const [channels, height, width] = operation.in;
  const [rows, columns] = [readsAlong(operation, 0), readsAlong(operation, 1)];
  const sums = new Float64Array(channels * tall * wide);
  const ofRow = new Float64Array(height);
  for (let c = 0; c < channels; c++) {
    for (let v = 0; v < wide; v++) {
      for (let row = 0, start = c * height * width; row < height; row++, start += width) {
        let sum = 0;
        for (const column of columns[v]) sum += x[start + column];
        ofRow[row] = sum;
      }
      for (let u = 0; u < tall; u++) {
        let sum = 0;
        for (const row of rows[u]) sum += ofRow[row];
        sums[(c * tall + u) * wide + v] = sum;
      }
    }
  }
  return sums;
}

/** @type {WeakMap<Operation, number[][][]>} */
const readsKept = new WeakMap();

/**
 * For each tap along an axis: the lines of what enters that it reads, or of a transposed
 * convolution those that it carries into the picture.
 * @param {Operation} operation
 * @param {0 | 1} axis
 */
function readsAlong(operation, axis) {
  const kept = readsKept.get(operation);
  if (kept) return kept[axis];
  const transposed = operation.op === "conv_transpose2d";
  const { kernel, stride, padding, dilation = [1, 1] } = operation;
  const both = [0, 1].map((along) => {
    const [ins, outs] = [operation.in[along + 1], operation.out[along + 1]];
    const [coarse, fine] = transposed ? [ins, outs] : [outs, ins];
    return Array.from({ length: kernel[along] }, (_, tap) => {
      const reads = [];
      for (let place = 0; place < coarse; place++) {
        const line = place * stride[along] - padding[along] + tap * dilation[along];
        if (line >= 0 && line < fine) reads.push(transposed ? place : line);
      }
      return reads;
    });
  });
  readsKept.set(operation, both);
  return both[axis];
}
