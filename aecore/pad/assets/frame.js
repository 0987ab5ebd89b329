// @ts-check
// One frame: what moves goes on, what changed is drawn.

import { classOf, decodeByPca, imageOf } from "./bundle.js";
import { nearest } from "./codes.js";
import { drawEpochs } from "./epoch_curve.js";
import { drawPins } from "./journeys.js";
import { drawOverlay, drawPoints } from "./map_drawing.js";
import { advanceGlide, resizeMap } from "./map_view.js";
import { encodeDrawing } from "./paper.js";
import { largeOf, paint, wipe } from "./pictures.js";
import { advancePlane } from "./plane.js";
import { advanceJourney } from "./playing.js";
import { drawStrips, followCode } from "./sliders.js";
import { show, shownNumber } from "./state.js";
import { tellCode } from "./telling.js";
import { advanceFilm } from "./travel.js";
import { advanceWalk } from "./walk.js";

/** @import { Pad } from "./state.js" */

/**
 * @param {Pad} pad
 * @param {number} now
 */
export function drawFrame(pad, now) {
  if (!pad.width) resizeMap(pad);
  if (!pad.width) return;
  if (pad.drawingChanged) encodeDrawing(pad);
  if (pad.walk) advanceWalk(pad, now);
  if (pad.playing) advanceJourney(pad, now);
  if (pad.film) advanceFilm(pad, now);
  if (pad.glide) advanceGlide(pad, now);
  if (pad.pinsChanged) drawPins(pad);
  if (pad.style.color !== pad.ink) {
    pad.ink = pad.style.color; // light or dark
    pad.stale = true;
  }
  advancePlane(pad, now);
  if (pad.stale) {
    drawPoints(pad);
    drawEpochs(pad);
    pad.stale = false;
  }
  drawDecoded(pad);
  drawOverlay(pad);
  drawStrips(pad, now);
  const moving = pad.walk || pad.playing || pad.film || pad.glide;
  if (moving || pad.stripsAt !== null) show(pad);
}

/**
 * What the code under the hand becomes, and what is shown beside it.
 * @param {Pad} pad
 */
function drawDecoded(pad) {
  const { anchor, hover, z } = pad;
  const code = hover ?? z;
  const still = !hover && anchor?.x && anchor.mu.every((value, d) => value === z[d]);
  const example = still ? anchor : null;
  drawLarge(pad, code, Boolean(example));
  drawNearest(pad, code, example?.index ?? -1);
  drawPca(pad, code, example?.x ?? null);
  drawWhere(pad, code);
  followCode(pad, code);
  tellCode(pad, code, example);
}

/**
 * @param {Pad} pad
 * @param {Float32Array} code
 * @param {boolean} reconstructs
 */
function drawLarge(pad, code, reconstructs) {
  const { elements, bundle } = pad;
  const decodedByServer = pad.hover ? null : pad.answer;
  const decoded = pad.network ? pad.network.decode(code) : decodedByServer;
  wipe(elements.big);
  if (decoded?.every(Number.isFinite)) {
    paint(elements.big, decoded, largeOf(elements.big, bundle.layout));
    elements.bigText.textContent = reconstructs ? "Its reconstruction" : "Decoded from this point";
  } else if (decoded) {
    elements.bigText.textContent = "The decoding is not a number here.";
  } else if (bundle.meta.network) {
    elements.bigText.textContent = "Nothing to decode.";
  } else {
    elements.bigText.textContent = pad.hover ? "Click to decode here." : "Waiting for the server.";
  }
}

/**
 * The nearest real example, or the chosen one.
 * @param {Pad} pad
 * @param {Float32Array} code
 * @param {number} chosen its index, or -1
 */
function drawNearest(pad, code, chosen) {
  const { elements, bundle } = pad;
  const { images, thing } = bundle.meta;
  if (!images) return;
  const [found] =
    chosen >= 0
      ? [{ index: chosen, distance: 0 }]
      : nearest(pad.codes, bundle.latentDim, images, code);
  const name = classOf(bundle, found.index)?.name;
  pad.near = found;
  paint(elements.near, imageOf(bundle, found.index), bundle.layout.small);
  elements.nearText.textContent = found.distance
    ? `Nearest real${name ? `: ${name}` : ` ${thing}`}, ${shownNumber(found.distance)} away`
    : `The chosen ${thing}${name ? ` (${name})` : ""}`;
}

/**
 * @param {Pad} pad
 * @param {Float32Array} code
 * @param {Float32Array | null} x the chosen example
 */
function drawPca({ elements, bundle }, code, x) {
  if (!bundle.meta.pca) return;
  paint(elements.pca, decodeByPca(bundle, code, x), bundle.layout.small);
  elements.pcaText.textContent = x
    ? `PCA of it, k = ${bundle.latentDim}`
    : `PCA, k = ${bundle.latentDim}, here`;
}

/**
 * The code in numbers.
 * @param {Pad} pad
 * @param {Float32Array} code
 */
function drawWhere({ elements, bundle, axes, walk }, code) {
  const many = bundle.latentDim > 3;
  const shown = many ? axes : [...code.keys()];
  const numbers = shown.map((d) => `${bundle.meta.names[d]} = ${shownNumber(code[d])}`);
  const still = walk ? "move with it" : "unchanged";
  const others = many ? `   ${bundle.latentDim - 2} others ${still}` : "";
  elements.where.textContent = numbers.join("   ") + others;
}
