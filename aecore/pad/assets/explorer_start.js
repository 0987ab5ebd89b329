// @ts-check
// Starts the pad and the network at work in an explorer file: unpacks the arrays that it holds.

import networkAtWork from "./flow_main.js";
import latentPad from "./main.js";

/** @import { ComponentData } from "./types.js" */

/**
 * Half precision to single.
 * @param {number} bits
 */
function unhalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (!exponent) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const halves = Float32Array.from({ length: 65536 }, (_, bits) => unhalf(bits));

/**
 * Each array from its place among all bytes, by the name of its kind.
 * @type {Record<string, (bytes: ArrayBuffer, at: number, length: number) => ArrayBufferView>}
 */
const readers = {
  half(bytes, at, length) {
    const [low, high] = [new Uint8Array(bytes, at), new Uint8Array(bytes, at + length)];
    return Float32Array.from({ length }, (_, i) => halves[low[i] | (high[i] << 8)]);
  },
  uint8: (bytes, at, length) => new Uint8Array(bytes, at, length),
  int16: (bytes, at, length) => new Int16Array(bytes, at, length),
  float32: (bytes, at, length) => new Float32Array(bytes, at, length),
};

/** @param {string} id */
const textOf = (id) => document.getElementById(id)?.textContent ?? "";

async function startExplorer() {
  const { meta, options, arrays } = JSON.parse(textOf("bundle"));
  const packed = Uint8Array.from(atob(textOf("arrays")), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  /** @type {ComponentData} */
  const data = { meta, options };
  for (const { name, type, at, length } of arrays) data[name] = readers[type](bytes, at, length);
  latentPad({ data, parentElement: document });
  const drawing = { name: "network", height: 300, compact: false, facts: false };
  networkAtWork({ data: { ...data, options: drawing }, parentElement: document });
}

startExplorer().catch((error) => {
  const failed = document.getElementById("failed");
  if (failed) failed.hidden = false;
  throw error;
});
