// @ts-check
// What the drawing of a network knows, and what runs when something of it changes.

import { imageOf } from "./bundle.js";
import { gaussian } from "./codes.js";
import { newQuestion } from "./flow_answer.js";
import { takeNetwork } from "./flow_taken.js";
import { codeOfFlow, decodeBy, encodeBy, silencedIn, squaredError } from "./flow_engine.js";

/** @import { Bundle } from "./bundle.js" */
/** @import { Answered, Question } from "./flow_answer.js" */
/** @import { Flow } from "./flow_engine.js" */
/** @import { Column } from "./flow_layout.js" */
/** @import { Link } from "./flow_links.js" */
/** @import { NumberArray, Send } from "./types.js" */

/** @typedef {{ stage: number, unit: number }} Place a unit that is open */
/**
 * @typedef {object} FlowOptions what the page wants of it
 * @property {string} name by which answers find it
 * @property {number} height of the drawing, in CSS pixels
 * @property {boolean} compact drawing and strip alone
 * @property {boolean} facts whether the page answers what units do on held-out examples
 * @property {string} [told] the label that a conditional model is told
 */
/**
 * Facts of a stage's units, as pages/components/unit_facts.py writes them.
 * @typedef {{ meta: any, arrays: Record<string, any> }} Facts
 */

/**
 * @typedef {object} View
 * @property {HTMLElement} root
 * @property {Record<string, any>} elements by their id in flow.html
 * @property {CSSStyleDeclaration} style
 * @property {Bundle} bundle
 * @property {FlowOptions} options
 * @property {Flow} flow what is shown
 * @property {Flow} spare the same network with nothing silenced, for what it is compared with
 * @property {Float32Array} x what enters
 * @property {number} index of the held-out example; -1 what was drawn, -2 none: a code alone
 * @property {"mean" | "sample" | "hand"} by where the code comes from
 * @property {Float32Array} z the code that is decoded
 * @property {Float32Array} eps the noise of the sample
 * @property {number} plain squared error per value with nothing silenced
 * @property {number} error the same as it is shown
 * @property {boolean} dirty whether the network has to run again before it is drawn
 * @property {boolean} entered whether the encoder has to run too
 * @property {{ encoder: number, decoder: number }} runs how often each half has run
 * @property {boolean} moving whether a hand drags the code
 * @property {Column[]} columns
 * @property {{ links: Link[], byChannel: boolean }[]} links into each column
 * @property {number[]} reach of the activations' colours, a stage each
 * @property {number} width
 * @property {number} height
 * @property {Place | null} open
 * @property {string} tab
 * @property {number | null} fallSince
 * @property {boolean} drawing whether the paper lies over the input
 * @property {[number, number] | null} penAt
 * @property {import("./flow_matter.js").Matter | null} matter
 * @property {Map<number, Facts | "asked">} facts by stage
 * @property {Answered | null} answer of a served network: what was said last
 * @property {Question} question of a served network: what was asked last
 * @property {Send | undefined} send
 * @property {number | null} pending
 * @property {number} wroteAt when the words beneath were written, as frames tell the time
 * @property {ReturnType<typeof setTimeout> | null} words that are still to be written
 * @property {{ x: NumberArray, z: NumberArray | null, eps: NumberArray | null } | null} plainOf
 *   what `plain` is of
 * @property {(view: View, now: number) => void} drawFrame
 */

/** Multiply-adds up to which the code is decoded twice in a frame, to tell what silence does. */
const TWICE_MACS = 1_500_000;

/**
 * @param {HTMLElement} root
 * @param {Bundle} bundle with a network
 * @param {FlowOptions} options
 * @param {(view: View, now: number) => void} drawFrame
 * @returns {View}
 */
export function createView(root, bundle, options, drawFrame) {
  /** @type {Record<string, any>} */
  const elements = {};
  for (const node of root.querySelectorAll("[id]")) elements[node.id] = node;
  const k = bundle.latentDim;
  /** @type {View} */
  const view = {
    ...{ root, elements, bundle, options, style: getComputedStyle(root) },
    ...takeNetwork(bundle),
    ...{ x: new Float32Array(bundle.size), index: -2, by: "hand", z: bundle.mean.slice() },
    ...{ eps: Float32Array.from({ length: k }, () => gaussian()), plain: 0, error: 0 },
    ...{
      dirty: true,
      entered: true,
      runs: { encoder: 0, decoder: 0 },
      moving: false,
      columns: [],
      links: [],
      width: 0,
      height: 0,
    },
    ...{ open: null, tab: "unit", fallSince: null, drawing: false, penAt: null, matter: null },
    ...{ facts: new Map(), send: undefined, pending: null, drawFrame },
    ...{ answer: null, question: newQuestion() },
    ...{ wroteAt: -Infinity, words: null, plainOf: null },
  };
  return view;
}

/**
 * Show a held-out example.
 * @param {View} view
 * @param {number} index
 */
export function showExample(view, index) {
  view.x = imageOf(view.bundle, index);
  view.index = index;
  view.by = view.by === "sample" ? "sample" : "mean";
  changed(view);
}

/**
 * Show what was drawn.
 * @param {View} view
 * @param {Float32Array} x
 */
export function showDrawn(view, x) {
  view.x = x;
  view.index = -1;
  if (view.by === "hand") view.by = "mean";
  changed(view);
}

/**
 * Decode a code that a hand chose.
 * @param {View} view
 * @param {NumberArray} z
 */
export function showCode(view, z) {
  view.z = Float32Array.from(z);
  view.by = "hand";
  changed(view, false);
}

/**
 * Decode a draw from q(z|x), of new noise.
 * @param {View} view
 */
export function sampleAgain(view) {
  view.eps = view.eps.map(() => gaussian());
  view.by = "sample";
  changed(view);
}

/**
 * The network has to run again, at the next frame.
 * @param {View} view
 * @param {boolean} entered whether from the input on, not from the code alone
 */
export function changed(view, entered = true) {
  view.dirty = true;
  view.entered ||= entered;
  view.matter = null;
  redraw(view);
}

/**
 * Draw at the next frame.
 * @param {View} view
 */
export function redraw(view) {
  view.pending ??= requestAnimationFrame((now) => {
    view.pending = null;
    if (view.root.isConnected) view.drawFrame(view, now);
  });
}

/**
 * Run the network on what is chosen, and what it is compared with.
 * @param {View} view
 */
export function runView(view) {
  const { flow } = view;
  if (view.entered) {
    encodeBy(flow, view.x);
    view.runs.encoder++;
  }
  view.runs.decoder++;
  view.entered = false;
  if (view.by !== "hand") view.z = codeBy(view, flow);
  decodeBy(flow, view.z);
  view.error = squaredError(view.x, flow.output);
  view.dirty = false;
  if (!silencedIn(flow)) {
    view.plain = view.error;
    view.plainOf = given(view);
  } else if (!view.moving || (flow.meta.decoder_macs ?? Infinity) <= TWICE_MACS) {
    comparePlain(view);
  }
}

/**
 * What the output is made of.
 * @param {View} view
 */
const given = ({ x, by, z, eps }) => ({
  x,
  z: by === "hand" ? z : null,
  eps: by === "sample" ? eps : null,
});

/**
 * The error with nothing silenced: found again where something else enters than before.
 * @param {View} view
 */
function comparePlain(view) {
  const { spare, plainOf } = view;
  const now = given(view);
  if (plainOf?.x === now.x && plainOf.z === now.z && plainOf.eps === now.eps) return;
  encodeBy(spare, view.x);
  decodeBy(spare, view.by === "hand" ? view.z : codeBy(view, spare));
  view.plain = squaredError(view.x, spare.output);
  view.plainOf = now;
}

/**
 * The code that an example gets, its mean or a sample.
 * @param {View} view
 * @param {Flow} flow that has encoded
 */
export function codeBy({ by, eps }, flow) {
  const { mu, logvar } = codeOfFlow(flow);
  if (by !== "sample" || !logvar) return mu.slice();
  return mu.map((value, d) => value + Math.exp(logvar[d] / 2) * eps[d]);
}

/**
 * @param {View} view
 * @param {Place} place
 */
export const isSilenced = ({ flow }, { stage, unit }) =>
  stage === flow.codeStage ? flow.held.has(unit) : Boolean(flow.silent[stage]?.[unit]);

/**
 * What a latent number is held at when it is silenced: units of a sparse code at 0, others at
 * their mean over held-out examples, where they say nothing of this one.
 * @param {View} view
 * @param {number} d
 */
export const silentValue = ({ flow, bundle }, d) =>
  flow.stages[flow.codeStage].curve ? 0 : bundle.mean[d];

/**
 * The network from left to right, once.
 * @param {View} view
 */
export function fall(view) {
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  view.fallSince = performance.now();
  redraw(view);
}
