// @ts-check
// A slider for each dimension, with a filmstrip of what it changes.

import { moved, remember } from "./choice.js";
import { paint } from "./pictures.js";
import { show, shownNumber } from "./state.js";

/** @import { Pad, Slider } from "./state.js" */
/** @import { Dimension } from "./types.js" */

export const OPEN_SLIDERS = 4;
export const FOLDED_SLIDERS = 92;
const STRIP_CELLS = 9;
const STRIPS_WAIT = 120; // milliseconds that a hand rests before they follow
const STRIPS_TIME = 5; // milliseconds of a frame that they may take

/**
 * @template {Element} Kind
 * @param {Element} within
 * @param {string} selector
 */
function only(within, selector) {
  return /** @type {Kind} */ (within.querySelector(selector));
}

/**
 * The row of a dimension; the pad remembers it.
 * @param {Pad} pad
 * @param {Dimension} dimension
 */
function makeSlider(pad, { index, low, high, bar, text, dead }) {
  const { bundle, elements } = pad;
  const name = bundle.meta.names[index];
  const row = /** @type {HTMLElement} */ (
    elements.slider.content.firstElementChild?.cloneNode(true)
  );
  /** @type {Slider} */
  const slider = {
    dimension: index,
    row,
    input: only(row, "input"),
    output: only(row, "output"),
    strip: only(row, "canvas"),
    low,
    high,
  };
  const { input, strip } = slider;
  row.classList.toggle("dead", dead);
  row.dataset.d = String(index);
  input.id = `slider${index}`;
  input.min = String(low);
  input.max = String(high);
  input.step = String((high - low) / 400);
  /** @type {HTMLLabelElement} */
  const label = only(row, "label");
  label.textContent = name;
  label.htmlFor = input.id;
  strip.width = STRIP_CELLS * bundle.layout.W;
  strip.height = bundle.layout.H;
  strip.ariaLabel = `What ${name} changes, from low to high`;
  /** @type {HTMLElement} */ (only(row, "i")).style.width = `${bar}%`;
  only(row, "small").textContent = text;
  input.onpointerdown = () => remember(pad);
  input.onkeydown = ({ key, repeat }) => {
    if (/^(Arrow|Page|End)/.test(key) && !repeat) remember(pad);
  };
  input.oninput = () => setValue(pad, index, Number(input.value), false);
  input.onchange = () => moved(pad);
  pad.sliders.set(index, slider);
  return row;
}

/**
 * Sliders for the most informative dimensions; those after them are made when the fold opens.
 * @param {Pad} pad
 */
export function makeSliders(pad) {
  const { elements, bundle } = pad;
  const { dimensions } = bundle.meta;
  const folded = bundle.latentDim - OPEN_SLIDERS;
  const shown = Math.min(FOLDED_SLIDERS, folded);
  const dead = dimensions.filter((dimension) => dimension.dead).length;
  const open = dimensions.slice(0, OPEN_SLIDERS);
  pad.sliders = new Map();
  elements.openSliders.replaceChildren(...open.map((dimension) => makeSlider(pad, dimension)));
  elements.foldedSliders.replaceChildren();
  elements.fold.hidden = folded <= 0;
  elements.foldText.textContent =
    `${shown < folded ? `${shown} of ` : ""}${folded} more dimensions` +
    (dead ? `; ${dead} of all ${bundle.latentDim} are dead` : "");
  if (elements.fold.open) unfold(pad);
}

/**
 * Make the folded sliders.
 * @param {Pad} pad
 */
export function unfold(pad) {
  const { foldedSliders } = pad.elements;
  if (foldedSliders.childElementCount) return;
  const { dimensions } = pad.bundle.meta;
  const folded = dimensions.slice(OPEN_SLIDERS, OPEN_SLIDERS + FOLDED_SLIDERS);
  foldedSliders.replaceChildren(...folded.map((dimension) => makeSlider(pad, dimension)));
  pad.stripKey = "";
  show(pad);
}

/**
 * Move one dimension of the chosen code.
 * @param {Pad} pad
 * @param {number} dimension
 * @param {number} to
 * @param {boolean} done false while a hand still drags
 */
export function setValue(pad, dimension, to, done = true) {
  if (done) remember(pad);
  pad.z = pad.z.slice();
  pad.z[dimension] = to;
  pad.anchor = null;
  pad.hover = null;
  pad.answer = null;
  if (done || pad.playing) moved(pad);
  show(pad);
}

/**
 * The sliders stand where the code is.
 * @param {Pad} pad
 * @param {Float32Array} code
 */
export function followCode(pad, code) {
  for (const [dimension, { input, output }] of pad.sliders) {
    input.value = String(code[dimension]);
    const text = shownNumber(code[dimension]);
    if (output.value === text) continue;
    output.value = text;
    input.ariaValueText = text; // else all sixteen digits are read out
  }
}

/**
 * Filmstrips follow when the hand rests, a few decodings a frame.
 * @param {Pad} pad
 * @param {number} now
 */
export function drawStrips(pad, now) {
  const code = pad.hover ?? pad.z;
  const key = code.join();
  if (key !== pad.stripKey) {
    pad.stripKey = key;
    pad.stripsAt = now + STRIPS_WAIT;
    pad.stripQueue = null;
  }
  if (pad.stripsAt === null || now < pad.stripsAt) return;
  const queue = pad.stripQueue ?? stripCells(pad);
  pad.stripQueue = queue;
  const start = performance.now();
  while (pad.network && queue.length && performance.now() - start < STRIPS_TIME) {
    const { slider, cell } = queue[0];
    queue.shift();
    const moving = code.slice();
    const share = cell / (STRIP_CELLS - 1);
    moving[slider.dimension] = slider.low + (slider.high - slider.low) * share;
    const cells = { at: cell, cells: STRIP_CELLS };
    paint(slider.strip, pad.network.decode(moving), pad.bundle.layout, cells);
  }
  if (!pad.network || !queue.length) pad.stripsAt = null;
}

/**
 * What is to be decoded for the strips that can be seen.
 * @param {Pad} pad
 */
function stripCells({ sliders }) {
  const visible = [...sliders.values()].filter(({ row }) => row.offsetParent);
  return visible.flatMap((slider) =>
    Array.from({ length: STRIP_CELLS }, (_, cell) => ({ slider, cell })),
  );
}
