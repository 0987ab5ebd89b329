// @ts-check
// An open unit in words, numbers and pictures.

import { layerName, thingName, valueName } from "./flow_words.js";
import { activationsOf, isOutput, unitsOf } from "./flow_engine.js";
import { lookedFor } from "./flow_gradient.js";
import { openAnswer } from "./flow_answer.js";
import { rangeOf } from "./flow_code.js";
import { paintCurve, paintHistogram, paintNine, paintSigned } from "./flow_pictures.js";
import { paintAdds } from "./flow_adds.js";
import { isSilenced, silentValue } from "./flow_state.js";
import { curveOf, sumOf, strongestOf } from "./flow_terms.js";
import { shownNumber } from "./state.js";

/** @import { Place, View } from "./flow_state.js" */
/** @import { Sum } from "./flow_terms.js" */
/** @import { ServedUnit } from "./types.js" */

const TERMS = 5;

/**
 * How many units can be opened in a stage: of the code its numbers, of the output its values.
 * @param {View} view
 * @param {number} stage
 */
export const openable = ({ flow }, stage) =>
  stage === flow.codeStage
    ? flow.meta.latent_dim
    : isOutput(flow, stage)
      ? flow.output.length
      : unitsOf(flow.stages[stage]);

/**
 * What stands beside the pictures; each time that the network has run.
 * @param {View} view
 */
export function writeUnit(view) {
  const { elements, open, flow } = view;
  if (!open) return;
  const { stage, unit } = open;
  const code = stage === flow.codeStage;
  const said = openAnswer(view);
  const gives = givenBy(view, open);
  const silenced = isSilenced(view, open);
  elements.flowWho.textContent = `${layerName(view, stage)}: ${thingName(view, stage, unit)}`;
  const output = isOutput(flow, stage);
  elements.flowGives.textContent = silenced
    ? `Silenced: ${code ? `held at ${shownNumber(silentValue(view, unit))}` : "gives 0"}.`
    : gives === null
      ? "Being computed …"
      : `Gives ${shownNumber(gives)}${whereOrBeside(view, open)}.`;
  for (const button of [elements.flowSilence, elements.flowLayer]) button.disabled = output;
  elements.flowSilence.textContent = silenced ? "Let it speak" : "Silence it";
  elements.flowSlide.hidden = !code;
  if (code) writeSlider(view, unit);
  if (view.moving && stage <= flow.codeStage) return; // its sum is not what the hand moves
  if (flow.given && !said) return;
  const sum = flow.given ? saidSum(said) : sumOf(flow, stage, strongestValue(view, open));
  writeTerms(view, stage, sum);
  const f = curveOf(flow, stage);
  elements.flowCurveFigure.hidden = !(sum && f);
  if (sum && f) {
    paintCurve(view, f, sum.total);
    const curve = flow.stages[stage].curve;
    const becomes = `${shownNumber(sum.total)} becomes ${shownNumber(f(sum.total))}`;
    elements.flowCurveText.textContent = `${curve}: ${becomes}`;
  }
}

/**
 * The index of the value that is looked at among its stage's.
 * @param {View} view
 * @param {Place} open
 */
const strongestValue = ({ flow }, { stage, unit }) =>
  stage === flow.codeStage ? unit : strongestOf(flow, stage, unit);

/**
 * What an open unit gives; null until the server has said it.
 * @param {View} view
 * @param {Place} open
 */
function givenBy(view, open) {
  const { flow } = view;
  if (flow.given) return openAnswer(view)?.gives ?? null;
  const code = open.stage === flow.codeStage;
  return code
    ? flow.decoder.input[open.unit]
    : activationsOf(flow, open.stage)[strongestValue(view, open)];
}

/**
 * A sum as the server said it.
 * @param {ServedUnit | null} said
 * @returns {Sum | null}
 */
function saidSum(said) {
  if (!said?.sum) return null;
  const terms = said.sum.terms.map(([from, weight, x, by]) => ({ from, weight, x, by }));
  return { ...said.sum, value: -1, terms };
}

/**
 * Of a feature map where it gives that; of the output what the example itself has there.
 * @param {View} view
 * @param {Place} open
 */
function whereOrBeside({ flow, x, index }, { stage, unit }) {
  if (isOutput(flow, stage)) {
    const what = index === -1 ? "drawing" : "example";
    return index === -2 ? "" : `; the ${what} has ${shownNumber(x[unit])}`;
  }
  const maps = stage !== flow.codeStage && flow.stages[stage].shape.length === 3;
  return maps ? " at its strongest place" : "";
}

/**
 * @param {View} view
 * @param {number} d
 */
function writeSlider(view, d) {
  const { flowZ } = view.elements;
  const { low, high } = rangeOf(view, d);
  flowZ.min = low;
  flowZ.max = high;
  const value = view.z[d];
  if (!flowZ.matches(":focus")) flowZ.value = value;
  flowZ.setAttribute("aria-label", `Value of ${view.bundle.meta.names[d]}`);
  flowZ.setAttribute("aria-valuetext", shownNumber(value));
}

/**
 * @param {View} view
 * @param {number} stage
 * @param {Sum | null} sum
 */
function writeTerms(view, stage, sum) {
  const { flowTerms } = view.elements;
  /** @type {[string, string, string][]} */
  const rows = [];
  if (sum) {
    const top = sum.terms.slice(0, TERMS);
    for (const { from, weight, x, by } of top) {
      const product = `${shownNumber(weight)} × ${shownNumber(x)}`;
      rows.push([valueName(view, stage, from), product, shownNumber(by)]);
    }
    const rest = sum.rest ?? sum.terms.slice(TERMS).reduce((total, { by }) => total + by, 0);
    const left = sum.count - top.length;
    if (left) rows.push([`${left} smaller`, "", shownNumber(rest)]);
    rows.push(["bias", "", shownNumber(sum.bias)]);
    rows.push(["Σ", "", shownNumber(sum.total)]);
  } else {
    rows.push(["This layer adds nothing up by weights.", "", ""]);
  }
  while (flowTerms.rows.length > rows.length) flowTerms.deleteRow(-1);
  for (const [i, texts] of rows.entries()) {
    const row = flowTerms.rows[i] ?? flowTerms.insertRow();
    for (const [j, text] of texts.entries()) {
      const cell = row.cells[j] ?? row.insertCell();
      if (cell.textContent !== text) cell.textContent = text;
    }
  }
}

/**
 * The pictures that take a pass through the network.
 * @param {View} view
 */
export function paintUnit(view) {
  const { open } = view;
  if (!open || view.moving) return;
  if (view.flow.given && !openAnswer(view)) return; // what is there stays until the answer
  paintLooks(view, open);
  paintAdds(view, open);
  paintFacts(view, open);
}

/**
 * @param {View} view
 * @param {Place} open
 */
function paintLooks(view, open) {
  const { flow, elements, bundle } = view;
  const { sum, part } = flow.stages[open.stage];
  const found =
    sum === null
      ? null
      : flow.given
        ? saidLooks(view)
        : lookedFor(flow, open.stage, sum, strongestValue(view, open));
  const { flowLooks, flowLooksText } = elements;
  flowLooks.hidden = !found;
  if (!found) {
    flowLooksText.textContent = "What it looks for is not drawn for this kind of layer.";
    return;
  }
  const inData = part === "encoder";
  const grid = inData && !bundle.layout.graph ? bundle.layout : null;
  paintSigned(view, flowLooks, found.slopes, grid);
  const first = sum === 0 && inData;
  flowLooksText.textContent = first
    ? "Looks for: its weights"
    : `Looks for in ${inData ? "the input" : "the code"}: ` +
      (found.exact ? "exact here" : "slope here");
  flowLooksText.title = found.exact
    ? "The linear map from what enters to its sum, exact around this example."
    : "How its sum changes with each value that enters, at this example.";
}

/**
 * What the server said that it looks for.
 * @param {View} view
 */
function saidLooks(view) {
  const slopes = view.answer?.looks;
  return slopes ? { slopes, exact: Boolean(openAnswer(view)?.exact) } : null;
}

/**
 * What it does on held-out examples, once the page has answered.
 * @param {View} view
 * @param {Place} open
 */
function paintFacts(view, { stage, unit }) {
  const { elements, facts, options, flow } = view;
  elements.flowFacts.hidden = !options.facts || isOutput(flow, stage);
  if (elements.flowFacts.hidden) return;
  const found = facts.get(stage);
  const { flowFactsText, flowNine, flowHist } = elements;
  const ready = found && found !== "asked" && !found.meta.why;
  flowNine.hidden = !ready;
  flowHist.hidden = !ready;
  if (!found || found === "asked") {
    flowFactsText.textContent = "Looking through the held-out examples …";
    return;
  }
  if (found.meta.why) {
    flowFactsText.textContent = found.meta.why;
    return;
  }
  const { top, hist, low, high, silent } = found.arrays;
  const { bins, examples, rule } = found.meta;
  paintNine(view, top.subarray(9 * unit, 9 * unit + 9));
  const now = givenBy(view, { stage, unit }) ?? 0;
  const range = /** @type {[number, number]} */ ([low[unit], high[unit]]);
  paintHistogram(view, hist.subarray(bins * unit, bins * (unit + 1)), range, now);
  const share = Math.round(1000 * silent[unit]) / 10;
  flowFactsText.textContent =
    `Left: what excites it most. Over ${examples.toLocaleString("en")} held-out examples ` +
    "it gives " +
    `${shownNumber(low[unit])} to ${shownNumber(high[unit])} and is silent for ${share} %.`;
  flowFactsText.title = rule ?? "";
}
