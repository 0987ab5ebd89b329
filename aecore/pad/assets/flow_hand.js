// @ts-check
// What each button of the drawing does.

import { wakeAll } from "./flow_engine.js";
import { openPanel, openUnit, sortedMatter, toggleLayer, toggleOpen } from "./flow_open.js";
import { listenToPointer, pressKeyOnFlow } from "./flow_pointer.js";
import { changed, fall, sampleAgain, showCode } from "./flow_state.js";
import { listenToPaper, showPaper } from "./flow_strip.js";
import { askMatter } from "./flow_tried.js";

/** @import { View } from "./flow_state.js" */

/** @type {Record<string, (view: View) => void>} by the id of the button */
const flowButtons = {
  flowFall: fall,
  flowDraw: (view) => showPaper(view, !view.drawing),
  flowSample(view) {
    sampleAgain(view);
    openPanel(view, "noise");
  },
  flowWake(view) {
    wakeAll(view.flow);
    changed(view);
  },
  flowSilence: toggleOpen,
  flowLayer: toggleLayer,
  flowTry: askMatter,
  flowBefore: (view) => view.open && openUnit(view, view.open.stage, view.open.unit - 1),
  flowAfter: (view) => view.open && openUnit(view, view.open.stage, view.open.unit + 1),
};

/** @param {View} view */
export function listenToHand(view) {
  const { root, elements } = view;
  for (const [id, act] of Object.entries(flowButtons)) {
    elements[id].addEventListener("click", () => act(view));
  }
  for (const tab of root.querySelectorAll('[role="tab"]')) {
    tab.addEventListener("click", () => {
      openPanel(view, /** @type {any} */ (tab).name);
      if (view.tab === "matter" && !view.matter) askMatter(view);
    });
  }
  elements.flowZ.addEventListener("input", () => {
    if (!view.open) return;
    const z = view.z.slice();
    z[view.open.unit] = Number(elements.flowZ.value);
    view.moving = true;
    showCode(view, z);
  });
  elements.flowZ.addEventListener("change", () => {
    view.moving = false;
    changed(view, false);
  });
  elements.flowBars.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    const { matter } = view;
    if (!matter?.done) return;
    const sorted = sortedMatter(matter);
    const step = Math.min(28, elements.flowBars.clientWidth / sorted.length);
    const found = sorted[Math.floor(event.offsetX / step)];
    if (found) openUnit(view, matter.stage, found.unit);
  });
  listenToPointer(view);
  elements.flowCanvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (pressKeyOnFlow(view, event)) event.preventDefault();
  });
  listenToPaper(view);
}
