// @ts-check
// What dials over shipped models share: digits to choose from, and charts that mark the stop.

import { bringIntoStrip } from "../../aecore/pad/assets/elements.js";
import { make, paint } from "../../aecore/pad/assets/pictures.js";

/** @import { Drawing } from "../../aecore/pad/assets/types.js" */

const TOP = 27; // pixels of a chart above its lines
const LINE = "here"; // through the marks of the stop
const MARK = { here: "6", elsewhere: "3.2" }; // pixels of a radius

/**
 * All elements of a dial that have a name.
 * @param {ParentNode} root
 */
export function namedParts(root) {
  /** @type {Record<string, any>} */
  const parts = {};
  for (const node of root.querySelectorAll("[id]")) parts[node.id] = node;
  return parts;
}

/**
 * One of the pictures that came as bytes.
 * @param {Uint8Array} all
 * @param {number} row
 * @param {number} size
 */
export const digitOf = (all, row, size) =>
  Float32Array.from(all.subarray(row * size, (row + 1) * size), (byte) => byte / 255);

/**
 * A list of digits of which one is chosen, by a press or by the arrows.
 * @param {HTMLElement} strip
 * @param {{ captions: string[], layout: Drawing, size: number }} meta
 * @param {Uint8Array} x
 * @param {(example: number) => void} choose
 */
export function buildStrip(strip, { captions, layout, size }, x, choose) {
  const buttons = captions.map((caption, i) => {
    const button = make("button");
    const canvas = make("canvas");
    paint(canvas, digitOf(x, i, size), layout);
    button.role = "option";
    button.ariaLabel = caption;
    button.append(canvas);
    button.onclick = () => choose(i);
    return button;
  });
  strip.replaceChildren(...buttons);
  strip.onkeydown = (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const now = buttons.findIndex((button) => button.tabIndex === 0);
    const next = (now + step + buttons.length) % buttons.length;
    choose(next);
    buttons[next].focus();
  };
}

/**
 * @param {HTMLElement} strip
 * @param {number} example
 */
export function markChosen(strip, example) {
  for (const [i, button] of /** @type {HTMLElement[]} */ ([...strip.children]).entries()) {
    button.ariaSelected = String(i === example);
    button.tabIndex = i === example ? 0 : -1;
  }
  bringIntoStrip(strip, strip.children[example]);
}

/**
 * A chart, and the line that will go through the marks of the stop.
 * @param {HTMLElement} place
 * @param {string} svg with a mark a stop, the models' first
 */
export function mountChart(place, svg) {
  place.innerHTML = svg;
  const axis = place.querySelector('polyline[stroke="currentColor"]'); // not the legend's
  if (!axis) return;
  const line = /** @type {Element} */ (axis.cloneNode());
  line.classList.add(LINE);
  axis.before(line);
}

/**
 * A line through the marks of the stop, which grow.
 * @param {HTMLElement} chart
 * @param {number} stops
 * @param {number} stop
 */
export function markStop(chart, stops, stop) {
  const marks = [...chart.querySelectorAll("circle")];
  for (const [i, mark] of marks.entries()) {
    mark.setAttribute("r", i % stops === stop ? MARK.here : MARK.elsewhere);
  }
  const line = /** @type {SVGPolylineElement} */ (chart.querySelector(`.${LINE}`));
  const axis = /** @type {SVGPolylineElement} */ (line.nextElementSibling);
  const x = marks[stop].cx.baseVal.value;
  line.setAttribute("points", `${x},${TOP} ${x},${axis.points[0].y}`);
}
