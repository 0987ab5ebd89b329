// @ts-check
// How much each unit of a layer matters for this example: its error with that unit silenced, for
// one unit after another, in pieces short enough that nothing stutters.

import {
  activationsOf,
  decodeBy,
  encodeBy,
  runFrom,
  squaredError,
  unitsOf,
  valuesOfUnit,
} from "./flow_engine.js";
import { silentValue } from "./flow_state.js";

/** @import { View } from "./flow_state.js" */

/**
 * @typedef {object} Matter
 * @property {number} stage
 * @property {Float64Array} changes of the error by each unit, NaN where not yet known
 * @property {number} done how many are known
 * @property {number} plain the error with all of them
 */

const PIECE_MS = 6;

/**
 * @param {View} view that has run
 * @param {number} stage
 * @returns {Matter}
 */
export function beginMatter(view, stage) {
  const code = stage === view.flow.codeStage;
  const units = code ? view.bundle.latentDim : unitsOf(view.flow.stages[stage]);
  return { stage, changes: new Float64Array(units).fill(NaN), done: 0, plain: NaN };
}

/**
 * Find out about some more units; true while there are more to come.
 * @param {View} view
 * @param {Matter} matter
 * @param {() => number} clock in milliseconds
 */
export function goOnWithMatter(view, matter, clock = () => performance.now()) {
  const { spare, x } = view;
  const until = clock() + PIECE_MS;
  encodeBy(spare, x);
  decodeBy(spare, view.z);
  matter.plain = squaredError(x, spare.output);
  while (matter.done < matter.changes.length && clock() < until) {
    matter.changes[matter.done] = without(view, matter.stage, matter.done) - matter.plain;
    matter.done++;
  }
  return matter.done < matter.changes.length;
}

/**
 * The error without one unit. Leaves the network as it was up to that stage.
 * @param {View} view
 * @param {number} stage
 * @param {number} unit
 */
function without(view, stage, unit) {
  const { spare, x, z } = view;
  if (stage === spare.codeStage) {
    decodeBy(
      spare,
      Float32Array.from(z, (v, d) => (d === unit ? silentValue(view, d) : v)),
    );
    return squaredError(x, spare.output);
  }
  const each = valuesOfUnit(spare.stages[stage]);
  const values = activationsOf(spare, stage);
  const kept = values.slice(unit * each, (unit + 1) * each);
  values.fill(0, unit * each, (unit + 1) * each);
  const inEncoder = spare.stages[stage].part === "encoder";
  if (stage + 1 < spare.stages.length) {
    runFrom(spare, inEncoder ? "encoder" : "decoder", stage + 1);
    if (inEncoder) {
      // A hand's code is what it is, whatever the encoder says.
      const code = activationsOf(spare, spare.codeStage).subarray(0, view.bundle.latentDim);
      decodeBy(spare, view.by === "hand" ? z : code);
    }
  }
  const error = squaredError(x, spare.output);
  values.set(kept, unit * each);
  return error;
}
