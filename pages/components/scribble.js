// @ts-check
// A held-out example to damage by hand, and at once what networks and filters make of it. Slow
// filters are asked when the hand lets go.

import { unpackArrays } from "../../aecore/pad/assets/bundle.js";
import { createNetwork } from "../../aecore/pad/assets/network.js";
import { overtake, showWithParts } from "../../aecore/pad/assets/parts.js";
import { make, pen } from "../../aecore/pad/assets/pictures.js";
import { medianOfNine, undamaged } from "./scribble_damage.js";
import { buildExamples, chooseExample, listenToTools } from "./scribble_hand.js";
import { takeAnswer } from "./scribble_mending.js";

/** @import { ComponentData } from "../../aecore/pad/assets/types.js" */
/** @import { MenderHere, MenderMeta, Scribble } from "./scribble_types.js" */
/** @import { ScribbleMeta, ScribbleRoot } from "./scribble_types.js" */

const ANSWER = "aecore-scribble-answer"; // as scribble_answer.js says it
const SCALE = 5; // pixels of the ink for one of the example

/**
 * @param {{ data: ComponentData, parentElement: ParentNode,
 *   setTriggerValue?: (name: any, value: any) => void }} given
 */
export default function scribbleView(given) {
  const root = /** @type {ScribbleRoot} */ (given.parentElement.querySelector(".sc"));
  const { meta } = given.data;
  const shown = root.scribble;
  const ask = (/** @type {object} */ value) => given.setTriggerValue?.("released", value);
  if (shown && shown.meta.id === meta.id) {
    overtake(root);
    shown.ask = ask;
  } else {
    showWithParts(root, given, (fetched) =>
      showScribble(root, meta, { ...unpackArrays(given.data), ...fetched }, ask),
    );
  }
  root.answered ??= ({ detail }) => {
    if (root.scribble) takeAnswer(root.scribble, detail.token, unpackArrays(detail).answers);
  };
  document.addEventListener(ANSWER, root.answered);
  return () => {
    if (root.answered) document.removeEventListener(ANSWER, root.answered);
    overtake(root);
  };
}

/**
 * @param {ScribbleRoot} root
 * @param {ScribbleMeta} meta
 * @param {Record<string, any>} arrays x, and the weights of the networks: w0, w1 …
 * @param {(value: object) => void} ask
 */
function showScribble(root, meta, arrays, ask) {
  /** @type {Record<string, any>} */
  const parts = {};
  for (const node of root.querySelectorAll("[id]")) parts[node.id] = node;
  const examples = meta.captions.map((_, i) =>
    Float32Array.from(arrays.x.subarray(i * meta.size, (i + 1) * meta.size), (b) => b / 255),
  );
  const sheet = make("canvas");
  sheet.width = SCALE * meta.layout.W;
  sheet.height = SCALE * meta.layout.H;
  const damage = undamaged(examples[0], 0);
  /** @type {Scribble} */
  const scribble = {
    ...{ parts, meta, examples, example: 0, damage, before: damage, ask },
    ...{ ink: pen(sheet, { willReadFrequently: true }), pen: "white", thick: false, penAt: null },
    ...{ byTurns: false, frame: 0, token: "", menders: [] },
  };
  root.scribble = scribble;
  scribble.menders = meta.menders.map((one, i) => menderOf(meta, one, arrays[`w${i}`]));
  parts.answers.replaceChildren(...scribble.menders.map(({ figure }) => figure));
  parts.note.textContent = meta.note;
  buildExamples(scribble);
  listenToTools(root, scribble);
  chooseExample(scribble, 0);
}

/**
 * @param {ScribbleMeta} meta
 * @param {MenderMeta} one
 * @param {Float32Array | undefined} weights
 * @returns {MenderHere}
 */
function menderOf(meta, one, weights) {
  const [figure, canvas] = [make("figure"), make("canvas")];
  const [caption, title, text] = [make("figcaption"), make("span"), make("b")];
  const best = make("em");
  best.textContent = "best";
  title.textContent = one.title;
  canvas.role = "img";
  caption.append(title, text);
  figure.append(canvas, best, caption);
  /** @type {MenderHere["mend"]} */
  let mend = null;
  if (one.network) {
    const network = createNetwork(one.network, weights);
    mend = (x) => network.decode(network.encode(x).mu);
  } else if (one.later === undefined) {
    mend = (x) => medianOfNine(x, meta.layout.W);
  }
  return { meta: one, mend, answer: null, figure, canvas, text };
}
