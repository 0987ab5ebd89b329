// @ts-check
// The network at work: a drawing of the model in hand that runs in the browser and follows the
// hand. The same modules are the component (pages/components/network_at_work.py) and a part of the
// explorer.

import { readBundle, unpackArrays } from "./bundle.js";
import { lookAtTheme } from "./flow_colors.js";
import { activationsOf, valuesOfUnit } from "./flow_engine.js";
import { listenToHand } from "./flow_hand.js";
import { layOut } from "./flow_layout.js";
import { openUnit } from "./flow_open.js";
import { findLinks } from "./flow_curves.js";
import { paintFlow } from "./flow_paint.js";
import { drawPanel, writeError } from "./flow_panel.js";
import { changed, createView, fall, redraw, runView, showCode, showExample } from "./flow_state.js";
import { takeNetwork } from "./flow_taken.js";
import { askServer, forgetAnswer, hearServer } from "./flow_served.js";
import { buildStrip, showPaper } from "./flow_strip.js";
import { hearMatter } from "./flow_tried.js";
import { overtake, showWithParts } from "./parts.js";

/** @import { Bundle } from "./bundle.js" */
/** @import { Waiting } from "./parts.js" */
/** @import { View } from "./flow_state.js" */
/** @import { ComponentArguments } from "./types.js" */

// What tests use.
export {
  activationsOf,
  codeOfFlow,
  createFlow,
  decodeBy,
  encodeBy,
  halfOf,
  silence,
} from "./flow_engine.js";
export { strongestInto } from "./flow_links.js";
export { lookedFor } from "./flow_gradient.js";
export { sumOf } from "./flow_terms.js";

/** Answers from the page come as events of this name. */
const FLOW_ANSWER = "aecore-flow-answer";
/** Whoever decodes a code of the same model says so by an event of this name. */
const CODE = "aecore-code";

/**
 * @typedef {object} MountedFlow
 * @property {(given: ComponentArguments) => void} update
 * @property {() => void} destroy
 * @property {View} view
 */
/** @typedef {Waiting & { flow?: MountedFlow | null }} FlowElement */

/**
 * The component; Streamlit calls it again whenever data change.
 * @param {ComponentArguments} given
 */
export default function networkAtWork(given) {
  /** @type {FlowElement | null} */
  const root = given.parentElement.querySelector(".nw");
  if (!root) throw new Error("The drawing's markup is missing.");
  const { options } = given.data;
  root.classList.toggle("nw-compact", Boolean(options.compact));
  root.style.setProperty("--flow-height", `${options.height}px`);
  showWithParts(
    root,
    given,
    (arrays) => showFlow(root, given, arrays),
    () => sayOnFlow(root, "Its numbers did not arrive. They are asked for again …"),
  );
  return () => {
    overtake(root);
    root.flow?.destroy();
    root.flow = null;
  };
}

/**
 * @param {FlowElement} root
 * @param {ComponentArguments} given
 * @param {any} arrays
 */
function showFlow(root, given, arrays) {
  const whole = { ...given, data: { ...given.data, ...arrays } };
  if (root.flow) root.flow.update(whole);
  else root.flow = mountFlow(root, whole);
}

/**
 * @param {FlowElement} root
 * @param {ComponentArguments} given
 * @returns {MountedFlow | null}
 */
function mountFlow(root, given) {
  const bundle = readBundle(given.data);
  if (!isDrawable(bundle)) {
    sayOnFlow(root, bundle.meta.note || "This model does not run in the browser.");
    return null;
  }
  sayOnFlow(root, "");
  const view = createView(root, bundle, /** @type {any} */ (given.data.options), drawFlowFrame);
  view.send = given.setTriggerValue;
  /** @param {Event} event */
  const hear = (event) => {
    const { meta, ...arrays } = /** @type {CustomEvent} */ (event).detail;
    if (meta?.name !== view.options.name || meta.id !== view.bundle.meta.id) return;
    if (meta.tried !== undefined) hearMatter(view, meta, unpackArrays(arrays));
    else if (meta.token) hearServer(view, meta, unpackArrays(arrays));
    else view.facts.set(meta.stage, { meta, arrays: unpackArrays(arrays) });
    redraw(view);
  };
  /** @param {Event} event */
  const follow = (event) => {
    const { model, z, index } = /** @type {CustomEvent} */ (event).detail ?? {};
    if (model !== view.bundle.meta.model.id || z?.length !== view.bundle.latentDim) return;
    if (index >= 0 && index < view.bundle.meta.images && index !== view.index)
      showExample(view, index);
    if (index < 0) view.index = -2;
    showCode(view, z);
  };
  const resizes = new ResizeObserver(() => resizeFlow(view));
  document.addEventListener(FLOW_ANSWER, hear);
  document.addEventListener(CODE, follow);
  resizes.observe(view.elements.flowView);
  listenToHand(view);
  beginFlow(view);
  return {
    view,
    update(next) {
      view.send = next.setTriggerValue;
      view.options = /** @type {any} */ (next.data.options);
      if (next.data.meta.id === view.bundle.meta.id) return;
      takeBundle(view, next);
    },
    destroy() {
      document.removeEventListener(FLOW_ANSWER, hear);
      document.removeEventListener(CODE, follow);
      resizes.disconnect();
      if (view.pending !== null) cancelAnimationFrame(view.pending);
      clearTimeout(view.question.timer);
      if (view.words !== null) clearTimeout(view.words);
    },
  };
}

/**
 * Another model, or another label told.
 * @param {View} view
 * @param {ComponentArguments} next
 */
function takeBundle(view, { data }) {
  const bundle = readBundle(data);
  if (!isDrawable(bundle)) {
    sayOnFlow(view.root, bundle.meta.note);
    return;
  }
  sayOnFlow(view.root, "");
  Object.assign(view, takeNetwork(bundle), { bundle, open: null, matter: null, by: "mean" });
  forgetAnswer(view);
  view.facts.clear();
  view.columns = [];
  view.eps = new Float32Array(bundle.latentDim);
  beginFlow(view);
}

/**
 * The first example of the strip, and what suits the data.
 * @param {View} view
 */
function beginFlow(view) {
  const { bundle, elements } = view;
  const { layout, meta } = bundle;
  elements.flowDraw.hidden = layout.graph || layout.C !== 1;
  elements.flowSample.hidden = !meta.variational;
  elements.flowNoiseTab.hidden = !meta.variational;
  showPaper(view, false);
  const first = buildStrip(view);
  view.by = "mean";
  if (first >= 0) showExample(view, first);
  else showCode(view, bundle.mean);
  resizeFlow(view);
  const plane = view.columns.some(({ form }) => form === "plane");
  elements.flowCanvas.style.touchAction = plane ? "none" : "pan-y";
  if (view.options.compact) return;
  // Of a served network the first answer says which.
  openUnit(view, 0, view.flow.given ? 0 : strongestUnit(view));
  fall(view);
}

/** @param {Bundle} bundle */
const isDrawable = ({ meta }) => Boolean(meta.network?.stages ?? meta.served);

/**
 * The unit of the first layer that this example excites most.
 * @param {View} view
 */
function strongestUnit(view) {
  runView(view);
  const values = activationsOf(view.flow, 0);
  const each = view.flow.codeStage === 0 ? 1 : valuesOfUnit(view.flow.stages[0]);
  let best = 0;
  for (const [i, value] of values.entries()) if (value > values[best]) best = i;
  return Math.floor(best / each);
}

/** @param {View} view */
function resizeFlow(view) {
  const { flowView, flowCanvas } = view.elements;
  const [width, height] = [flowView.clientWidth, flowView.clientHeight];
  if (!width || !height) return;
  const scale = Math.min(2, Math.max(1, window.devicePixelRatio || 1));
  flowCanvas.width = Math.round(width * scale);
  flowCanvas.height = Math.round(height * scale);
  view.width = width;
  view.height = height;
  view.columns = layOut(view.flow, view.bundle.layout, width, height);
  const { matter } = view;
  changed(view);
  view.matter = matter; // which does not depend on the drawing's size
}

/**
 * @param {View} view
 * @param {number} now
 */
function drawFlowFrame(view, now) {
  if (!view.width) resizeFlow(view);
  if (!view.width) return;
  lookAtTheme(view);
  if (view.dirty && view.flow.given) {
    askServer(view);
  } else if (view.dirty) {
    runView(view);
    findLinks(view);
  }
  paintFlow(view, now);
  if (view.moving && now - view.wroteAt < WORDS_MS) writeLater(view);
  else writeWords(view, now);
  if (view.fallSince !== null) redraw(view);
}

/** Milliseconds between words and numbers under a moving hand: nobody reads more of them. */
const WORDS_MS = 100;

/**
 * @param {View} view
 * @param {number} now
 */
function writeWords(view, now) {
  view.wroteAt = now;
  writeError(view);
  if (!view.options.compact) drawPanel(view);
}

/**
 * Where the hand rests without letting go, the words follow.
 * @param {View} view
 */
function writeLater(view) {
  view.words ??= setTimeout(() => {
    view.words = null;
    redraw(view);
  }, WORDS_MS);
}

/**
 * Say over the drawing why there is none; "" for nothing.
 * @param {HTMLElement} root
 * @param {string} text
 */
function sayOnFlow(root, text) {
  const note = /** @type {HTMLElement} */ (root.querySelector("#flowNote"));
  note.textContent = text;
  note.hidden = !text;
}
