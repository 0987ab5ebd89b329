// @ts-check
// The points as they are drawn: in a random order, so that no class lies over the others.

/** @import { Cloud, MapArrays, MapMeta } from "./point_map_types.js" */

export const STATES = { hidden: 0, faint: 1, plain: 2, caught: 3 };
export const UNIT = 16384; // steps from the middle to the edge of what is seen at first

/**
 * @param {MapMeta} meta
 * @param {MapArrays} arrays
 * @returns {Cloud}
 */
export function readCloud(meta, { pca, model, labels, images, neighbours }) {
  const n = meta.points;
  const order = shuffled(n);
  const slots = new Int32Array(n);
  for (let slot = 0; slot < n; slot++) slots[order[slot]] = slot;
  return {
    meta,
    n,
    pca: pairsInOrder(pca, order),
    model: pairsInOrder(model, order),
    classes: Int16Array.from(order, (example) => 1 + (labels?.[example] ?? -1)),
    states: new Uint8Array(n).fill(STATES.plain),
    order,
    slots,
    images: images ?? new Uint8Array(),
    neighbours: Int32Array.from(neighbours ?? []),
    hidden: [],
    caught: null,
  };
}

/**
 * The numbers below n in the same random order each time (Fisher and Yates).
 * @param {number} n
 */
export function shuffled(n) {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  let seed = 2463534242;
  for (let i = n - 1; i > 0; i--) {
    seed ^= seed << 13; // xorshift (Marsaglia 2003)
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    const j = (seed >>> 0) % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/**
 * @param {Int16Array} pairs
 * @param {Int32Array} order
 */
function pairsInOrder(pairs, order) {
  const out = new Int16Array(2 * order.length);
  for (let slot = 0; slot < order.length; slot++) {
    out[2 * slot] = pairs[2 * order[slot]];
    out[2 * slot + 1] = pairs[2 * order[slot] + 1];
  }
  return out;
}

/**
 * Say of each slot how it is drawn.
 * @param {Cloud} cloud
 */
export function markStates(cloud) {
  const { n, classes, states, hidden, caught, slots } = cloud;
  const others = caught ? STATES.faint : STATES.plain;
  for (let slot = 0; slot < n; slot++) {
    states[slot] = hidden[classes[slot]] ? STATES.hidden : others;
  }
  for (const example of caught ?? []) {
    const slot = slots[example];
    if (states[slot] !== STATES.hidden) states[slot] = STATES.caught;
  }
}

/**
 * Example i in the units of the data; its bytes span their range.
 * @param {Cloud} cloud
 * @param {number} i
 */
export function exampleOf({ meta: { size, range }, images }, i) {
  const [low, high] = range;
  const bytes = images.subarray(i * size, (i + 1) * size);
  return Float32Array.from(bytes, (byte) => low + (byte / 255) * (high - low));
}

/**
 * The class of example i in words, or "".
 * @param {Cloud} cloud
 * @param {number} i
 */
export const classNameOf = ({ meta, classes, slots }, i) =>
  meta.classes[classes[slots[i]] - 1]?.name ?? "";

/**
 * The colour of a class, as in `cloud.classes`.
 * @param {Cloud} cloud
 * @param {number} index
 */
export const colorOfClass = ({ meta }, index) => meta.classes[index - 1]?.color ?? "#8a8f98";

/**
 * A CSS colour of six digits as red, green, blue.
 * @param {string} color
 */
export const channelsOf = (color) =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));

/**
 * Where example i is, in map units.
 * @param {Cloud} cloud
 * @param {number} i
 * @param {number} t
 */
export function placeOfExample({ pca, model, slots }, i, t) {
  const at = 2 * slots[i];
  return {
    x: (pca[at] + t * (model[at] - pca[at])) / UNIT,
    y: (pca[at + 1] + t * (model[at + 1] - pca[at + 1])) / UNIT,
  };
}
