// @ts-check
// What is known of a run, and how it grows by a line of its stream.

/** @import { RunData, RunLine } from "./run_view_types.js" */

/** @type {("heldout" | "whole" | "train" | "changes")[]} */
const series = ["heldout", "whole", "train", "changes"];

/**
 * Nothing yet.
 * @param {string} run
 * @param {RunData["kind"]} kind
 * @returns {RunData}
 */
export function unknownRun(run, kind) {
  return {
    run,
    kind,
    shape: [],
    figures: [],
    words: "",
    heldout: [],
    whole: [],
    train: [],
    changes: [],
    damaged: false,
    colors: [],
    passed: null,
    pca: null,
    pca_name: "PCA",
  };
}

/**
 * What was known, and a line more: new points are added, all else takes the place of what was.
 * @param {RunData} known
 * @param {RunLine} line
 * @returns {RunData}
 */
export function grown(known, line) {
  const before = line.reset ? unknownRun(known.run, known.kind) : known;
  const now = { ...before, ...line };
  for (const name of series) {
    const points = /** @type {[number, any][]} */ (line[name] ?? []);
    now[name] = /** @type {any} */ ([...before[name], ...points.map(drawable)]);
  }
  return now;
}

/**
 * JSON has no infinity: an error of none is drawn at the upper edge.
 * @param {[number, any]} point
 * @returns {[number, any]}
 */
function drawable([images, value]) {
  return [images, value ?? Number.POSITIVE_INFINITY];
}
