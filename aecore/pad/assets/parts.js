// @ts-check
// Arrays that lie beside the app under the name of their content (pages/components/parts.py).

import { unpackArrays } from "./bundle.js";

/** @import { Arrays, ComponentData } from "./types.js" */
/**
 * Where each array lies, and what its numbers are.
 * @typedef {Record<string, { at: string, type: string }>} Parts
 */

const KEPT = 24; // arrays that are kept here; beyond them the browser's own store has them
const AGAIN_MS = 800; // until what failed is fetched once more
const OFFERED_MS = 2500; // until a page has offered again what the server had given up

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
 * What a component is mounted on; `wanted` counts what it was asked to show.
 * @typedef {HTMLElement & { wanted?: number }} Waiting
 */

/**
 * Have what is under way for a component not be shown any more.
 * @param {Waiting} root
 * @returns {number}
 */
export function overtake(root) {
  root.wanted = (root.wanted ?? 0) + 1;
  return root.wanted;
}

/**
 * Show a message once the arrays that it names are here, at once where all are: of several messages
 * the newest alone, however long older arrays take. Until the first is shown nothing can be pressed
 * (`inert` in the markup): it would do nothing. What the server has given up, or while it is
 * away, the page is asked to offer again.
 * @param {Waiting} root
 * @param {{ data: ComponentData, setTriggerValue?: (name: any, value: any) => void }} given
 * @param {(arrays: any) => void} show
 * @param {() => void} [lacks] called where they did not arrive
 */
export function showWithParts(root, given, show, lacks = () => {}) {
  const turn = overtake(root);
  const parts = given.data.parts ?? {};
  const atHand = partsAtHand(parts);
  if (atHand) {
    root.removeAttribute("aria-busy");
    show(atHand);
    root.inert = false;
    return;
  }
  root.setAttribute("aria-busy", "true");
  fetchParts(parts).then(
    (arrays) => {
      if (turn !== root.wanted) return;
      root.removeAttribute("aria-busy");
      show(arrays);
      root.inert = false;
    },
    () => {
      if (turn !== root.wanted) return;
      lacks();
      given.setTriggerValue?.("lost", { token: `${Date.now()}` });
      // What is offered is the same as before, so Streamlit does not call the component for it.
      setTimeout(() => turn === root.wanted && showWithParts(root, given, show, lacks), OFFERED_MS);
    },
  );
}

/**
 * A component that shows one thing until it is given another: drawn anew for another `meta.id`
 * alone. Returns what ends it.
 * @param {Waiting} root
 * @param {{ data: ComponentData, setTriggerValue?: (name: any, value: any) => void }} given
 * @param {string | undefined} shown the `meta.id` of what it shows
 * @param {(arrays: any) => void} show with all arrays, those that lie beside the app too
 */
export function showOther(root, given, shown, show) {
  if (shown === given.data.meta.id) overtake(root);
  else {
    showWithParts(root, given, (fetched) => show({ ...unpackArrays(given.data), ...fetched }));
  }
  return () => {
    overtake(root);
  };
}

/**
 * All arrays if they are here already, else null.
 * @param {Parts} parts
 * @returns {Arrays | null}
 */
function partsAtHand(parts) {
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
async function fetchParts(parts) {
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
