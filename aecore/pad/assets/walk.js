// @ts-check
// The point goes its own slow way from class to class, until somebody touches the pad.

import { middleOf, nearest } from "./codes.js";
import { codeOf, show } from "./state.js";

/** @import { Pad } from "./state.js" */

const LEG = 3200; // milliseconds from one stop to the next
const REST = 900; // at each
const ASIDE = 0.3; // of what the codes span, from the mean

/**
 * Set out, where the page wants it, the model runs here and motion is welcome.
 * @param {Pad} pad
 */
export function setOut(pad) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const may = pad.options.walk && pad.network && !pad.touched && !still;
  const stops = may ? stopsOf(pad, pad.options.walk ?? []) : [];
  const enough = stops.length > 1 ? stops : may ? corners(pad) : [];
  pad.walk = enough.length ? { stops: enough, since: null } : null;
}

/**
 * The middles of the classes of these names, as far as there are such.
 * @param {Pad} pad
 * @param {string[]} names
 */
function stopsOf(pad, names) {
  const { bundle } = pad;
  const { classes, points } = bundle.meta;
  const wanted = names.map((name) => classes.findIndex((one) => one.name === name));
  const found = [];
  for (const label of wanted) {
    const codes = [];
    for (let i = 0; i < points; i++) {
      if (bundle.arrays.labels?.[i] === label) codes.push(codeOf(pad, i));
    }
    if (codes.length) found.push(middleOf(codes));
  }
  return found;
}

/**
 * Codes of examples to the right, above, to the left and below, where no classes lead the way.
 * @param {Pad} pad
 */
function corners(pad) {
  const { bundle, axes, codes } = pad;
  const { latentDim, mean, meta } = bundle;
  const ways = [axes[0], axes[1], axes[0], axes[1]];
  return ways.map((d, i) => {
    const wanted = mean.slice();
    if (d >= 0) wanted[d] += (i < 2 ? ASIDE : -ASIDE) * (meta.spans[d][1] - meta.spans[d][0]);
    return codeOf(pad, nearest(codes, latentDim, meta.points, wanted)[0].index);
  });
}

/**
 * Where the walk is at this frame.
 * @param {Pad} pad
 * @param {number} now
 */
export function advanceWalk(pad, now) {
  if (!pad.walk) return;
  const { stops } = pad.walk;
  pad.walk.since ??= now;
  const turn = LEG + REST;
  const gone = now - pad.walk.since;
  const leg = Math.floor(gone / turn);
  const t = Math.max(0, (gone % turn) - REST) / LEG;
  const share = t * t * (3 - 2 * t);
  const from = stops[leg % stops.length];
  const to = stops[(leg + 1) % stops.length];
  pad.z = from.map((value, d) => value + share * (to[d] - value));
  pad.anchor = null;
}

/**
 * Somebody has touched the pad: the point stays where it is, and is theirs.
 * @param {Pad} pad
 */
export function touched(pad) {
  pad.touched = true;
  if (!pad.walk) return;
  pad.walk = null;
  show(pad);
}
