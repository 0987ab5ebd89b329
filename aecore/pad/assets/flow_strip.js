// @ts-check
// What can enter: held-out examples in a strip, or what is drawn on paper over the input.

import { classOf, imageOf } from "./bundle.js";
import { colorsOf } from "./flow_colors.js";
import { showDrawn, showExample } from "./flow_state.js";
import { fitDrawing } from "./ink.js";
import { make, paint, pen } from "./pictures.js";
import { inkOn, strokeTo } from "./strokes.js";

/** @import { View } from "./flow_state.js" */

const PAPER_SIDE = 140; // pixels of a side, as flow.html has it
const THUMBNAILS = 40;

/**
 * The strip of held-out examples: one of each class, then others.
 * @param {View} view
 */
export function buildStrip(view) {
  const { bundle, elements } = view;
  const { images, classes } = bundle.meta;
  const seen = new Set();
  const order = Array.from({ length: images }, (_, i) => i);
  const firsts = order.filter((i) => {
    const label = bundle.arrays.labels?.[i] ?? -1;
    return label >= 0 && seen.size < classes.length && !seen.has(label) && seen.add(label);
  });
  firsts.sort((a, b) => (bundle.arrays.labels?.[a] ?? 0) - (bundle.arrays.labels?.[b] ?? 0));
  const others = order.filter((i) => !firsts.includes(i)).slice(0, THUMBNAILS - firsts.length);
  const wide = (38 * bundle.layout.W) / bundle.layout.H + 6;
  const count = Math.floor((elements.flowView.clientWidth || 320) / Math.max(36, wide));
  const sheet = make("canvas");
  const made = [...firsts, ...others].slice(0, count).map((index) => {
    const button = make("button");
    // A picture, not the canvas: each canvas costs the browser something at every frame.
    const picture = make("img");
    paint(sheet, imageOf(bundle, index), { ...bundle.layout, color: colorsOf(view).accent });
    picture.src = sheet.toDataURL();
    picture.alt = "";
    button.append(picture);
    button.dataset.index = String(index);
    const name = classOf(bundle, index)?.name;
    button.setAttribute("aria-label", `Held-out example ${index + 1}${name ? `, ${name}` : ""}`);
    button.addEventListener("click", () => {
      showPaper(view, false);
      if (view.by === "hand") view.by = "mean";
      showExample(view, index);
    });
    return button;
  });
  elements.flowStrip.replaceChildren(...made);
  return Number(made[0]?.dataset.index ?? -1);
}

/**
 * Lay the paper over the input, or take it away.
 * @param {View} view
 * @param {boolean} shown
 */
export function showPaper(view, shown) {
  const { flowPaper, flowDraw } = view.elements;
  const input = view.columns[0];
  if (shown === view.drawing || !input) return;
  view.drawing = shown;
  flowDraw.setAttribute("aria-pressed", String(shown));
  flowPaper.hidden = !shown;
  const side = Math.max(input.width, 110);
  Object.assign(flowPaper.style, {
    left: `${input.x}px`,
    top: `${Math.max(0, input.y + input.height / 2 - side / 2)}px`,
    width: `${side}px`,
    height: `${side}px`,
  });
  if (shown) pen(flowPaper, { willReadFrequently: true }).clearRect(0, 0, PAPER_SIDE, PAPER_SIDE);
}

/** @param {View} view */
export function listenToPaper(view) {
  const paper = view.elements.flowPaper;
  for (const type of ["pointerdown", "pointermove"]) {
    paper.addEventListener(type, (/** @type {PointerEvent} */ event) => ink(view, event));
  }
}

/**
 * @param {View} view
 * @param {PointerEvent} event
 */
function ink(view, event) {
  const paper = view.elements.flowPaper;
  const context = pen(paper, { willReadFrequently: true });
  const at = strokeTo(context, event, paper, view.penAt, PAPER_SIDE / 12);
  if (!at) return;
  view.penAt = at;
  const { H: rows, W: columns } = view.bundle.layout;
  const drawn = inkOn(context);
  const fitted = fitDrawing(drawn, PAPER_SIDE, PAPER_SIDE, rows, columns, view.bundle.meta.centred);
  if (fitted) showDrawn(view, fitted);
}
