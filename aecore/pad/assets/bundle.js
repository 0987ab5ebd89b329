// @ts-check
// A bundle as Python sent it: its arrays, and what is read from them for one example.

import { multiply } from "./arithmetic.js";

/** @import { Arrays, ComponentData, Layout, Meta, NumberArray } from "./types.js" */

/**
 * @typedef {object} Bundle
 * @property {Meta} meta
 * @property {Arrays} arrays
 * @property {number} latentDim
 * @property {number} size of x
 * @property {Layout} layout
 * @property {Float32Array} mean code
 */

/**
 * A message's typed arrays; Streamlit sends them as Arrow tables.
 * @param {ComponentData} data
 * @returns {any}
 */
export function unpackArrays(data) {
  /** @type {Record<string, ArrayBufferView>} */
  const arrays = {};
  for (const [name, value] of Object.entries(data)) {
    if (ArrayBuffer.isView(value)) arrays[name] = value;
    else if (value?.getChild) arrays[name] = value.getChild("value").toArray();
  }
  return arrays;
}

/**
 * @param {ComponentData} data with a `meta`
 * @returns {Bundle}
 */
export function readBundle(data) {
  /** @type {Meta} */
  const meta = data.meta;
  return {
    meta,
    arrays: unpackArrays(data),
    latentDim: meta.latent_dim,
    size: meta.size,
    layout: meta.layout,
    mean: Float32Array.from(meta.mean),
  };
}

/**
 * Example i of the map; its bytes span the range of the data.
 * @param {Bundle} bundle
 * @param {number} i
 */
export function imageOf({ arrays, meta, size }, i) {
  const [low, high] = meta.range;
  const bytes = arrays.images?.subarray(i * size, (i + 1) * size) ?? [];
  return Float32Array.from(bytes, (byte) => low + (byte / 255) * (high - low));
}

/**
 * The class of example i, if it has one.
 * @param {Bundle} bundle
 * @param {number} i
 */
export const classOf = ({ arrays, meta }, i) => meta.classes[arrays.labels?.[i] ?? -1];

/**
 * @param {Bundle} bundle
 * @param {number} i
 */
export const colorOf = (bundle, i) => classOf(bundle, i)?.color ?? "#8a8f98";

/**
 * PCA's decoding: of an example's own scores, or of the scores that fit a code.
 * @param {Bundle} bundle
 * @param {NumberArray} code
 * @param {NumberArray | null} x
 */
export function decodeByPca({ arrays, latentDim, size }, code, x) {
  const all = arrays.pca ?? new Float32Array();
  /** @type {(from: number, length: number) => Float32Array} */
  const take = (from, length) => all.subarray(from, from + length);
  const components = take(0, latentDim * size);
  const center = take(latentDim * size, size);
  const fit = (latentDim + 1) * size;
  const scores = new Float64Array(latentDim);
  if (x) {
    for (let i = 0; i < size; i++) {
      const difference = x[i] - center[i];
      for (let j = 0; j < latentDim; j++) {
        scores[j] += components[i * latentDim + j] * difference;
      }
    }
  } else {
    scores.set(take(fit + latentDim * latentDim, latentDim));
    multiply(take(fit, latentDim * latentDim), latentDim, latentDim, code, 0, scores, 0);
  }
  const out = center.slice();
  multiply(components, latentDim, size, scores, 0, out, 0);
  return out;
}
