// @ts-check
// The unit that is open, and what is silenced.

import { isOutput, silence } from "./flow_engine.js";
import { beginMatter } from "./flow_matter.js";
import { changed, isSilenced, redraw, silentValue } from "./flow_state.js";
import { openable } from "./flow_unit.js";

/** @import { View } from "./flow_state.js" */

/**
 * Open a unit; the page is asked for its facts, once for all units of its layer.
 * @param {View} view
 * @param {number} stage
 * @param {number} unit
 */
export function openUnit(view, stage, unit) {
  if (view.flow.given && isOutput(view.flow, stage)) return; // the server tells of units alone
  const most = openable(view, stage);
  view.open = { stage, unit: ((unit % most) + most) % most };
  if (view.matter && view.matter.stage !== stage) view.matter = null;
  if (view.tab === "noise") view.tab = "unit";
  const asks = !view.facts.has(stage) && !isOutput(view.flow, stage);
  if (view.flow.given) {
    const known = view.matter?.done ? view.matter : null;
    changed(view);
    view.matter = known; // which unit is looked at does not change what each one does
  } else if (asks) askForFacts(view, stage);
  redraw(view);
}

/**
 * Ask the page what the units of a layer do on held-out examples.
 * @param {View} view
 * @param {number} stage
 */
export function askForFacts(view, stage) {
  if (!view.options.facts || !view.send) return;
  view.facts.set(stage, "asked");
  view.send("asked", { stage, token: `${Date.now()}` });
}

/**
 * Silence what is open, or let it speak.
 * @param {View} view
 */
export function toggleOpen(view) {
  const { open } = view;
  if (!open || isOutput(view.flow, open.stage)) return;
  setSilent(view, open.stage, open.unit, !isSilenced(view, open));
  changed(view);
}

/**
 * @param {View} view
 * @param {number} stage
 * @param {number} unit
 * @param {boolean} silent
 */
function setSilent(view, stage, unit, silent) {
  const { flow } = view;
  // A code that a hand chose would hide what the encoder now says.
  if (stage < flow.codeStage && view.by === "hand" && view.index !== -2) view.by = "mean";
  if (stage !== flow.codeStage) silence(flow, stage, unit, silent);
  else if (silent) flow.held.set(unit, silentValue(view, unit));
  else flow.held.delete(unit);
}

/**
 * The whole layer, or none of it.
 * @param {View} view
 */
export function toggleLayer(view) {
  const { open } = view;
  if (!open || isOutput(view.flow, open.stage)) return;
  const units = Array.from({ length: openable(view, open.stage) }, (_, unit) => unit);
  const all = units.every((unit) => isSilenced(view, { stage: open.stage, unit }));
  for (const unit of units) setSilent(view, open.stage, unit, !all);
  changed(view);
}

/**
 * @param {View} view
 * @param {string} tab
 */
export function openPanel(view, tab) {
  view.tab = tab;
  redraw(view);
}

/** @param {import("./flow_matter.js").Matter} matter */
export const sortedMatter = ({ changes, done }) =>
  [...changes.subarray(0, done)]
    .map((change, unit) => ({ unit, change }))
    .filter(({ change }) => !Number.isNaN(change))
    .sort((a, b) => b.change - a.change);

/**
 * Whose units are compared: those of the open layer, or else the code.
 * @param {View} view
 */
export const matterStage = (view) => view.open?.stage ?? view.flow.codeStage;

/**
 * The bars of how much each unit matters; null where they have to be asked for.
 * @param {View} view
 */
export function wantMatter(view) {
  const stage = matterStage(view);
  if (view.flow.given) return view.matter;
  if (view.matter?.stage !== stage) view.matter = beginMatter(view, stage);
  return view.matter;
}
