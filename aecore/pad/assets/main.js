// @ts-check
// The live decoder: a pad in one place of a page, which points into the latent space of a network.
// The same modules, joined by aecore/pad/browser_code.py, are the component and the explorer.

import { listen } from "./actions.js";
import { readBundle } from "./bundle.js";
import { choose, chooseImage } from "./choice.js";
import { findElements } from "./elements.js";
import { drawFrame } from "./frame.js";
import { fitView, movePoints, resizeMap } from "./map_view.js";
import { buildPage } from "./page.js";
import { overtake, showWithParts } from "./parts.js";
import { play } from "./playing.js";
import { awaitDrag } from "./pointer.js";
import { askForDecoding, heardFromServer, say } from "./server.js";
import { createState, firstAxes, show } from "./state.js";
import { readNewest, resumeEpoch, takeAnswer } from "./travel.js";
import { setOut } from "./walk.js";

/** @import { Bundle } from "./bundle.js" */
/** @import { Waiting } from "./parts.js" */
/** @import { Pad } from "./state.js" */
/** @import { Arrays, ComponentArguments } from "./types.js" */

// What tests and the explorer's makers use.
export { erf } from "./arithmetic.js";
export { interpolate, nearest, reparameterize } from "./codes.js";
export { encodeGif } from "./gif.js";
export { fitDrawing, inkOfPhotograph } from "./ink.js";
export { compile, createNetwork } from "./network.js";

/** Answers from the server come as events of this name; pages/components/pad_answer.js. */
const ANSWER = "aecore-pad-answer";

/**
 * A pad as it hangs on its element: `update` takes new data, `destroy` ends it.
 * @typedef {object} MountedPad
 * @property {(given: ComponentArguments) => void} update
 * @property {() => void} destroy
 * @property {(index: number) => void} chooseImage
 * @property {() => Pick<Pad, "network" | "z" | "anchor" | "frames">} chosen
 */
/** @typedef {Waiting & { pad?: MountedPad | null }} PadElement */

/**
 * @param {PadElement} root
 * @param {ComponentArguments} given
 * @returns {MountedPad}
 */
function mountPad(root, given) {
  const bundle = readBundle(given.data);
  const pad = createState(root, findElements(root), bundle, given.data.options, drawFrame);
  pad.send = given.setTriggerValue;
  /** @param {Event} event */
  const hear = (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    if (detail.meta?.pad === pad.options.name) takeAnswer(pad, detail);
  };
  const resizes = new ResizeObserver(() => resizeMap(pad));
  document.addEventListener(ANSWER, hear);
  resizes.observe(pad.elements.map);
  listen(pad);
  showBundle(pad, false);
  return {
    update: (next) => update(pad, next),
    destroy() {
      document.removeEventListener(ANSWER, hear);
      resizes.disconnect();
      if (pad.pending !== null) cancelAnimationFrame(pad.pending);
      clearTimeout(pad.waiting);
      clearTimeout(pad.talking);
    },
    chooseImage: (index) => chooseImage(pad, index),
    chosen: () => pad,
  };
}

/**
 * Take a bundle; cheap when it is the one already shown.
 * @param {Pad} pad
 * @param {ComponentArguments} next
 */
function update(pad, { data, setTriggerValue }) {
  pad.send = setTriggerValue;
  const before = pad.bundle;
  pad.options = data.options;
  heardFromServer(pad);
  if (data.meta.id === before.meta.id) {
    begin(pad); // a rerun that changed nothing
    return;
  }
  pad.bundle = readBundle(data);
  const same = isSameModel(before, pad.bundle);
  if (!same) forget(pad, before.meta.model.lineage === data.meta.model.lineage);
  showBundle(pad, same);
  if (!same) {
    say(pad, `The model changed: this is ${data.meta.model.name}. ${pad.problem}`, true);
  }
}

/**
 * @param {Bundle} before
 * @param {Bundle} now
 */
const isSameModel = ({ meta: before }, { meta: now }) =>
  before.model.lineage === now.model.lineage &&
  before.model.id === now.model.id &&
  before.points === now.points;

/**
 * @param {Pad} pad
 * @param {boolean} same whether the model is the one that was shown before
 */
function showBundle(pad, same) {
  pad.problem = readNewest(pad);
  resumeEpoch(pad);
  buildPage(pad, !same);
  say(pad, pad.problem);
  fitView(pad, !same);
  movePoints(pad, same);
  begin(pad);
  setOut(pad);
  askForDecoding(pad);
}

/**
 * Go where the page says, each time that it says so anew.
 * @param {Pad} pad
 */
function begin(pad) {
  const { start } = pad.options;
  const at = start?.join();
  if (start && at !== pad.begun) choose(pad, start, null, false);
  pad.begun = at;
  show(pad);
}

/**
 * Another model: what was chosen means nothing now, but z to one of its kin, told another label.
 * @param {Pad} pad
 * @param {boolean} kin
 */
function forget(pad, kin) {
  if (!kin) pad.z = pad.bundle.mean.slice();
  play(pad, false);
  pad.anchor = null;
  pad.path = null;
  pad.epoch = null;
  pad.near = null;
  pad.film = null;
  pad.planes.shown = null;
  pad.userView = false;
  awaitDrag(pad, false);
  pad.undos = [];
  pad.pins = [];
  pad.frames.clear();
  pad.axes = firstAxes(pad.bundle);
}

/**
 * The component; Streamlit calls it again whenever data change.
 * @param {ComponentArguments} given
 */
export default function latentPad(given) {
  /** @type {PadElement | null} */
  const root = given.parentElement.querySelector(".lp");
  if (!root) throw new Error("The pad's markup is missing.");
  if (!given.data?.meta) {
    const { note } = findElements(root);
    note.textContent = "There is no model to decode yet.";
    note.hidden = false;
  } else {
    showWithParts(
      root,
      given,
      (arrays) => showOn(root, given, arrays),
      () => sayThatPartsLack(root),
    );
  }
  return () => {
    overtake(root);
    root.pad?.destroy();
    root.pad = null;
  };
}

/**
 * @param {PadElement} root
 * @param {ComponentArguments} given
 * @param {Arrays} arrays
 */
function showOn(root, given, arrays) {
  const whole = { ...given, data: { ...given.data, ...arrays } };
  if (root.pad) root.pad.update(whole);
  else root.pad = mountPad(root, whole);
}

/** @param {PadElement} root */
function sayThatPartsLack(root) {
  if (root.pad) return;
  const { note } = findElements(root);
  note.textContent = "Its numbers did not arrive. They are asked for again …";
  note.hidden = false;
}
