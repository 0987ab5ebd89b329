// @ts-check
// Arrays that lie beside the app under the name of their content (pages/components/parts.py).

/** @import { Arrays } from "./types.js" */
/**
 * Where each array lies, and what its numbers are.
 * @typedef {Record<string, { at: string, type: string }>} Parts
 */

const KEPT = 24; // arrays that are kept here; beyond them the browser's own store has them
const AGAIN_MS = 800; // until what failed is fetched once more

/** @type {Record<string, (buffer: ArrayBuffer) => ArrayBufferView>} */
const VIEWS = {
  float32: fromPlanes,
  int16: (buffer) => new Int16Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
};

/**
 * Numbers whose first bytes come first, then their second ones, and so on.
 * @param {ArrayBuffer} buffer
 */
function fromPlanes(buffer) {
  const bytes = new Uint8Array(buffer);
  const n = bytes.length / 4;
  const bits = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    bits[i] = bytes[i] | (bytes[n + i] << 8) | (bytes[2 * n + i] << 16) | (bytes[3 * n + i] << 24);
  }
  return new Float32Array(bits.buffer);
}

/** @type {Map<string, ArrayBufferView>} the latest used last */
const fetched = new Map();

/**
 * All arrays if they are here already, else null.
 * @param {Parts} parts
 * @returns {Arrays | null}
 */
export function partsAtHand(parts) {
  /** @type {Record<string, ArrayBufferView>} */
  const arrays = {};
  for (const [name, { at }] of Object.entries(parts)) {
    const array = fetched.get(at);
    if (!array) return null;
    fetched.delete(at);
    fetched.set(at, array);
    arrays[name] = array;
  }
  return /** @type {any} */ (arrays);
}

/**
 * Fetch all arrays. Throws where one cannot be had.
 * @param {Parts} parts
 * @returns {Promise<Arrays>}
 */
export async function fetchParts(parts) {
  const found = await Promise.all(
    Object.entries(parts).map(async ([name, { at, type }]) => [name, await fetchPart(at, type)]),
  );
  return Object.fromEntries(found);
}

/**
 * @param {string} at
 * @param {string} type
 */
async function fetchPart(at, type) {
  const known = fetched.get(at);
  if (known) return known;
  const buffer = await fetchBytes(at).catch(async () => {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    return fetchBytes(at);
  });
  const array = VIEWS[type](buffer);
  fetched.set(at, array);
  for (const oldest of fetched.keys()) {
    if (fetched.size <= KEPT) break;
    fetched.delete(oldest);
  }
  return array;
}

/** @param {string} at */
async function fetchBytes(at) {
  const answer = await fetch(new URL(at, document.baseURI));
  // Whatever stands between may answer with a page of its own.
  const right = answer.headers.get("content-type") === "application/octet-stream";
  if (!answer.ok || !right) throw new Error(`${at} answers ${answer.status}`);
  return answer.arrayBuffer();
}
