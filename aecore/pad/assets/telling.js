// @ts-check
// What the pad decodes, for whoever else on the page draws the same model.

/** @import { Example, Pad } from "./state.js" */
/**
 * @typedef {object} CodeNews said on the document, as "aecore-code"
 * @property {string} pad its name
 * @property {string} model its id in the bundle's meta
 * @property {Float32Array} z
 * @property {number} index of the example that z is the code of; -1 for none
 */

/**
 * Say what is decoded now, where that is another code than before.
 * @param {Pad} pad
 * @param {Float32Array} code
 * @param {Example | null} example
 */
export function tellCode(pad, code, example) {
  const index = example?.index ?? -1;
  const model = pad.bundle.meta.model.id;
  const now = `${model} ${index} ${code.join()}`;
  if (pad.told === now) return;
  pad.told = now;
  /** @type {CodeNews} */
  const detail = { pad: pad.options.name ?? "", model, z: code.slice(), index };
  document.dispatchEvent(new CustomEvent("aecore-code", { detail }));
}
