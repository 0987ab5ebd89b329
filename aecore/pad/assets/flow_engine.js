// @ts-check
// A network whose every layer can be looked at while it runs, and silenced in part.

import { product } from "./arithmetic.js";
import { prepare } from "./network.js";

/** @import { Prepared } from "./network.js" */
/** @import { NetworkMeta, NumberArray, ServedMeta, Stage } from "./types.js" */

/**
 * @typedef {object} Flow
 * @property {NetworkMeta} meta
 * @property {Float32Array} weights
 * @property {Stage[]} stages the encoder's, then the decoder's
 * @property {number} codeStage the encoder's last: its values are the code, or mu and logvar
 * @property {Prepared} encoder
 * @property {Prepared} decoder
 * @property {(Uint8Array | null)[]} silent by stage: 1 for each unit that is silenced
 * @property {Map<number, number>} held latent numbers that are held at a value
 * @property {Float32Array} output x_hat, overwritten by the next run
 * @property {Float32Array[] | null} given by stage what the server says that its cells show; null
 *   where the network runs here
 */

/**
 * Buffers of its own: two flows of the same weights do not disturb one another.
 * Throws with a sentence for a person where the weights do not fit.
 * @param {NetworkMeta} meta
 * @param {Float32Array | undefined} weights
 * @returns {Flow}
 */
export function createFlow(meta, weights) {
  if (!weights || weights.length !== meta.weights) {
    throw new Error(`The model has ${meta.weights} weights, but ${weights?.length} came.`);
  }
  const stages = meta.stages ?? [];
  const encoder = prepare(meta.encoder, weights, product(meta.shape));
  const decoder = prepare(meta.decoder, weights, meta.latent_dim);
  return {
    meta,
    weights,
    stages,
    codeStage: stages.findLastIndex(({ part }) => part === "encoder"),
    encoder,
    decoder,
    silent: stages.map(() => null),
    held: new Map(),
    output: decoder.steps.at(-1)?.y ?? decoder.input,
    given: null,
  };
}

/**
 * A network that the server runs: what it gives is written into its buffers.
 * @param {ServedMeta} meta
 * @returns {Flow}
 */
export function createServedFlow(meta) {
  const { stages } = meta;
  const size = product(meta.shape);
  return {
    meta: { ...meta, encoder: [], decoder: [], weights: 0 },
    weights: new Float32Array(),
    stages,
    codeStage: stages.findLastIndex(({ part }) => part === "encoder"),
    encoder: { input: new Float32Array(size), steps: [], pile: [] },
    decoder: { input: new Float32Array(meta.latent_dim), steps: [], pile: [] },
    silent: stages.map(() => null),
    held: new Map(),
    output: new Float32Array(size),
    given: stages.map((stage) => new Float32Array(product(drawnShape(stage)))),
  };
}

/**
 * How much of a stage's values is drawn, the first of its units; of a large model not all.
 * @param {Stage} stage
 */
export const drawnShape = ({ drawn, shape }) => drawn ?? shape;

/**
 * How many units a stage has: feature maps, or single values.
 * @param {Stage} stage
 */
export const unitsOf = ({ shape }) => (shape.length === 3 ? shape[0] : product(shape));

/**
 * How many values each of its units has.
 * @param {Stage} stage
 */
export const valuesOfUnit = ({ shape }) => (shape.length === 3 ? shape[1] * shape[2] : 1);

/**
 * Whether a stage is the output, whose values are opened one by one, also where they are maps.
 * @param {Flow} flow
 * @param {number} index
 */
export const isOutput = (flow, index) => index === flow.stages.length - 1;

/**
 * The half of the model that a stage belongs to.
 * @param {Flow} flow
 * @param {number} index
 */
export const halfOf = (flow, index) =>
  flow.stages[index].part === "encoder" ? flow.encoder : flow.decoder;

/**
 * What a stage gives: its units' activations; of a served one as much as is drawn.
 * @param {Flow} flow
 * @param {number} index
 */
export const activationsOf = (flow, index) =>
  flow.given?.[index] ?? halfOf(flow, index).steps[flow.stages[index].end - 1].y;

/**
 * What an operation of a half reads.
 * @param {Prepared} half
 * @param {number} at
 */
export const readBy = (half, at) => (at > 0 ? half.steps[at - 1].y : half.input);

/**
 * Run a half from one of its stages on; what is silenced gives 0.
 * @param {Flow} flow
 * @param {"encoder" | "decoder"} part
 * @param {number} from the index of a stage of that half, or the first of it
 */
export function runFrom(flow, part, from = part === "encoder" ? 0 : flow.codeStage + 1) {
  const half = flow[part];
  half.pile.length = 0; // between stages nothing is kept
  for (let index = from; index < flow.stages.length; index++) {
    const stage = flow.stages[index];
    if (stage.part !== part) break;
    for (let at = stage.first; at < stage.end; at++) {
      half.steps[at].run(readBy(half, at), half.steps[at].y);
    }
    quieten(flow, index);
  }
}

/**
 * @param {Flow} flow
 * @param {number} index
 */
function quieten(flow, index) {
  const silent = flow.silent[index];
  if (!silent) return;
  const values = activationsOf(flow, index);
  const each = valuesOfUnit(flow.stages[index]);
  for (let unit = 0; unit < silent.length; unit++) {
    if (silent[unit]) values.fill(0, unit * each, (unit + 1) * each);
  }
}

/**
 * Encode x; the code becomes its mean.
 * @param {Flow} flow
 * @param {NumberArray} x
 */
export function encodeBy(flow, x) {
  flow.encoder.input.set(x);
  runFrom(flow, "encoder");
}

/**
 * mu, and logvar of a variational model.
 * @param {Flow} flow
 */
export function codeOfFlow(flow) {
  const given = activationsOf(flow, flow.codeStage);
  const k = flow.meta.latent_dim;
  return {
    mu: given.subarray(0, k),
    logvar: flow.meta.variational ? given.subarray(k, 2 * k) : null,
  };
}

/**
 * Decode z; latent numbers that are held keep their value.
 * @param {Flow} flow
 * @param {NumberArray} z
 */
export function decodeBy(flow, z) {
  flow.decoder.input.set(z);
  for (const [d, value] of flow.held) flow.decoder.input[d] = value;
  runFrom(flow, "decoder");
}

/**
 * Silence a unit, or let it speak again.
 * @param {Flow} flow
 * @param {number} index of its stage
 * @param {number} unit
 * @param {boolean} silent
 */
export function silence(flow, index, unit, silent) {
  const units = flow.silent[index] ?? new Uint8Array(unitsOf(flow.stages[index]));
  units[unit] = silent ? 1 : 0;
  flow.silent[index] = units.some(Boolean) ? units : null;
}

/**
 * How many units and latent numbers are silenced.
 * @param {Flow} flow
 */
export const silencedIn = (flow) =>
  flow.silent.reduce((sum, units) => sum + (units?.reduce((a, b) => a + b, 0) ?? 0), 0) +
  flow.held.size;

/**
 * Everything speaks again.
 * @param {Flow} flow
 */
export function wakeAll(flow) {
  flow.silent.fill(null);
  flow.held.clear();
}

/**
 * Squared error per value.
 * @param {NumberArray} x
 * @param {NumberArray} drawn
 */
export function squaredError(x, drawn) {
  let sum = 0;
  for (let i = 0; i < drawn.length; i++) sum += (x[i] - drawn[i]) ** 2;
  return sum / drawn.length;
}
