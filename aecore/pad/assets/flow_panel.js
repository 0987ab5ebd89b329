// @ts-check
// What stands beneath the drawing: the error, an open unit, how much each one matters, the noise.

import { colorsOf } from "./flow_colors.js";
import { isOutput, silencedIn } from "./flow_engine.js";
import { goOnWithMatter } from "./flow_matter.js";
import { paintNoise, writeNoise } from "./flow_noise.js";
import { matterStage, sortedMatter, wantMatter } from "./flow_open.js";
import { freshCanvas, paintMatter } from "./flow_pictures.js";
import { redraw } from "./flow_state.js";
import { paintUnit, writeUnit } from "./flow_unit.js";
import { exampleName, layerName, saidOf } from "./flow_words.js";

/** @import { View } from "./flow_state.js" */

const LATER_MS = 140; // after the last change, for what takes long
const QUICK_MACS = 1_500_000;

/** @type {WeakMap<View, ReturnType<typeof setTimeout>>} */
const later = new WeakMap();

/** @param {View} view */
export function writeError(view) {
  const { flow, elements, plain, error } = view;
  const count = silencedIn(flow);
  elements.flowWake.disabled = !count;
  for (const button of elements.flowStrip.children) {
    const pressed = String(Number(button.dataset.index) === view.index);
    if (button.getAttribute("aria-pressed") !== pressed) {
      button.setAttribute("aria-pressed", pressed);
    }
  }
  const from =
    view.by === "hand"
      ? "of the code under the hand to"
      : view.by === "sample"
        ? "of a sample,"
        : "of";
  elements.flowLarge.hidden = !flow.given;
  const of = `Squared error per value ${from} ${exampleName(view)}: `;
  const known = count
    ? `${of}${plain.toFixed(4)} → ${error.toFixed(4)}, ${count} silenced`
    : `${of}${error.toFixed(4)}`;
  const text =
    waitingFor(view) ?? (view.index === -2 ? "Decoded from the code under the hand." : known);
  if (elements.flowError.textContent !== text) elements.flowError.textContent = text;
}

/**
 * What a served network waits for; null where the numbers are there.
 * @param {View} view
 */
function waitingFor({ flow, question, answer, moving }) {
  if (!flow.given) return null;
  if (question.lost) return "The connection to the server is lost.";
  if (moving) return "Let go for the answer.";
  return question.waiting || !answer ? "Being computed …" : null;
}

/** @param {View} view */
export function drawPanel(view) {
  const { elements, tab, root } = view;
  for (const button of root.querySelectorAll('[role="tab"]')) {
    button.setAttribute("aria-selected", String(/** @type {any} */ (button).name === tab));
  }
  elements.flowUnit.hidden = tab !== "unit";
  elements.flowMatter.hidden = tab !== "matter";
  elements.flowNoise.hidden = tab !== "noise";
  if (tab === "unit") drawUnit(view);
  else if (tab === "matter") drawMatter(view);
  else drawNoise(view);
}

/** @param {View} view */
function drawUnit(view) {
  const { elements, open, flow } = view;
  elements.flowUnit.style.visibility = open ? "visible" : "hidden";
  if (!open) return;
  writeUnit(view);
  const said = saidOf(view);
  if (!view.moving && elements.flowSaid.textContent !== said) elements.flowSaid.textContent = said;
  const macs = (flow.meta.encoder_macs ?? 0) + (flow.meta.decoder_macs ?? 0);
  clearTimeout(later.get(view));
  if (macs <= QUICK_MACS) paintUnit(view);
  else
    later.set(
      view,
      setTimeout(() => paintUnit(view), LATER_MS),
    );
}

/** @param {View} view */
function drawMatter(view) {
  const { elements, flow } = view;
  const { flowMatterText, flowBars, flowTry } = elements;
  const why = noMatter(view);
  const matter = why ? null : wantMatter(view);
  const waits = Boolean(flow.given && matter && !matter.done);
  flowTry.hidden = why || !flow.given ? true : Boolean(matter && !matter.late);
  flowBars.hidden = !matter || waits;
  if (!matter || waits) {
    const asked = matter?.late ? "The server has not answered yet." : "Being computed …";
    const ask = "What was chosen has changed since they were tried.";
    flowMatterText.textContent = why || (matter ? asked : ask);
    return;
  }
  const more = matter.done < matter.changes.length && goOnWithMatter(view, matter);
  const sorted = sortedMatter(matter);
  flowMatterText.textContent = more
    ? `${matter.done} of ${matter.changes.length} tried …`
    : saidOfMatter(view, matter, sorted[0]);
  flowBars.setAttribute("aria-label", flowMatterText.textContent);
  paintMatter(view, sorted, flowBars.clientWidth);
  if (more) redraw(view);
}

/**
 * Why there is nothing to compare, in words; "" where there is.
 * @param {View} view
 */
function noMatter(view) {
  if (isOutput(view.flow, matterStage(view)))
    return "Open a unit of another layer: the output's values are what is compared.";
  return view.index === -2 ? "Choose an example: its error is what is compared." : "";
}

/**
 * @param {View} view
 * @param {import("./flow_matter.js").Matter} matter
 * @param {{ unit: number, change: number }} first
 */
function saidOfMatter(view, { stage, changes, tried, plain }, first) {
  const all = changes.length;
  const digits = Math.abs(first.change) < 0.001 ? 7 : 4; // one of thousands matters little
  const some =
    tried < all ? ` Tried: the ${tried} most active of ${all}; all would take too long.` : "";
  return (
    `${layerName(view, stage)}: how much the squared error of ${exampleName(view)} grows ` +
    `without each one, the most needed first (no. ${first.unit + 1}: ` +
    `${first.change >= 0 ? "+" : "−"}${Math.abs(first.change).toFixed(digits)} on ` +
    `${plain.toFixed(4)}).${some} Below the line it does harm here. Press a bar to open it.`
  );
}

/** @param {View} view */
function drawNoise(view) {
  const { elements } = view;
  paintNoise(view, freshCanvas(elements.flowPlane, 150, 150), 150, colorsOf(view));
  const sum = writeNoise(view, elements.flowNoiseRows);
  elements.flowNoiseText.textContent =
    `The encoder says a mean and a spread; the code is the mean plus the spread times noise. ` +
    `The KL divergence, ${sum.toFixed(1)} nats for this example over ` +
    `${view.bundle.latentDim} latent ` +
    `numbers, pulls the mean to the centre (arrow) and the spread to 1 (inner circle).`;
}
