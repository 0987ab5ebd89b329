// @ts-check
// What an open unit adds to the output, in a picture.

import { codeOfFlow, decodeBy, encodeBy, isOutput, silence, wakeAll } from "./flow_engine.js";
import { paintSigned } from "./flow_pictures.js";
import { isSilenced, silentValue } from "./flow_state.js";

/** @import { Place, View } from "./flow_state.js" */

/**
 * The output with it, less the output without it.
 * @param {View} view
 * @param {Place} open
 */
function addedBy(view, open) {
  const { flow, spare } = view;
  const { stage, unit } = open;
  const silenced = isSilenced(view, open);
  for (const [i, units] of flow.silent.entries()) spare.silent[i] = units?.slice() ?? null;
  for (const [d, value] of flow.held) spare.held.set(d, value);
  if (stage === flow.codeStage) {
    if (silenced) spare.held.delete(unit);
    else spare.held.set(unit, silentValue(view, unit));
  } else {
    silence(spare, stage, unit, !silenced);
  }
  encodeBy(spare, view.x);
  decodeBy(spare, view.by === "mean" ? codeOfFlow(spare).mu : view.z);
  const sign = silenced ? -1 : 1;
  const adds = flow.output.map((with_, i) => sign * (with_ - spare.output[i]));
  wakeAll(spare);
  return adds;
}

/**
 * @param {View} view
 * @param {Place} open
 */
export function paintAdds(view, open) {
  const { elements, bundle, flow } = view;
  elements.flowAdds.parentElement.hidden = isOutput(flow, open.stage); // it adds itself
  if (isOutput(flow, open.stage)) return;
  const silenced = isSilenced(view, open);
  const adds = (flow.given ? view.answer?.adds : addedBy(view, open)) ?? new Float32Array();
  paintSigned(view, elements.flowAdds, adds, bundle.layout.graph ? null : bundle.layout);
  const nothing = adds.every((v) => Math.abs(v) < 1e-7);
  elements.flowAddsText.textContent = nothing
    ? "Changes nothing of this output"
    : silenced
      ? "Would add this to the output"
      : "Adds this to the output";
}
