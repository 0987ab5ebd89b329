// @ts-check
// The chosen code: going to it, keeping it, undoing it.

import { imageOf } from "./bundle.js";
import { reparameterize } from "./codes.js";
import { play } from "./playing.js";
import { askForDecoding } from "./server.js";
import { codeOf, show } from "./state.js";

/** @import { Example, Pad } from "./state.js" */
/** @import { NumberArray } from "./types.js" */

const UNDOS = 100;
const PINS = 6;

/**
 * Keep where a hand is, for undo.
 * @param {Pad} pad
 */
export function remember(pad) {
  pad.undos = [...pad.undos.slice(1 - UNDOS), { z: pad.z, anchor: pad.anchor }];
}

/** @param {Pad} pad */
export function undo(pad) {
  const last = pad.undos.pop();
  if (last) {
    pad.z = last.z;
    pad.anchor = last.anchor;
  }
  moved(pad);
}

/**
 * Go to a code and stay there.
 * @param {Pad} pad
 * @param {NumberArray} code
 * @param {Example | null} example the one that it is the code of
 * @param {boolean} keep whether to pin it
 */
export function choose(pad, code, example = null, keep = true) {
  remember(pad);
  pad.z = Float32Array.from(code);
  pad.anchor = example;
  pad.hover = null;
  if (keep) {
    pad.pins = [...pad.pins.slice(1 - PINS), { z: pad.z, anchor: example }];
    pad.pinsChanged = true;
  }
  moved(pad);
}

/**
 * Go to an example of the map.
 * @param {Pad} pad
 * @param {number} index
 */
export function chooseImage(pad, index) {
  const mu = codeOf(pad, index);
  const x = index < pad.bundle.meta.images ? imageOf(pad.bundle, index) : null;
  choose(pad, mu, { index, x, mu });
}

/**
 * Mean and log variance of q(z|x) of the chosen example, or null.
 * @param {Pad} pad
 */
export function posterior({ anchor, network }) {
  if (!anchor?.x || !network?.variational) return null;
  anchor.logvar ??= network.encode(anchor.x).logvar?.slice();
  return anchor.logvar ? { mu: anchor.mu, logvar: anchor.logvar } : null;
}

/**
 * Go to another sample of q(z|x) of the chosen example.
 * @param {Pad} pad
 */
export function resample(pad) {
  const q = posterior(pad);
  if (!q) return;
  remember(pad);
  pad.z = reparameterize(q.mu, q.logvar);
  moved(pad);
}

/**
 * After z or the anchor changed by an act, not by hovering.
 * @param {Pad} pad
 */
export function moved(pad) {
  if (pad.playing) play(pad, false);
  pad.answer = null;
  enable(pad);
  show(pad);
  askForDecoding(pad);
}

/**
 * Buttons that mean nothing now are disabled.
 * @param {Pad} pad
 */
export function enable(pad) {
  const { elements, network } = pad;
  elements.undo.disabled = !pad.undos.length;
  elements.resample.disabled = !posterior(pad);
  elements.path.disabled = !network;
  elements.between.disabled = !network || pad.pins.length < 2;
}
