// @ts-check
// A line through two histograms that follows the hand, and what it does, counted here: the page is
// asked when the hand lets go.

import { unpackArrays } from "../../aecore/pad/assets/bundle.js";
import { overtake, showWithParts } from "../../aecore/pad/assets/parts.js";
import { make } from "../../aecore/pad/assets/pictures.js";

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { ComponentData } from "../../aecore/pad/assets/types.js" */
/**
 * What line_slider.py says beside its arrays.
 * @typedef {object} LineMeta
 * @property {string} id changes with the content
 * @property {string} name of the scores: where it changes, the line begins anew
 * @property {{ wide: string, narrow: string }} charts SVG, the line in them the last of all
 * @property {Record<string, string>} places style variables: where the axes are
 * @property {[number, number]} span of the axis
 * @property {number} steps
 * @property {number} digits
 * @property {number} start the line at first
 * @property {number} suggested
 * @property {number} rare share of what is strange, by which costs are counted
 * @property {number} missed
 * @property {number} alarm
 */
/** @typedef {{ usual: Float32Array, strange: Float32Array }} LineArrays both ascending */
/**
 * @typedef {object} LineSlider
 * @property {Record<string, any>} parts
 * @property {LineMeta} meta
 * @property {LineArrays} arrays
 * @property {number} line
 * @property {(line: number) => void} say
 */
/** @typedef {Waiting & { slider?: LineSlider }} LineRoot */

/**
 * @param {{ data: ComponentData, parentElement: ParentNode,
 *   setTriggerValue?: (name: any, value: any) => void }} given
 */
export default function lineSlider(given) {
  const root = /** @type {LineRoot} */ (given.parentElement.querySelector(".ls"));
  const { meta } = given.data;
  const say = (/** @type {number} */ line) => given.setTriggerValue?.("line", { line });
  const slider = root.slider;
  if (slider && slider.meta.id === meta.id) {
    overtake(root);
    slider.say = say;
  } else {
    showWithParts(root, given, (fetched) =>
      showLine(root, meta, { ...unpackArrays(given.data), ...fetched }, say),
    );
  }
  return () => {
    overtake(root);
  };
}

/**
 * @param {LineRoot} root
 * @param {LineMeta} meta
 * @param {LineArrays} arrays
 * @param {(line: number) => void} say
 */
function showLine(root, meta, arrays, say) {
  /** @type {Record<string, any>} */
  const parts = {};
  for (const node of root.querySelectorAll("[id]")) parts[node.id] = node;
  // Another price is no reason for a hand to lose its place.
  const before = root.slider?.meta.name === meta.name ? root.slider : null;
  const slider = { parts, meta, arrays, say, line: before?.line ?? meta.start };
  root.slider = slider;
  parts.wide.innerHTML = meta.charts.wide;
  parts.narrow.innerHTML = meta.charts.narrow;
  for (const [name, value] of Object.entries(meta.places)) root.style.setProperty(name, value);
  root.style.setProperty("--color", lineIn(parts.wide).getAttribute("stroke") ?? "");
  parts.line.max = String(meta.steps);
  parts.line.oninput = () => {
    const [low, high] = meta.span;
    slider.line = low + (Number(parts.line.value) / meta.steps) * (high - low);
    drawLine(slider);
  };
  parts.line.onchange = () => slider.say(slider.line);
  parts.back.onclick = () => {
    slider.line = meta.suggested;
    drawLine(slider);
    slider.say(slider.line);
  };
  drawLine(slider);
}

/**
 * @param {HTMLElement} chart
 * @returns {SVGPolylineElement}
 */
const lineIn = (chart) => /** @type {any} */ ([...chart.querySelectorAll("polyline")].at(-1));

/** @param {LineSlider} slider */
function drawLine({ parts, meta, arrays, line }) {
  const [low, high] = meta.span;
  const share = Math.max(0, Math.min(1, (line - low) / (high - low)));
  parts.line.value = String(Math.round(share * meta.steps));
  for (const chart of [parts.wide, parts.narrow]) {
    const drawn = lineIn(chart);
    const { points } = axisOf(chart);
    const x = points[0].x + share * (points[points.length - 1].x - points[0].x);
    for (const point of drawn.points) point.x = x;
  }
  const text = line.toFixed(meta.digits);
  parts.lineText.textContent = `Your line: ${text}`;
  parts.line.ariaValueText = text;
  const [caught, raised] = [above(arrays.strange, line), above(arrays.usual, line)];
  const { rare, missed, alarm } = meta;
  const cost = 1000 * ((1 - rare) * alarm * raised + rare * missed * (1 - caught));
  const whole = cost.toLocaleString("en-US", { maximumFractionDigits: 0 });
  tell(parts.figures, [
    ["Caught", `${(100 * caught).toFixed(1)} %`],
    ["False alarms", `${(100 * raised).toFixed(1)} %`],
    ["Cost", whole],
  ]);
}

/**
 * The horizontal axis, which is drawn first.
 * @param {HTMLElement} chart
 * @returns {SVGPolylineElement}
 */
const axisOf = (chart) =>
  /** @type {any} */ (chart.querySelector('polyline[stroke="currentColor"]'));

/**
 * Which share of ascending scores lies above a line.
 * @param {Float32Array} scores
 * @param {number} line
 */
function above(scores, line) {
  let [from, to] = [0, scores.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (scores[middle] > line) to = middle;
    else from = middle + 1;
  }
  return (scores.length - from) / scores.length;
}

/**
 * @param {HTMLElement} list
 * @param {[string, string][]} figures
 */
function tell(list, figures) {
  if (!list.children.length) {
    for (const [name] of figures) {
      const [pair, title] = [make("div"), make("dt")];
      title.textContent = name;
      pair.append(title, make("dd"));
      list.append(pair);
    }
  }
  for (const [i, [, value]] of figures.entries()) {
    const place = list.children[i].lastElementChild;
    if (place) place.textContent = value;
  }
}
