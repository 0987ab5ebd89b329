// @ts-check
// One example: what goes in, or is drawn; its active features; what comes out while one of them is
// turned. All steps of the turning came in one message, so a hand on it asks nothing of the server.

import { unpackArrays } from "../../aecore/pad/assets/bundle.js";
import { fitDrawing } from "../../aecore/pad/assets/ink.js";
import { overtake, showWithParts } from "../../aecore/pad/assets/parts.js";
import { make, paint, pen } from "../../aecore/pad/assets/pictures.js";
import { inkOn, strokeTo } from "../../aecore/pad/assets/strokes.js";
import { exampleOf, paintSigned } from "./feature_pictures.js";

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { ComponentData, Drawing } from "../../aecore/pad/assets/types.js" */
/**
 * What feature_stage.py says beside its arrays.
 * @typedef {object} StageMeta
 * @property {string} id changes with the content
 * @property {string} entered changes with the example
 * @property {Drawing} layout
 * @property {number} size of an example
 * @property {[number, number]} range of the data
 * @property {boolean} draws whether one can draw
 * @property {boolean} centred whether a drawing is put in the middle, as MNIST's were
 * @property {string} said of the example
 * @property {string} many heading of the features
 * @property {{ feature: number, name: string, about: string, share: number }[]} active
 * @property {number} chosen feature, -1 for none
 * @property {number[]} strengths of the steps
 * @property {number} now the step as it is
 * @property {boolean} bring whether it was chosen further down the page, and is brought into view
 */
/** @typedef {{ x: Uint8Array, drawn: Uint8Array, outs: Uint8Array }} StageArrays */
/** @typedef {(name: "drawn" | "chosen", value: object) => void} SayChosen */
/**
 * @typedef {object} FeatureStage
 * @property {HTMLElement} root
 * @property {Record<string, any>} parts
 * @property {StageMeta} meta
 * @property {StageArrays} arrays
 * @property {number} step
 * @property {boolean} own whether the paper shows what was drawn
 * @property {[number, number] | null} penAt
 * @property {SayChosen} say
 */
/** @typedef {Waiting & { featureStage?: FeatureStage }} StageRoot */

const SHEET = 140; // pixels of a side, as feature_stage.html has it

/**
 * @param {{ data: ComponentData, parentElement: ParentNode,
 *   setTriggerValue?: (name: any, value: any) => void }} given
 */
export default function featureStage(given) {
  const root = /** @type {StageRoot} */ (given.parentElement.querySelector(".fs"));
  const meta = /** @type {StageMeta} */ (given.data.meta);
  const say = /** @type {SayChosen} */ ((name, value) => given.setTriggerValue?.(name, value));
  const stage = root.featureStage;
  if (stage && stage.meta.id === meta.id) {
    overtake(root);
    stage.say = say;
  } else {
    showWithParts(root, given, (fetched) =>
      showFeatures(root, meta, { ...unpackArrays(given.data), ...fetched }, say),
    );
  }
  return () => {
    overtake(root);
  };
}

/**
 * @param {StageRoot} root
 * @param {StageMeta} meta
 * @param {StageArrays} arrays
 * @param {SayChosen} say
 */
function showFeatures(root, meta, arrays, say) {
  /** @type {Record<string, any>} */
  const parts = {};
  for (const node of root.querySelectorAll("[id]")) parts[node.id] = node;
  const before = root.featureStage;
  const own = Boolean(before?.own && meta.entered === "drawn");
  /** @type {FeatureStage} */
  const stage = { root, parts, meta, arrays, say, own, step: 0, penAt: null };
  root.featureStage = stage;
  root.classList.toggle("fixed", !meta.draws);
  if (!own) showEntered(stage);
  parts.said.textContent = meta.said;
  parts.many.textContent = meta.many;
  parts.clear.hidden = !meta.draws;
  listActive(stage);
  listen(stage);
  turnTo(stage, 0); // what it does is seen when it is off
  if (meta.bring) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    root.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "center" });
  }
}

/**
 * The example on the paper, unsmoothed.
 * @param {FeatureStage} stage
 */
function showEntered({ parts, arrays, meta }) {
  const { layout, size, range } = meta;
  const sheet = make("canvas");
  paint(sheet, exampleOf(arrays.x, 0, size, range), layout);
  const context = pen(parts.paper, { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.clearRect(0, 0, SHEET, SHEET);
  context.drawImage(sheet, 0, 0, SHEET, SHEET);
}

/** @param {FeatureStage} stage */
function listActive(stage) {
  const { parts, meta, arrays } = stage;
  const buttons = meta.active.map(({ feature, name, about, share }, i) => {
    const button = make("button");
    const canvas = make("canvas");
    paintSigned(canvas, arrays.drawn, i, meta.size, meta.layout);
    const [title, more, bar] = [make("span"), make("small"), make("i")];
    title.textContent = name;
    more.textContent = about;
    bar.style.width = `${100 * share}%`;
    button.append(canvas, title, more, bar);
    button.role = "option";
    button.ariaSelected = String(feature === meta.chosen);
    button.onclick = () => stage.say("chosen", { feature });
    return button;
  });
  parts.active.replaceChildren(...buttons);
}

/** @param {FeatureStage} stage */
function listen(stage) {
  const { parts, meta } = stage;
  const most = meta.strengths.length - 1;
  parts.dial.max = String(most);
  parts.dial.disabled = meta.chosen < 0;
  parts.dial.oninput = () => turnTo(stage, Number(parts.dial.value));
  parts.off.onclick = () => turnTo(stage, 0);
  parts.same.onclick = () => turnTo(stage, meta.now);
  parts.full.onclick = () => turnTo(stage, most);
  parts.clear.onclick = () => {
    stage.own = true;
    pen(parts.paper, { willReadFrequently: true }).clearRect(0, 0, SHEET, SHEET);
  };
  parts.paper.onpointerdown = (/** @type {PointerEvent} */ event) => ink(stage, event);
  parts.paper.onpointermove = (/** @type {PointerEvent} */ event) => ink(stage, event);
  parts.paper.onpointerup = () => sendDrawn(stage);
}

/**
 * @param {FeatureStage} stage
 * @param {PointerEvent} event
 */
function ink(stage, event) {
  const { paper } = stage.parts;
  if (!stage.meta.draws) return;
  const context = pen(paper, { willReadFrequently: true });
  if (event.type === "pointerdown") {
    if (!stage.own) context.clearRect(0, 0, SHEET, SHEET);
    stage.own = true;
  }
  stage.penAt = strokeTo(context, event, paper, stage.penAt, SHEET / 12) ?? stage.penAt;
}

/**
 * What is on the paper, as the data have it, a byte a pixel.
 * @param {FeatureStage} stage
 */
function sendDrawn({ parts, meta, say, own }) {
  if (!own || !meta.draws) return;
  const { H: rows, W: columns } = meta.layout;
  const context = pen(parts.paper, { willReadFrequently: true });
  const fitted = fitDrawing(inkOn(context), SHEET, SHEET, rows, columns, meta.centred);
  if (!fitted) return;
  const bytes = Array.from(fitted, (value) => String.fromCharCode(Math.round(255 * value)));
  say("drawn", { pixels: btoa(bytes.join("")) });
}

/**
 * @param {FeatureStage} stage
 * @param {number} step
 */
function turnTo(stage, step) {
  const { parts, meta, arrays } = stage;
  const { size, range, layout, strengths, now } = meta;
  stage.step = step;
  parts.dial.value = String(step);
  paint(parts.before, exampleOf(arrays.outs, now, size, range), layout);
  paint(parts.after, exampleOf(arrays.outs, step, size, range), layout);
  if (meta.chosen < 0) {
    parts.dialText.textContent = "No feature is active here.";
    parts.turned.textContent = "";
    return;
  }
  const [strength, here] = [strengths[step].toFixed(2), strengths[now].toFixed(2)];
  const name = `Feature ${meta.chosen + 1}`;
  parts.dialText.textContent = `${name} at ${strength}; it is ${here} here`;
  parts.dial.ariaValueText = strength;
  const told = step === 0 ? "with it off" : `with it at ${strength}`;
  parts.turned.textContent = step === now ? "unchanged" : told;
}
