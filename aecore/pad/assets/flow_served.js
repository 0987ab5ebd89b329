// @ts-check
// A network over the browser's budget: what was chosen goes to the server when a hand lets go, and
// what each layer gives comes back.

import { newQuestion } from "./flow_answer.js";
import { askForFacts } from "./flow_open.js";
import { redraw } from "./flow_state.js";
import { ANSWER_IS_LATE, isServerAway, LOOK_AGAIN } from "./server.js";

/** @import { View } from "./flow_state.js" */
/** @import { ServedAnswer } from "./types.js" */

const LETS_GO = 160; // milliseconds without a change
const LOST_AFTER = 10; // looks at a server that is there and says nothing: the page ran anew

/**
 * Ask once nothing has changed for a moment; what a hand chooses of the code is drawn at once.
 * @param {View} view
 */
export function askServer(view) {
  view.dirty = false;
  view.entered = false;
  const { flow, question } = view;
  if (view.by === "hand") {
    flow.decoder.input.set(view.z);
    for (const [d, value] of flow.held) flow.decoder.input[d] = value;
  }
  clearTimeout(question.timer);
  if (!view.moving) question.timer = setTimeout(askNow, LETS_GO, view);
}

/** @param {View} view */
function askNow(view) {
  const { question } = view;
  if (!view.root.isConnected || !view.send) return;
  const chosen = chosenIn(view);
  const text = JSON.stringify(chosen);
  if (text === question.text && !question.lost) {
    placeLinks(view); // the drawing alone has changed
    if (question.waiting) question.timer = setTimeout(lookForServer, ANSWER_IS_LATE, view);
    redraw(view);
    return;
  }
  const token = `${Date.now()} ${Math.random()}`;
  Object.assign(question, { text, token, waiting: true, lost: false, looks: 0 });
  view.send("chosen", { ...chosen, token });
  question.timer = setTimeout(lookForServer, ANSWER_IS_LATE, view);
  redraw(view);
}

/**
 * Is the server away? Then the question comes again once it is back.
 * @param {View} view
 */
async function lookForServer(view) {
  const { question } = view;
  const { token } = question;
  const away = await isServerAway();
  if (!question.waiting || question.token !== token) return;
  question.looks++;
  if (question.looks % LOST_AFTER === 0) question.text = "";
  if (!away && (question.lost || !question.text)) {
    askNow(view);
    return;
  }
  question.lost = away;
  question.timer = setTimeout(lookForServer, LOOK_AGAIN, view);
  redraw(view);
}

/**
 * What a person chose. Before the first answer the most active unit is asked for.
 * @param {View} view
 */
export function chosenIn({ bundle, flow, index, by, x, z, eps, open, answer, options, width }) {
  const [low, high] = bundle.meta.range;
  const bytes = index === -1 ? x.map((v) => Math.round((255 * (v - low)) / (high - low))) : [];
  /** @type {[number, number][]} */
  const silent = [];
  for (const [stage, units] of flow.silent.entries()) {
    for (const [unit, is] of units?.entries() ?? []) if (is) silent.push([stage, unit]);
  }
  return {
    index,
    drawn: btoa(String.fromCharCode(...bytes)),
    by,
    z: by === "hand" ? [...z] : [],
    eps: by === "sample" ? [...eps] : [],
    silent,
    held: [...flow.held],
    open: open && !options.compact ? placeIn(open, answer !== null) : null,
    links: Math.round(Math.min(30, width / 26)),
  };
}

/**
 * @param {{ stage: number, unit: number }} open
 * @param {boolean} chosen whether a person chose it
 * @returns {[number, number]}
 */
const placeIn = ({ stage, unit }, chosen) => [stage, chosen ? unit : -1];

/**
 * Nothing is known yet, as of another model.
 * @param {View} view
 */
export function forgetAnswer(view) {
  clearTimeout(view.question.timer);
  Object.assign(view, { question: newQuestion(), answer: null });
}

/**
 * An answer; one to a question before the last is late, and says nothing.
 * @param {View} view
 * @param {ServedAnswer} meta
 * @param {any} arrays
 */
export function hearServer(view, meta, arrays) {
  const { flow, question } = view;
  if (!flow.given || meta.token !== question.token || !question.waiting) return;
  question.waiting = false;
  question.lost = false;
  clearTimeout(question.timer);
  let at = 0;
  for (const [stage, cells] of flow.given.entries()) {
    if (stage === flow.codeStage) {
      cells.set(arrays.code);
      continue;
    }
    const by = meta.scales[stage] / 127;
    for (let i = 0; i < cells.length; i++) cells[i] = arrays.values[at++] * by;
  }
  flow.decoder.input.set(arrays.z);
  if (view.by !== "hand") view.z = Float32Array.from(arrays.z);
  flow.output.set(unscaled(arrays.x_hat, meta.drawn_scale / 32767));
  const { open } = meta;
  const looks = arrays.looks ? unscaled(arrays.looks, (open?.looks_scale ?? 0) / 127) : null;
  const adds = arrays.adds ? unscaled(arrays.adds, (open?.adds_scale ?? 0) / 127) : null;
  if (open && view.open && !view.answer) view.open.unit = open.unit;
  Object.assign(view, { answer: { meta, looks, adds }, plain: meta.plain, error: meta.error });
  view.runs.encoder++;
  view.runs.decoder++;
  placeLinks(view);
  // What units do takes longer: it is asked for when what was chosen is there, and again where a
  // choice came between.
  const known = open && view.facts.get(open.stage);
  if (open && (!known || known === "asked")) askForFacts(view, open.stage);
}

/**
 * @param {Int8Array | Int16Array} values
 * @param {number} by
 */
const unscaled = (values, by) => Float32Array.from(values, (value) => value * by);

/**
 * The links of the last answer, at the columns as they stand.
 * @param {View} view
 */
function placeLinks(view) {
  const said = view.answer?.meta.links;
  view.links = view.columns.map(({ stage }) => {
    const [links, byChannel] = said?.[stage] ?? [[], false];
    return { links: links.map(([from, to, by]) => ({ from, to, by })), byChannel };
  });
}
