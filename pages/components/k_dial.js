// @ts-check
// One digit as it is, and as models with small and large codes draw it again. All pictures came in
// one message, so a hand on the dial asks nothing of the server.

import { showOther } from "../../aecore/pad/assets/parts.js";
import { paint } from "../../aecore/pad/assets/pictures.js";
import { buildStrip, digitOf, markChosen, markStop, mountChart, namedParts } from "./dial_parts.js";

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { ComponentData, Drawing } from "../../aecore/pad/assets/types.js" */
/**
 * What k_dial.py says beside its arrays.
 * @typedef {object} DialMeta
 * @property {string} id changes with the content
 * @property {Drawing} layout
 * @property {number} size of an example
 * @property {string[]} captions of the examples
 * @property {number[]} stops numbers in the code
 * @property {number} start the stop at first
 * @property {[number[][], number[][]]} errors by stop and example: the models', PCA's
 * @property {[string[], string[]]} all the same over all held-out examples, in words
 * @property {[string[], string[]]} found how well neighbours tell the class, in words
 * @property {[string, string]} heads of these two columns
 * @property {string} note units
 * @property {{ error: string, meaning: string }} charts SVG with a mark a stop, the models' first
 */
/** @typedef {{ x: Uint8Array, model: Uint8Array, pca: Uint8Array }} DialArrays */
/**
 * @typedef {object} KDial
 * @property {Record<string, any>} parts
 * @property {DialMeta} meta
 * @property {DialArrays} arrays
 * @property {number} example
 * @property {number} stop
 */
/** @typedef {Waiting & { kDial?: KDial }} DialRoot */

/**
 * @param {{ data: ComponentData, parentElement: ParentNode,
 *   setTriggerValue?: (name: "lost", value: object) => void }} given
 */
export default function kDialView(given) {
  const root = /** @type {DialRoot} */ (given.parentElement.querySelector(".kd"));
  const { meta } = given.data;
  return showOther(root, given, root.kDial?.meta.id, (arrays) => showDial(root, meta, arrays));
}

/**
 * @param {DialRoot} root
 * @param {DialMeta} meta
 * @param {DialArrays} arrays
 */
function showDial(root, meta, arrays) {
  const parts = namedParts(root);
  const { example = 0, stop = meta.start } = root.kDial ?? {};
  const dial = { parts, meta, arrays, example, stop };
  root.kDial = dial;
  parts.dial.max = String(meta.stops.length - 1);
  parts.dial.oninput = () => turnDial(dial, { stop: Number(parts.dial.value) });
  [parts.allHead.textContent, parts.foundHead.textContent] = meta.heads;
  parts.note.textContent = meta.note;
  mountChart(parts.error, meta.charts.error);
  mountChart(parts.meaning, meta.charts.meaning);
  buildStrip(parts.strip, meta, arrays.x, (example) => turnDial(dial, { example }));
  turnDial(dial, {});
}

/**
 * Another k, or another digit.
 * @param {KDial} dial
 * @param {{ stop?: number, example?: number }} what
 */
function turnDial(dial, what) {
  Object.assign(dial, what);
  const { parts, meta, arrays, stop, example } = dial;
  const k = meta.stops[stop];
  const numbers = k === 1 ? "1 number" : `${k} numbers`;
  const row = stop * meta.captions.length + example;
  paint(parts.original, digitOf(arrays.x, example, meta.size), meta.layout);
  paint(parts.model, digitOf(arrays.model, row, meta.size), meta.layout);
  paint(parts.pca, digitOf(arrays.pca, row, meta.size), meta.layout);
  parts.original.ariaLabel = `The original: ${meta.captions[example]}`;
  parts.model.ariaLabel = `The autoencoder's drawing from ${numbers}`;
  parts.pca.ariaLabel = `PCA's drawing from ${numbers}`;
  parts.dial.value = String(stop);
  parts.dial.ariaValueText = numbers;
  parts.dialText.textContent = `Numbers in the code, k: ${k}`;
  for (const [i, who] of ["model", "pca"].entries()) {
    parts[`${who}One`].textContent = meta.errors[i][stop][example].toFixed(4);
    parts[`${who}All`].textContent = meta.all[i][stop];
    parts[`${who}Found`].textContent = meta.found[i][stop];
  }
  markChosen(parts.strip, example);
  markStop(parts.error, meta.stops.length, stop);
  markStop(parts.meaning, meta.stops.length, stop);
}
