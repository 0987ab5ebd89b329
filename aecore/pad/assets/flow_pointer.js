// @ts-check
// A finger, a mouse or keys on the drawing: units open, the code is dragged.

import { rangeOf } from "./flow_code.js";
import { isOutput } from "./flow_engine.js";
import { unitAt, valueAt } from "./flow_layout.js";
import { openUnit, toggleOpen } from "./flow_open.js";
import { changed, redraw, showCode } from "./flow_state.js";
import { showPaper } from "./flow_strip.js";

/** @import { Column } from "./flow_layout.js" */
/** @import { View } from "./flow_state.js" */

/** @param {View} view */
export function listenToPointer(view) {
  const canvas = view.elements.flowCanvas;
  /** @type {{ unit: number, x: number, moved: boolean } | null} what is dragged of the code */
  let held = null;
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    const found = unitAt(view.columns, event.offsetX, event.offsetY);
    const column = found && view.columns[found.at];
    if (!found || !column || event.button !== 0) return;
    if (column.role === "code" && column.form !== "units") {
      held = { unit: found.unit, x: event.offsetX, moved: false };
      canvas.setPointerCapture(event.pointerId);
      if (column.form === "plane") drag(view, column, held.unit, event);
    }
  });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!held) return;
    const column = view.columns.find(({ role }) => role === "code");
    held.moved ||= Math.abs(event.offsetX - held.x) > 3;
    if (column && (held.moved || column.form === "plane")) drag(view, column, held.unit, event);
  });
  /** @param {PointerEvent} event */
  const release = (event) => {
    const was = held;
    held = null;
    if (view.moving) {
      view.moving = false;
      changed(view);
    }
    if (was?.moved || event.type === "pointercancel") return;
    const found = unitAt(view.columns, event.offsetX, event.offsetY);
    const column = found && view.columns[found.at];
    if (!found || !column) return;
    if (column.role === "input" && view.elements.flowDraw.hidden === false) showPaper(view, true);
    else if (column.role === "output") openValue(view, column, event);
    else if (column.form !== "picture") openUnit(view, column.stage, found.unit);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
}

/**
 * @param {View} view
 * @param {Column} column
 * @param {number} unit
 * @param {PointerEvent} event
 */
function drag(view, { form, x, y, width, height }, unit, event) {
  const z = view.z.slice();
  /** @param {number} share */
  const within = (share) => Math.max(0, Math.min(1, share));
  if (form === "plane") {
    const [[left, right], [low, high]] = view.bundle.meta.spans;
    z[0] = left + within((event.offsetX - x) / width) * (right - left);
    z[1] = high - within((event.offsetY - y) / height) * (high - low);
  } else {
    const { low, high } = rangeOf(view, unit);
    const label = width > 60 ? 22 : 0;
    z[unit] = low + within((event.offsetX - x - label) / (width - label)) * (high - low);
  }
  view.moving = true;
  showCode(view, z);
}

/**
 * Open the output's value under the finger; of a pixel that is open already its next colour.
 * @param {View} view
 * @param {Column} column
 * @param {PointerEvent} event
 */
function openValue(view, column, event) {
  const { layout } = view.bundle;
  const value = valueAt(column, layout, event.offsetX, event.offsetY);
  const size = layout.graph ? column.units : layout.H * layout.W;
  const { stage, unit } = view.open ?? {};
  const again = stage === column.stage && unit !== undefined && unit % size === value;
  openUnit(view, column.stage, again ? unit + size : value);
}

/**
 * Where the keys enter a layer: at its first unit, of the output at its largest value.
 * @param {View} view
 * @param {number} stage
 */
function enterLayer(view, stage) {
  const { flow } = view;
  const first = isOutput(flow, stage) ? flow.output.indexOf(Math.max(...flow.output)) : 0;
  openUnit(view, stage, Math.max(0, first));
}

/**
 * @param {View} view
 * @param {KeyboardEvent} event
 * @returns {boolean} whether the key means something here
 */
export function pressKeyOnFlow(view, { key }) {
  const { open, flow } = view;
  const last = flow.stages.length - 1;
  const { stage, unit } = open ?? { stage: flow.codeStage, unit: 0 };
  const { graph, W } = view.bundle.layout;
  const far = isOutput(flow, stage) && !graph ? W : 10; // a row of a picture
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowUp: () => openUnit(view, stage, unit - 1),
    ArrowDown: () => openUnit(view, stage, unit + 1),
    PageUp: () => openUnit(view, stage, unit - far),
    PageDown: () => openUnit(view, stage, unit + far),
    ArrowLeft: () => enterLayer(view, Math.max(0, stage - 1)),
    ArrowRight: () => enterLayer(view, Math.min(last, stage + 1)),
    Enter: () => openUnit(view, stage, unit),
    k: () => toggleOpen(view),
    Delete: () => toggleOpen(view),
    Escape() {
      view.open = null;
      redraw(view);
    },
  };
  if (!Object.hasOwn(keys, key)) return false;
  keys[key]();
  return true;
}
