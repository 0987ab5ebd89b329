// @ts-check
// A finger, a mouse or keys on the drawing: units open, the code is dragged.

import { rangeOf } from "./flow_code.js";
import { unitAt } from "./flow_layout.js";
import { openUnit, toggleOpen } from "./flow_open.js";
import { changed, redraw, showCode } from "./flow_state.js";
import { showPaper } from "./flow_strip.js";

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
    else if (column.form !== "picture") openUnit(view, column.stage, found.unit);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
}

/**
 * @param {View} view
 * @param {import("./flow_layout.js").Column} column
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
 * @param {View} view
 * @param {KeyboardEvent} event
 * @returns {boolean} whether the key means something here
 */
export function pressKeyOnFlow(view, { key }) {
  const { open, flow } = view;
  const last = flow.stages.length - 2; // the output's pixels are not opened
  const { stage, unit } = open ?? { stage: flow.codeStage, unit: 0 };
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowUp: () => openUnit(view, stage, unit - 1),
    ArrowDown: () => openUnit(view, stage, unit + 1),
    PageUp: () => openUnit(view, stage, unit - 10),
    PageDown: () => openUnit(view, stage, unit + 10),
    ArrowLeft: () => openUnit(view, Math.max(0, stage - 1), 0),
    ArrowRight: () => openUnit(view, Math.min(last, stage + 1), 0),
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
