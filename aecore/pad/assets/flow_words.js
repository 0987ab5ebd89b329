// @ts-check
// What the parts of the drawing are called.

import { classOf } from "./bundle.js";
import { activationsOf, isOutput, unitsOf, valuesOfUnit } from "./flow_engine.js";
import { openAnswer } from "./flow_answer.js";

/** @import { View } from "./flow_state.js" */

/**
 * @param {View} view
 * @param {number} stage
 */
export function layerName({ flow }, stage) {
  if (stage === flow.codeStage) return "Code";
  if (isOutput(flow, stage)) return "Output";
  const { part } = flow.stages[stage];
  const number = part === "encoder" ? stage + 1 : stage - flow.codeStage;
  return `${part === "encoder" ? "Encoder" : "Decoder"}, layer ${number}`;
}

/**
 * @param {View} view
 * @param {number} stage
 * @param {number} unit
 */
export function thingName({ flow, bundle }, stage, unit) {
  if (stage === flow.codeStage) return bundle.meta.names[unit];
  if (isOutput(flow, stage)) return inputName(bundle, unit);
  const of = `${unit + 1} of ${unitsOf(flow.stages[stage])}`;
  return `${flow.stages[stage].shape.length === 3 ? "map" : "unit"} ${of}`;
}

/**
 * The name of a value that a stage reads.
 * @param {View} view
 * @param {number} stage
 * @param {number} from
 */
export function valueName({ flow, bundle }, stage, from) {
  if (stage === 0) return inputName(bundle, from);
  if (stage === flow.codeStage + 1) return bundle.meta.names[from];
  const before = flow.stages[stage - 1];
  if (before.shape.length !== 3) return `unit ${from + 1}`;
  const each = valuesOfUnit(before);
  const place = from % each;
  const wide = before.shape[2];
  return `map ${Math.floor(from / each) + 1}, ${Math.floor(place / wide)}/${place % wide}`;
}

const COLORS = ["red", "green", "blue"];

/**
 * @param {import("./bundle.js").Bundle} bundle
 * @param {number} from
 */
function inputName({ layout }, from) {
  if (layout.columns) return layout.columns[from]?.name ?? `column ${from + 1}`;
  if (layout.graph) return `value ${from + 1}`;
  const pixel = from % (layout.H * layout.W);
  const color = layout.C === 3 ? `, ${COLORS[Math.floor(from / (layout.H * layout.W))]}` : "";
  return `pixel ${Math.floor(pixel / layout.W)}/${pixel % layout.W}${color}`;
}

/**
 * What is shown on the left.
 * @param {View} view
 */
export function exampleName({ bundle, index }) {
  if (index === -1) return "your drawing";
  if (index < 0) return "a code alone";
  const name = classOf(bundle, index)?.name;
  return `held-out example ${index + 1}${name ? ` (${name})` : ""}`;
}

/**
 * What a screen reader hears of an open unit.
 * @param {View} view
 */
export function saidOf(view) {
  const { open, flow } = view;
  if (!open) return "";
  const code = open.stage === flow.codeStage;
  const each = code || isOutput(flow, open.stage) ? 1 : valuesOfUnit(flow.stages[open.stage]);
  const thing = thingName(view, open.stage, open.unit);
  if (flow.given && !openAnswer(view)) return "";
  const values = code ? flow.decoder.input : activationsOf(flow, open.stage);
  const gives =
    openAnswer(view)?.gives ??
    Math.max(...values.subarray(open.unit * each, (open.unit + 1) * each));
  return `${layerName(view, open.stage)}, ${thing}: ${gives.toFixed(2)}`;
}
