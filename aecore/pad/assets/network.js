// @ts-check
// A network that aecore/pad/network.py exported, ready to run; it knows nothing of the page.

import { product } from "./arithmetic.js";
import { operations } from "./operations.js";

/** @import { Network, NetworkMeta, NumberArray, Operation, Run } from "./types.js" */

/**
 * A list of operations, each ready to run on the values of the one before.
 *
 * @typedef {object} Prepared
 * @property {Float32Array} input what the first of them reads
 * @property {{ operation: Operation, run: Run, y: Float32Array }[]} steps y: what it gives
 * @property {NumberArray[]} pile values kept for later, the last on top
 */

/**
 * @param {Operation[]} list
 * @param {Float32Array} weights
 * @param {number} size of what enters
 * @returns {Prepared}
 */
export function prepare(list, weights, size) {
  /** @type {(offset: number, length: number) => Float32Array} */
  const take = (offset, length) => {
    if (!(offset + length <= weights.length)) throw new Error("weights are missing");
    return weights.subarray(offset, offset + length);
  };
  /** @type {NumberArray[]} */
  const pile = [];
  const steps = list.map((operation) => {
    if (!Object.hasOwn(operations, operation.op)) {
      throw new Error(`unknown operation ${operation.op}`);
    }
    const run = operations[operation.op](operation, take, pile);
    return { operation, run, y: new Float32Array(operation.writes) };
  });
  return { input: new Float32Array(size), steps, pile };
}

/**
 * Prepare a list of operations.
 *
 * The returned function maps `size` numbers to the network's own output buffer, which the next
 * call overwrites; it allocates nothing.
 * @param {Operation[]} list
 * @param {Float32Array} weights
 * @param {number} size
 * @returns {(input: NumberArray) => Float32Array}
 */
export function compile(list, weights, size) {
  const { input: copy, steps, pile } = prepare(list, weights, size);
  return (input) => {
    let x = copy;
    x.set(input);
    pile.length = 0;
    for (const { run, y } of steps) {
      run(x, y);
      x = y;
    }
    return x;
  };
}

/**
 * A network from its exported description and weights.
 *
 * decode(z) gives x_hat, encode(x) gives {mu, logvar}, logvar null unless variational.
 * Throws with a sentence for a person.
 * @param {NetworkMeta} meta
 * @param {Float32Array | undefined} weights
 * @returns {Network}
 */
export function createNetwork(meta, weights) {
  if (!weights || weights.length !== meta.weights) {
    throw new Error(`The model has ${meta.weights} weights, but ${weights?.length} came.`);
  }
  if (!weights.every(Number.isFinite)) {
    throw new Error("The weights of this model contain NaN or infinity: it cannot decode.");
  }
  const latentDim = meta.latent_dim;
  const encoder = compile(meta.encoder, weights, product(meta.shape));
  const decoder = compile(meta.decoder, weights, latentDim);
  return {
    variational: meta.variational,
    decode: decoder,
    encode(x) {
      const out = encoder(x);
      return {
        mu: out.subarray(0, latentDim),
        logvar: meta.variational ? out.subarray(latentDim, 2 * latentDim) : null,
      };
    },
  };
}
