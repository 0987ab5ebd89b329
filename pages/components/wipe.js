// @ts-check
// One example large, two versions of it side by side under a handle that is dragged, and a dial
// for how many numbers PCA gets. Everything that it shows came in one message.

import { bringIntoStrip } from "../../aecore/pad/assets/elements.js";
import { showOther } from "../../aecore/pad/assets/parts.js";
import { make, paint } from "../../aecore/pad/assets/pictures.js";
import { drawPair, PCA, valuesOf } from "./wipe_drawing.js";

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { ComponentData } from "../../aecore/pad/assets/types.js" */
/** @import { Pair, Wipe, WipeArrays, WipeMeta } from "./wipe_types.js" */
/** @typedef {Waiting & { wipe?: Wipe }} WipeRoot */
/**
 * What Streamlit calls the component with.
 * @typedef {object} WipeArguments
 * @property {ComponentData} data
 * @property {ParentNode} parentElement
 * @property {(name: "lost", value: object) => void} [setTriggerValue]
 */

const LARGE = 680; // pixels of the large picture's longer side, about
const STRIP_SIDE = 44;

/** @param {WipeArguments} given */
export default function wipeView(given) {
  const root = /** @type {WipeRoot} */ (given.parentElement.querySelector(".wp"));
  const { meta } = given.data;
  return showOther(root, given, root.wipe?.meta.id, (arrays) => showWipe(root, meta, arrays));
}

/**
 * @param {WipeRoot} root
 * @param {WipeMeta} meta
 * @param {WipeArrays} arrays
 */
function showWipe(root, meta, arrays) {
  /** @type {Record<string, any>} */
  const parts = {};
  for (const node of root.querySelectorAll("[id]")) parts[node.id] = node;
  const before = root.wipe;
  /** @type {Wipe} */
  const wipe = {
    root,
    parts,
    meta,
    arrays,
    pairs: pairsOf(meta),
    pair: 0,
    example: 0,
    stop: meta.same,
    at: before?.at ?? 0.5,
    errors: before?.errors ?? false,
  };
  if (before && before.pairs.length === wipe.pairs.length) wipe.pair = before.pair;
  root.wipe = wipe;
  buildWipe(wipe);
  drawWipe(wipe);
}

/**
 * @param {WipeMeta} meta
 * @returns {Pair[]}
 */
function pairsOf({ versions }) {
  const pairs = [
    { left: 0, right: 1, name: "Original and model" },
    { left: 0, right: PCA, name: "Original and PCA" },
    { left: PCA, right: 1, name: "PCA and model" },
  ];
  if (versions.length > 3) pairs.push({ left: 2, right: 3, name: "Damaged and repaired" });
  return pairs;
}

/** @param {Wipe} wipe */
function buildWipe(wipe) {
  const { parts, meta, pairs, root } = wipe;
  const { W: width, H: height } = meta.layout;
  root.style.setProperty("--side", `${Math.round(Math.min(340, (340 * width) / height))}px`);
  const scale = Math.max(1, Math.round(LARGE / Math.max(width, height)));
  parts.picture.width = width * scale;
  parts.picture.height = height * scale;
  const buttons = pairs.map(({ name }, i) => {
    const button = make("button");
    button.textContent = name;
    button.onclick = () => change(wipe, { pair: i });
    return button;
  });
  parts.pairs.replaceChildren(...buttons);
  parts.dial.max = String(meta.stops.length - 1);
  parts.same.textContent = `As many as the model: ${meta.stops[meta.same]}`;
  parts.same.hidden = false;
  parts.match.hidden = meta.match < 0;
  parts.match.textContent = `As good as the model: ${meta.stops[meta.match]}`;
  parts.needs.textContent = meta.needs;
  parts.modelName.textContent = meta.versions[1];
  parts.modelAll.textContent = meta.modelAll;
  parts.at.oninput = () => change(wipe, { at: Number(parts.at.value) / 100 });
  parts.dial.oninput = () => toStop(wipe, Number(parts.dial.value));
  parts.same.onclick = () => toStop(wipe, meta.same);
  parts.match.onclick = () => toStop(wipe, meta.match);
  parts.errors.onclick = () => change(wipe, { errors: !wipe.errors });
  const frame = parts.picture.parentElement;
  frame.onpointerdown = (/** @type {PointerEvent} */ event) => {
    if (event.target === parts.at) return;
    frame.setPointerCapture(event.pointerId);
    dragTo(wipe, event);
  };
  frame.onpointermove = (/** @type {PointerEvent} */ event) => {
    if (frame.hasPointerCapture(event.pointerId)) dragTo(wipe, event);
  };
  buildStrip(wipe);
}

/** @param {Wipe} wipe */
function buildStrip(wipe) {
  const { parts, meta } = wipe;
  const buttons = meta.captions.map((caption, i) => {
    const button = make("button");
    const canvas = make("canvas");
    paint(canvas, valuesOf(wipe, 0, i), meta.layout);
    canvas.style.maxHeight = `${STRIP_SIDE * 1.5}px`;
    button.role = "option";
    button.ariaLabel = caption;
    button.append(canvas);
    button.onclick = () => change(wipe, { example: i });
    return button;
  });
  parts.strip.replaceChildren(...buttons);
  parts.strip.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const next = (wipe.example + step + meta.examples) % meta.examples;
    change(wipe, { example: next });
    buttons[next].focus();
  };
}

/**
 * @param {Wipe} wipe
 * @param {PointerEvent} event
 */
function dragTo(wipe, event) {
  const box = wipe.parts.picture.getBoundingClientRect();
  const at = (event.clientX - box.left) / box.width;
  change(wipe, { at: Math.max(0, Math.min(1, at)) });
}

/**
 * Another number for PCA; it is shown, if it was not.
 * @param {Wipe} wipe
 * @param {number} stop
 */
function toStop(wipe, stop) {
  const { left, right } = wipe.pairs[wipe.pair];
  const shown = left === PCA || right === PCA;
  change(wipe, { stop, pair: shown ? wipe.pair : 1 });
}

/**
 * @param {Wipe} wipe
 * @param {Partial<Wipe>} what
 */
function change(wipe, what) {
  Object.assign(wipe, what);
  drawWipe(wipe);
}

/** @param {Wipe} wipe */
function drawWipe(wipe) {
  const { parts, meta, pairs, example, stop, at } = wipe;
  const { left, right } = pairs[wipe.pair];
  const pcaName = `PCA, k = ${meta.stops[stop]}`;
  const nameOf = (/** @type {number} */ version) =>
    version === PCA ? pcaName : meta.versions[version];
  drawPair(wipe, left, right);
  parts.left.textContent = nameOf(left);
  parts.right.textContent = nameOf(right) + (wipe.errors ? ": its error" : "");
  parts.picture.ariaLabel = `${nameOf(left)} on the left, ${parts.right.textContent} on the right`;
  parts.picture.role = "img";
  parts.at.value = String(Math.round(100 * at));
  parts.at.ariaValueText = `${Math.round(100 * at)} % ${nameOf(left)}`;
  parts.which.textContent = meta.captions[example];
  for (const [i, button] of [...parts.pairs.children].entries()) {
    button.ariaPressed = String(i === wipe.pair);
  }
  for (const [i, button] of [...parts.strip.children].entries()) {
    button.ariaSelected = String(i === example);
    button.tabIndex = i === example ? 0 : -1;
  }
  bringIntoStrip(parts.strip, parts.strip.children[example]);
  parts.errors.ariaPressed = String(wipe.errors);
  parts.scale.classList.toggle("away", !wipe.errors);
  parts.modelOne.textContent = shownError(meta.modelErrors[example]);
  parts.pcaName.textContent = pcaName;
  parts.pcaOne.textContent = shownError(meta.pcaErrors[stop][example]);
  parts.pcaAll.textContent = meta.pcaAll[stop];
  parts.dial.value = String(stop);
  parts.dial.ariaValueText = `${meta.stops[stop]} numbers`;
  parts.dialText.textContent = `Numbers that PCA gets: ${meta.stops[stop]}`;
}

/** @param {number} error */
const shownError = (error) => error.toFixed(4);
