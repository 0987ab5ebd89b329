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
import { codeBy, silentValue } from "./flow_state.js";

/** @import { View } from "./flow_state.js" */
/** @import { NumberArray } from "./types.js" */

/**
 * @typedef {object} Matter
 * @property {number} stage
 * @property {Float64Array} changes of the error by each unit, NaN where not known
 * @property {number} done how many have been gone through
 * @property {number} plain the error with all of them
 * @property {number} tried how many of them are known when all have been gone through
 * @property {string} [token] of the question to a server
 * @property {boolean} [late] whether the server has not answered for long
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
  const changes = new Float64Array(units).fill(NaN);
  return { stage, changes, done: 0, plain: NaN, tried: units };
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
  const z = plainCode(view);
  decodeBy(spare, z);
  matter.plain = squaredError(x, spare.output);
  while (matter.done < matter.changes.length && clock() < until) {
    matter.changes[matter.done] = without(view, z, matter.stage, matter.done) - matter.plain;
    matter.done++;
  }
  return matter.done < matter.changes.length;
}

/**
 * The code that is decoded while nothing is silenced: a hand's is what it is, whatever the encoder
 * says.
 * @param {View} view
 */
const plainCode = (view) => (view.by === "hand" ? view.z : codeBy(view, view.spare));

/**
 * The error without one unit. Leaves the network as it was up to that stage.
 * @param {View} view
 * @param {NumberArray} z with all of them
 * @param {number} stage
 * @param {number} unit
 */
function without(view, z, stage, unit) {
  const { spare, x } = view;
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
    if (inEncoder) decodeBy(spare, plainCode(view));
  }
  const error = squaredError(x, spare.output);
  values.set(kept, unit * each);
  return error;
}
