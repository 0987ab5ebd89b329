// @ts-check
// The strongest links into a layer: weight times the activation that it carries.

import { product } from "./arithmetic.js";
import { activationsOf, halfOf, readBy, valuesOfUnit } from "./flow_engine.js";
import { gridsOf, kernelAt } from "./flow_gradient.js";

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

/**
 * Only into units that give something: behind the others nothing goes on.
 * @param {Flow} flow
 * @param {number} index
 * @param {Operation} operation
 * @param {Float32Array} x
 * @param {Float32Array} given
 * @param {Strongest} found
 */
function linear(flow, index, { in: inputs, out, w }, x, given, found) {
  const { weights, meta } = flow;
  const n = Number(inputs);
  // Of a variational code the means are drawn.
  const outputs = index === flow.codeStage ? meta.latent_dim : Number(out);
  const live = [];
  for (let i = 0; i < n; i++) if (x[i] !== 0) live.push(i);
  // A picture's pixels are ends of links each, of feature maps the map is.
  const each = index === flow.stages.length - 1 ? 1 : valuesOfUnit(flow.stages[index]);
  for (let o = 0, row = w; o < outputs; o++, row += n) {
    if (given[o] === 0) continue;
    for (const i of live) {
      const by = weights[row + i] * x[i];
      if (by > found.least || -by > found.least) found.offer(i, Math.floor(o / each), by);
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
  const { transposed, coarse, fine, places } = gridsOf(operation);
  const taps = product(operation.kernel);
  const [fineSize, coarseSize] = [fine[1] * fine[2], coarse[1] * coarse[2]];
  const inputs = operation.in[0];
  const size = transposed ? coarseSize : fineSize;
  const sums = new Float64Array(inputs * taps);
  for (let c = 0; c < inputs; c++) {
    for (let i = 0; i < places.length; i++) {
      if (places[i] < 0) continue;
      sums[c * taps + (i % taps)] += x[c * size + (transposed ? Math.floor(i / taps) : places[i])];
    }
  }
  const outputs = operation.out[0];
  const each = given.length / outputs;
  for (let o = 0; o < outputs; o++) {
    if (!given.subarray(o * each, (o + 1) * each).some(Boolean)) continue;
    const group = Math.floor((o * operation.groups) / outputs);
    const first = (group * inputs) / operation.groups;
    for (let c = first; c < first + inputs / operation.groups; c++) {
      let by = 0;
      for (let t = 0; t < taps; t++) {
        const at = transposed ? kernelAt(operation, c, o, t) : kernelAt(operation, o, c, t);
        by += weights[operation.w + at] * sums[c * taps + t];
      }
      if (Math.abs(by) > found.least) found.offer(c, o, by);
    }
  }
}
