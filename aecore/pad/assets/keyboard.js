// @ts-check
// Keys: arrows move the point, numbers go to sliders, Home resets, Escape undoes.

import { choose, chooseImage, undo } from "./choice.js";
import { spanOf } from "./map_view.js";
import { openTab } from "./page.js";
import { setValue, unfold } from "./sliders.js";

/** @import { Pad } from "./state.js" */

/** @type {Record<string, [number, number]>} */
const arrows = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/**
 * @param {Pad} pad
 * @param {KeyboardEvent} event
 */
export function pressKey(pad, event) {
  const { elements, bundle } = pad;
  const target = /** @type {Element} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || target === elements.epoch) return;
  const slider = /** @type {HTMLElement | null} */ (target.closest(".slider"));
  const onMap = target === elements.overlay;
  const arrow = arrows[event.key];
  if (event.key === "Escape") {
    undo(pad);
  } else if (/^[1-9]$/.test(event.key)) {
    focusSlider(pad, Number(event.key) - 1);
  } else if (event.key === "Home" && slider) {
    const dimension = Number(slider.dataset.d);
    setValue(pad, dimension, bundle.mean[dimension]);
  } else if (event.key === "Home" && onMap) {
    choose(pad, bundle.mean, null, false);
  } else if (onMap && arrow) {
    nudge(pad, arrow);
  } else if (onMap && event.key === "Enter" && pad.near) {
    chooseImage(pad, pad.near.index);
  } else {
    return;
  }
  event.preventDefault();
}

/**
 * Move the point by a fiftieth of the map.
 * @param {Pad} pad
 * @param {[number, number]} arrow
 */
function nudge(pad, [right, up]) {
  const [across, upward] = pad.axes;
  const code = pad.z.slice();
  code[across] += (right * spanOf(pad, 0)) / 50;
  if (upward >= 0) code[upward] += (up * spanOf(pad, 1)) / 50;
  choose(pad, code, null, false);
}

/**
 * To the slider of a dimension.
 * @param {Pad} pad
 * @param {number} dimension
 */
function focusSlider(pad, dimension) {
  const { elements, sliders } = pad;
  if (dimension >= pad.bundle.latentDim || !pad.panels?.includes("sliders")) return;
  openTab(pad, "sliders");
  if (!elements.openSliders.contains(sliders.get(dimension)?.row ?? null)) {
    elements.fold.open = true;
    unfold(pad);
  }
  sliders.get(dimension)?.input.focus();
}
