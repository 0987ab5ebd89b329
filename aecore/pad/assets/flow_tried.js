// @ts-check
// How much each unit of a layer matters, of a network over the browser's budget: asked of the
// server at a press, never by itself and never while a hand moves.

import { askForFacts, matterStage } from "./flow_open.js";
import { chosenIn } from "./flow_served.js";
import { isOutput, unitsOf } from "./flow_engine.js";
import { redraw } from "./flow_state.js";

/** @import { View } from "./flow_state.js" */
/** @import { TriedAnswer } from "./types.js" */

const TRIED_IS_LATE = 10_000; // milliseconds; then one may ask again

/**
 * Ask about the layer of the open unit, or else the code.
 * @param {View} view
 */
export function askMatter(view) {
  const { flow } = view;
  const stage = matterStage(view);
  if (!flow.given || !view.send || view.moving) return;
  if (isOutput(flow, stage) || view.index === -2) return;
  const units = stage === flow.codeStage ? view.bundle.latentDim : unitsOf(flow.stages[stage]);
  const token = `${Date.now()} ${Math.random()}`;
  /** @type {import("./flow_matter.js").Matter} */
  const matter = {
    ...{ stage, changes: new Float64Array(units).fill(NaN), done: 0, plain: NaN },
    ...{ tried: 0, token, late: false },
  };
  view.matter = matter;
  view.send("tried", { ...chosenIn(view), open: null, links: 0, matter: stage, token });
  setTimeout(() => {
    if (view.matter !== matter || matter.done) return;
    matter.late = true;
    redraw(view);
  }, TRIED_IS_LATE);
  redraw(view);
}

/**
 * An answer; one to a question before the last says nothing.
 * @param {View} view
 * @param {TriedAnswer} meta
 * @param {any} arrays
 */
export function hearMatter(view, meta, arrays) {
  const { matter } = view;
  if (!matter || matter.done || matter.token !== meta.token) return;
  for (const [i, unit] of arrays.tried.entries()) matter.changes[unit] = arrays.changes[i];
  Object.assign(matter, { done: matter.changes.length, plain: meta.plain, tried: meta.tried });
  // The question may have come between another and its answer.
  if (view.facts.get(matter.stage) === "asked") askForFacts(view, matter.stage);
}
