// @ts-check
// The held-out error by epoch, and the slider under it.

import { paintGraph, pen } from "./pictures.js";

/** @import { Pad } from "./state.js" */

/** @param {Pad} pad */
export function drawEpochs(pad) {
  const { elements, epoch } = pad;
  const { time } = pad.bundle.meta;
  if (!time) return;
  const { available, test_mse: errors } = time;
  const shown = epoch ?? available[available.length - 1];
  const at = available.indexOf(shown);
  const error = errors[at];
  const onItsWay = epoch !== null && !pad.frames.has(epoch);
  elements.epoch.max = String(available.length - 1);
  elements.epoch.value = String(at);
  elements.film.textContent = pad.film ? "Stop" : "Play";
  elements.epochText.textContent =
    `epoch ${shown}` +
    (epoch === null ? " (newest)" : onItsWay ? " (on its way)" : "") +
    (typeof error === "number" ? `, held-out error ${error.toFixed(4)}` : "") +
    (epoch !== null && pad.frames.get(epoch)?.rounded ? "; drawn with rounded weights" : "");
  const known = errors.filter((value) => value !== null);
  if (known.length < 2) return;
  const { width: W, height: H } = elements.losses;
  const context = pen(elements.losses);
  const low = Math.min(...known);
  const high = Math.max(...known, low + 1e-9);
  const color = pad.style.accentColor;
  const graph = { C: 1, W, H, graph: true, low, high, names: true, color };
  paintGraph(context, errors, graph, 0);
  context.globalAlpha = 0.3;
  context.fillRect(((at + 0.5) / errors.length) * W - 2, 0, 4, H);
  context.globalAlpha = 1;
}
