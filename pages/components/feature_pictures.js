// @ts-check
// What a feature adds and takes away, in colours; and examples that came as bytes.

import { paint, pen } from "../../aecore/pad/assets/pictures.js";
import { ABOVE_ZERO, BELOW_ZERO } from "../../aecore/pad/assets/signed_colors.js";

/** @import { Drawing } from "../../aecore/pad/assets/types.js" */

const NOTHING = 128; // of a byte that stands for a signed number

/**
 * Example i of many, which came as bytes over the range of the data.
 * @param {Uint8Array} bytes
 * @param {number} i
 * @param {number} size
 * @param {[number, number]} range
 */
export function exampleOf(bytes, i, size, [low, high]) {
  const part = bytes.subarray(i * size, (i + 1) * size);
  return Float32Array.from(part, (byte) => low + (byte / 255) * (high - low));
}

/**
 * Drawing i of many: orange adds, blue takes away, nothing is clear.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} bytes
 * @param {number} i
 * @param {number} size
 * @param {Drawing} layout
 */
export function paintSigned(canvas, bytes, i, size, layout) {
  const part = bytes.subarray(i * size, (i + 1) * size);
  if (layout.graph) {
    const values = Float32Array.from(part, (byte) => (byte - NOTHING) / 127);
    paint(canvas, values, { ...layout, low: -1, high: 1 });
    return;
  }
  const { C: channels, H: height, W: width } = layout;
  canvas.width = width;
  canvas.height = height;
  const context = pen(canvas);
  const picture = context.createImageData(width, height);
  const plane = width * height;
  for (let at = 0; at < plane; at++) {
    let change = 0;
    for (let c = 0; c < channels; c++) change += (part[c * plane + at] - NOTHING) / 127 / channels;
    picture.data.set(change < 0 ? BELOW_ZERO : ABOVE_ZERO, 4 * at);
    picture.data[4 * at + 3] = Math.min(255, 255 * Math.abs(change));
  }
  context.putImageData(picture, 0, 0);
}
