// @ts-check
// Two versions of one example on one canvas, parted by the handle.

import { make, paint, pen } from "../../aecore/pad/assets/pictures.js";
import { ABOVE_ZERO, BELOW_ZERO } from "../../aecore/pad/assets/signed_colors.js";

/** @import { Wipe } from "./wipe_types.js" */

export const PCA = -1; // among the versions

/**
 * A version of an example as numbers from 0 to 1.
 * @param {Wipe} wipe
 * @param {number} version
 * @param {number} [example]
 */
export function valuesOf({ meta, arrays, stop, ...wipe }, version, example = wipe.example) {
  const { size, examples } = meta;
  const row = (version === PCA ? stop : version) * examples + example;
  const bytes = (version === PCA ? arrays.pca : arrays.versions).subarray(
    row * size,
    (row + 1) * size,
  );
  return Float32Array.from(bytes, (byte) => byte / 255);
}

/**
 * @param {Wipe} wipe
 * @param {number} left version
 * @param {number} right version
 */
export function drawPair(wipe, left, right) {
  const { parts, meta, at, errors } = wipe;
  const { width, height } = parts.picture;
  const context = pen(parts.picture);
  const [one, other] = [make("canvas"), make("canvas")];
  paint(one, valuesOf(wipe, left), meta.layout);
  paint(other, valuesOf(wipe, right), meta.layout);
  if (errors) paintErrors(other, wipe, right);
  const edge = Math.round(width * at);
  context.imageSmoothingEnabled = false;
  context.clearRect(0, 0, width, height);
  for (const [from, to, canvas] of /** @type {[number, number, HTMLCanvasElement][]} */ ([
    [0, edge, one],
    [edge, width, other],
  ])) {
    context.save();
    context.beginPath();
    context.rect(from, 0, to - from, height);
    context.clip();
    context.drawImage(canvas, 0, 0, width, height);
    context.restore();
  }
  context.fillStyle = "#000";
  context.fillRect(edge - 4, 0, 8, height);
  context.fillStyle = "#fff";
  context.fillRect(edge - 2, 0, 4, height);
  context.beginPath();
  context.arc(edge, height / 2, 18, 0, 2 * Math.PI);
  context.fill();
  context.lineWidth = 3;
  context.strokeStyle = "#000";
  context.stroke();
}

/**
 * What is too dark and too bright; where it is right nothing is drawn, on light and on dark.
 * @param {HTMLCanvasElement} canvas
 * @param {Wipe} wipe
 * @param {number} version
 */
function paintErrors(canvas, wipe, version) {
  const { W: width, H: height, C: channels } = wipe.meta.layout;
  const original = valuesOf(wipe, 0);
  const values = valuesOf(wipe, version);
  const context = pen(canvas);
  const picture = context.createImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    let error = 0;
    for (let c = 0; c < channels; c++) {
      error += (values[c * plane + i] - original[c * plane + i]) / channels;
    }
    picture.data.set(error < 0 ? BELOW_ZERO : ABOVE_ZERO, 4 * i);
    picture.data[4 * i + 3] = 255 * Math.abs(error);
  }
  context.putImageData(picture, 0, 0);
}
