// @ts-check
// One layer of the network while it learns: units as cells, feature maps as tiles, pictures.

import { ABOVE_ZERO, BELOW_ZERO } from "../../aecore/pad/assets/signed_colors.js";
import { contextOf, seriesColors } from "./run_view_canvas.js";

/** @import { LayerLook, RunData } from "./run_view_types.js" */
/**
 * @typedef {object} Column one layer of the drawing
 * @property {LayerLook} look
 * @property {Uint8Array} values
 * @property {Uint8Array | null} moved
 * @property {number} x its middle
 * @property {number} half the hourglass's half height there
 */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */

export const WIDEST = 30; // pixels of a column of units
const PICTURE = 84; // at most, of what enters and comes out
const TILE_GAP = 2;
const stirred = seriesColors.train;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {number} middle
 * @param {RunData} data
 * @param {string} ink
 */
export function drawColumn(context, column, middle, data, ink) {
  const { look, half, x } = column;
  const { shape } = look;
  if (shape.length === 3) {
    const whole = look.part === "input" || shape[0] === 1 || shape[0] === look.of;
    if (whole && data.kind === "image" && shape[0] === data.shape[0]) {
      const side = Math.min(2 * half, PICTURE);
      const width = Math.min(side, (side * shape[2]) / shape[1], 2 * WIDEST);
      const height = (width * shape[1]) / shape[2];
      const box = { x: x - width / 2, y: middle - height / 2, width, height };
      drawTile(context, column, 0, shape[0], box, true);
    } else {
      drawMaps(context, column, middle, ink);
    }
  } else {
    drawUnits(context, column, middle, ink);
  }
}

/**
 * Units as cells in rows, the stronger the more colour.
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {number} middle
 * @param {string} ink
 */
function drawUnits(context, { look, values, moved, x, half }, middle, ink) {
  const count = values.length;
  let across = 1;
  while (across < 6 && (2 * half) / Math.ceil(count / across) < 5 * Math.sqrt(across)) across++;
  const rows = Math.ceil(count / across);
  const size = Math.max(2, Math.min((2 * half) / rows, WIDEST / across, 14));
  const left = x - (across * size) / 2;
  const top = middle - (rows * size) / 2;
  const { low, high } = look;
  const largest = Math.max(high, -low) || 1;
  for (let i = 0; i < count; i++) {
    const value = low + (values[i] / 255) * (high - low);
    const cellX = left + (i % across) * size;
    const cellY = top + Math.floor(i / across) * size;
    const side = Math.max(1, size - 1);
    context.globalAlpha = 0.14;
    context.fillStyle = ink;
    context.fillRect(cellX, cellY, side, side);
    context.globalAlpha = Math.min(1, Math.abs(value) / largest);
    context.fillStyle = `rgb(${(value < 0 ? BELOW_ZERO : ABOVE_ZERO).join(" ")})`;
    context.fillRect(cellX, cellY, side, side);
    if (!moved) continue;
    context.globalAlpha = moved[i] / 255;
    context.strokeStyle = stirred;
    context.strokeRect(cellX - 0.5, cellY - 0.5, side + 1, side + 1);
  }
  context.globalAlpha = 1;
}

/**
 * Feature maps as tiles, two beside each other.
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {number} middle
 * @param {string} ink
 */
function drawMaps(context, column, middle, ink) {
  const { look, moved, x, half } = column;
  const [maps] = look.shape;
  const across = maps > 3 ? 2 : 1;
  const rows = Math.ceil(maps / across);
  const side = Math.max(6, Math.min((2 * half) / rows - TILE_GAP, WIDEST));
  const left = x - (across * (side + TILE_GAP) - TILE_GAP) / 2;
  const top = middle - (rows * (side + TILE_GAP) - TILE_GAP) / 2;
  for (let m = 0; m < maps; m++) {
    const box = {
      x: left + (m % across) * (side + TILE_GAP),
      y: top + Math.floor(m / across) * (side + TILE_GAP),
      width: side,
      height: side,
    };
    context.globalAlpha = 0.14;
    context.fillStyle = ink;
    context.fillRect(box.x, box.y, side, side);
    context.globalAlpha = 1;
    drawTile(context, column, m, 1, box, false);
    if (!moved) continue;
    context.globalAlpha = moved[m] / 255;
    context.strokeStyle = stirred;
    context.strokeRect(box.x - 0.5, box.y - 0.5, side + 1, side + 1);
    context.globalAlpha = 1;
  }
}

const scratch = document.createElement("canvas");

/**
 * A picture, or a feature map: its colour by its sign, as units have it.
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {number} first of its channels
 * @param {number} channels 1 or 3
 * @param {Box} box
 * @param {boolean} picture
 */
function drawTile(context, { look, values }, first, channels, box, picture) {
  const [, high, wide] = look.shape;
  const plane = high * wide;
  const pixels = contextOf(scratch);
  scratch.width = wide;
  scratch.height = high;
  const image = pixels.createImageData(wide, high);
  const largest = Math.max(look.high, -look.low) || 1;
  for (let p = 0; p < plane; p++) {
    /** @param {number} channel */
    const at = (channel) =>
      look.low + (values[(first + channel) * plane + p] / 255) * (look.high - look.low);
    if (picture) {
      // In the data's own range, which is from 0 to 1 for pictures.
      for (let c = 0; c < 3; c++) image.data[4 * p + c] = 255 * at(channels === 3 ? c : 0);
      image.data[4 * p + 3] = 255;
    } else {
      const value = at(0);
      const [r, g, b] = value < 0 ? BELOW_ZERO : ABOVE_ZERO;
      image.data.set([r, g, b, 255 * Math.min(1, Math.abs(value) / largest)], 4 * p);
    }
  }
  pixels.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(scratch, box.x, box.y, box.width, box.height);
}
