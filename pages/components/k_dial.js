// @ts-check
// One digit as it is, and as models with small and large codes draw it again. All pictures came in
// one message, so a hand on the dial asks nothing of the server.

import { showOther } from "../../aecore/pad/assets/parts.js";
import { make, paint } from "../../aecore/pad/assets/pictures.js";

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

const TOP = 27; // pixels of a chart above its lines
const LINE = "here"; // through the marks of the stop
const MARK = { here: "6", elsewhere: "3.2" }; // pixels of a radius

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
  /** @type {Record<string, any>} */
  const parts = {};
  for (const node of root.querySelectorAll("[id]")) parts[node.id] = node;
  const { example = 0, stop = meta.start } = root.kDial ?? {};
  const dial = { parts, meta, arrays, example, stop };
  root.kDial = dial;
  parts.dial.max = String(meta.stops.length - 1);
  parts.dial.oninput = () => turnDial(dial, { stop: Number(parts.dial.value) });
  [parts.allHead.textContent, parts.foundHead.textContent] = meta.heads;
  parts.note.textContent = meta.note;
  for (const name of /** @type {const} */ (["error", "meaning"])) {
    parts[name].innerHTML = meta.charts[name];
    const axis = parts[name].querySelector('polyline[stroke="currentColor"]'); // not the legend's
    const line = axis.cloneNode();
    line.classList.add(LINE);
    axis.before(line);
  }
  buildDigits(dial);
  turnDial(dial, {});
}

/** @param {KDial} dial */
function buildDigits(dial) {
  const { parts, meta, arrays } = dial;
  const buttons = meta.captions.map((caption, i) => {
    const button = make("button");
    const canvas = make("canvas");
    paint(canvas, digitOf(arrays.x, i, meta.size), meta.layout);
    button.role = "option";
    button.ariaLabel = caption;
    button.append(canvas);
    button.onclick = () => turnDial(dial, { example: i });
    return button;
  });
  parts.strip.replaceChildren(...buttons);
  parts.strip.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const next = (dial.example + step + buttons.length) % buttons.length;
    turnDial(dial, { example: next });
    buttons[next].focus();
  };
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
  for (const [i, button] of [...parts.strip.children].entries()) {
    button.ariaSelected = String(i === example);
    button.tabIndex = i === example ? 0 : -1;
  }
  markStop(parts.error, meta.stops.length, stop);
  markStop(parts.meaning, meta.stops.length, stop);
}

/**
 * @param {Uint8Array} all
 * @param {number} row
 * @param {number} size
 */
const digitOf = (all, row, size) =>
  Float32Array.from(all.subarray(row * size, (row + 1) * size), (byte) => byte / 255);

/**
 * A line through the marks of the stop, which grow.
 * @param {HTMLElement} chart
 * @param {number} stops
 * @param {number} stop
 */
function markStop(chart, stops, stop) {
  const marks = [...chart.querySelectorAll("circle")];
  for (const [i, mark] of marks.entries()) {
    mark.setAttribute("r", i % stops === stop ? MARK.here : MARK.elsewhere);
  }
  const line = /** @type {SVGPolylineElement} */ (chart.querySelector(`.${LINE}`));
  const axis = /** @type {SVGPolylineElement} */ (line.nextElementSibling);
  const x = marks[stop].cx.baseVal.value;
  line.setAttribute("points", `${x},${TOP} ${x},${axis.points[0].y}`);
}
