// @ts-check
// The network that a bundle holds, and how far its activations reach.

import { imageOf } from "./bundle.js";
import {
  activationsOf,
  codeOfFlow,
  createFlow,
  createServedFlow,
  decodeBy,
  encodeBy,
} from "./flow_engine.js";

/** @import { Bundle } from "./bundle.js" */
/** @import { Flow } from "./flow_engine.js" */

const LOOKED_AT_MACS = 30_000_000; // how much is run at the start to know the colours' reach

/**
 * The network of a bundle, and how far its activations reach.
 * @param {Bundle} bundle
 */
export function takeNetwork(bundle) {
  const { network: meta, served } = bundle.meta;
  if (!meta && served) {
    const flow = createServedFlow(served);
    return { flow, spare: flow, reach: flow.stages.map(({ reach }) => reach ?? 1) };
  }
  if (!meta) throw new Error(bundle.meta.note);
  const flow = createFlow(meta, bundle.arrays.w);
  const spare = createFlow(meta, bundle.arrays.w);
  return { flow, spare, reach: reachOf(spare, bundle) };
}

/**
 * The largest activation of each stage over some examples: colours mean the same for all of them.
 * @param {Flow} flow
 * @param {Bundle} bundle
 */
function reachOf(flow, bundle) {
  const macs = flow.encoder.steps.length ? costOf(flow) : 1;
  const count = Math.max(1, Math.min(bundle.meta.images, 16, Math.floor(LOOKED_AT_MACS / macs)));
  const reach = flow.stages.map(() => 1e-6);
  for (let i = 0; i < count; i++) {
    if (bundle.meta.images) encodeBy(flow, imageOf(bundle, i));
    decodeBy(flow, bundle.meta.images ? codeOfFlow(flow).mu : bundle.mean);
    for (const stage of reach.keys()) {
      for (const value of activationsOf(flow, stage)) {
        if (Math.abs(value) > reach[stage]) reach[stage] = Math.abs(value);
      }
    }
  }
  return reach;
}

/**
 * Multiply-adds of one example, about: as many as weights where no kernel is used twice.
 * @param {Flow} flow
 */
const costOf = ({ meta }) => (meta.encoder_macs ?? meta.weights) + (meta.decoder_macs ?? 0);
