// @ts-check
// Which part of the latent space the map shows, and where on it a code lies.

import { pen } from "./pictures.js";
import { show } from "./state.js";

/** @import { Pad } from "./state.js" */
/** @import { NumberArray } from "./types.js" */

const GLIDE_TIME = 300; // milliseconds
const [NARROWEST, WIDEST] = [1e-4, 1e6];

/**
 * Give the canvases the size of their place.
 * @param {Pad} pad
 */
export function resizeMap(pad) {
  const { map, points, overlay } = pad.elements;
  pad.width = map.clientWidth;
  pad.height = map.clientHeight;
  if (!pad.width) return;
  const ratio = devicePixelRatio || 1;
  for (const canvas of [points, overlay]) {
    canvas.width = pad.width * ratio;
    canvas.height = pad.height * ratio;
    pen(canvas).setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  pad.stale = true;
  show(pad);
}

/**
 * Show all points of all epochs at hand, unless a person chose a view.
 * @param {Pad} pad
 */
export function fitView(pad, always = true) {
  if (pad.userView && !always) return;
  const all = [pad.bundle.meta.spans, ...[...pad.frames.values()].map(({ spans }) => spans)];
  pad.view = pad.axes.map((d) =>
    d < 0
      ? { low: -1, high: 1 }
      : {
          low: Math.min(...all.map((spans) => spans[d][0])),
          high: Math.max(...all.map((spans) => spans[d][1])),
        },
  );
  pad.userView = false;
  pad.stale = true;
}

/**
 * How much of axis i (0 across, 1 up) the map shows.
 * @param {Pad} pad
 * @param {0 | 1} i
 */
export const spanOf = ({ view }, i) => view[i].high - view[i].low;

/**
 * The pixel of a value along the axis across.
 * @param {Pad} pad
 * @param {number} value
 */
export const toX = (pad, value) => ((value - pad.view[0].low) / spanOf(pad, 0)) * pad.width;

/**
 * The pixel of a value along the axis up.
 * @param {Pad} pad
 * @param {number} value
 */
export const toY = (pad, value) => ((pad.view[1].high - value) / spanOf(pad, 1)) * pad.height;

/**
 * @param {Pad} pad
 * @param {number} x
 */
const fromX = (pad, x) => pad.view[0].low + (x / pad.width) * spanOf(pad, 0);

/**
 * @param {Pad} pad
 * @param {number} y
 */
const fromY = (pad, y) => pad.view[1].high - (y / pad.height) * spanOf(pad, 1);

/**
 * Where a code lies on the map, in pixels.
 * @param {Pad} pad
 * @param {NumberArray} code
 * @returns {[number, number]}
 */
export function placeOf(pad, code) {
  const [across, up] = pad.axes;
  return [toX(pad, code[across]), up < 0 ? pad.height / 2 : toY(pad, code[up])];
}

/**
 * The code under a place of the map: two coordinates of it, the others as they are.
 * @param {Pad} pad
 * @param {number} x
 * @param {number} y
 */
export function codeAt(pad, x, y, base = pad.z) {
  const [across, up] = pad.axes;
  const code = base.slice();
  code[across] = fromX(pad, x);
  if (up >= 0) code[up] = fromY(pad, y);
  return code;
}

/**
 * The example near a place, or -1; one with a picture, where there are any.
 * @param {Pad} pad
 * @param {number} x
 * @param {number} y
 */
export function exampleAt(pad, x, y) {
  const { meta } = pad.bundle;
  let best = -1;
  let least = pad.thumbnails ? 16 : 8;
  for (let i = 0; i < (meta.images || meta.points); i++) {
    const dx = toX(pad, pad.positions[2 * i]) - x;
    const dy = toY(pad, pad.positions[2 * i + 1]) - y;
    const distance = Math.hypot(dx, dy);
    if (distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}

/**
 * Zoom about a place, or about the middle.
 * @param {Pad} pad
 * @param {number} factor
 */
export function zoom(pad, factor, x = pad.width / 2, y = pad.height / 2) {
  const fixed = [fromX(pad, x), fromY(pad, y)];
  moveEdges(pad, (edge, i) => fixed[i] + (edge - fixed[i]) / factor);
}

/**
 * @param {Pad} pad
 * @param {number} dx pixels
 * @param {number} dy
 */
export function pan(pad, dx, dy) {
  const by = [fromX(pad, 0) - fromX(pad, dx), fromY(pad, 0) - fromY(pad, dy)];
  moveEdges(pad, (edge, i) => edge + by[i]);
}

/**
 * Move every edge of the view, unless nothing could be seen in it.
 * @param {Pad} pad
 * @param {(edge: number, axis: number) => number} move
 */
function moveEdges(pad, move) {
  const next = pad.view.map(({ low, high }, i) => ({ low: move(low, i), high: move(high, i) }));
  const sensible = next.every(({ low, high }) => high - low > NARROWEST && high - low < WIDEST);
  if (!sensible) return;
  pad.view = next;
  pad.userView = true;
  pad.stale = true;
  show(pad);
}

/**
 * Put the points where their codes are now; smoothly within 0.3 s, so the eye can follow.
 * @param {Pad} pad
 * @param {boolean} smooth
 */
export function movePoints(pad, smooth) {
  const { codes, axes } = pad;
  const { latentDim, meta } = pad.bundle;
  const to = new Float32Array(2 * meta.points);
  for (let i = 0; i < meta.points; i++) {
    to[2 * i] = codes[i * latentDim + axes[0]];
    // A single dimension has no second axis: points are strewn along it.
    to[2 * i + 1] = axes[1] < 0 ? ((i * 0.618034) % 1) - 0.5 : codes[i * latentDim + axes[1]];
  }
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (smooth && pad.positions.length === to.length && !still) {
    pad.glide = { from: pad.positions, to, start: performance.now() };
  } else {
    pad.glide = null;
    pad.positions = to;
  }
  pad.stale = true;
}

/**
 * Where the points are at this frame.
 * @param {Pad} pad
 * @param {number} now
 */
export function advanceGlide(pad, now) {
  if (!pad.glide) return;
  const { from, to, start } = pad.glide;
  const t = Math.min(1, (now - start) / GLIDE_TIME);
  const share = t * t * (3 - 2 * t);
  pad.positions = t < 1 ? to.map((value, i) => from[i] + share * (value - from[i])) : to;
  if (t === 1) pad.glide = null;
  pad.stale = true;
}
