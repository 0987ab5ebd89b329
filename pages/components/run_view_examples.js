// @ts-check
// Reconstructions beside the originals and PCA's: pictures in three rows, else a plot for each.

import { bytesOf, contextOf, fitCanvas, seriesColors } from "./run_view_canvas.js";

/** @import { Figures, RunData } from "./run_view_types.js" */

const CELL = 70; // pixels of a plot's height
const GAP = { across: 14, down: 12 };
const BAR = 0.26; // of a column's width

/**
 * @param {Figures} figures
 * @param {RunData} data
 */
export function drawExamples(figures, data) {
  const versions = [bytesOf(data.sample), bytesOf(data.x_hat), bytesOf(data.pca_sample)];
  if (data.kind === "image") drawImages(figures.examples, data, versions);
  else drawPlots(figures, data, versions);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {RunData} data
 * @param {Uint8Array[]} versions
 */
function drawImages(canvas, data, versions) {
  const [channels, height, width] = data.shape;
  const count = data.count || 10;
  const size = channels * height * width;
  canvas.width = count * (width + 2) - 2;
  canvas.height = 3 * (height + 2) - 2;
  canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
  const context = contextOf(canvas);
  for (const [row, values] of versions.entries()) {
    if (!values.length) continue;
    for (let i = 0; i < count; i++) {
      const image = context.createImageData(width, height);
      fillPixels(image.data, values.subarray(i * size, (i + 1) * size), channels);
      context.putImageData(image, i * (width + 2), row * (height + 2));
    }
  }
}

/**
 * @param {Uint8ClampedArray} pixels RGBA
 * @param {Uint8Array} values one channel after another
 * @param {number} channels
 */
function fillPixels(pixels, values, channels) {
  const plane = values.length / channels;
  for (let p = 0; p < plane; p++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels[4 * p + channel] = values[channels === 3 ? channel * plane + p : p];
    }
    pixels[4 * p + 3] = 255;
  }
}

/**
 * Each example in a plot of its own: three lines, or for a table three bars a column.
 * @param {Figures} figures
 * @param {RunData} data
 * @param {Uint8Array[]} versions
 */
function drawPlots({ root, examples: canvas }, data, versions) {
  const ink = getComputedStyle(root).color;
  const count = data.count || 0;
  const columns = Math.min((canvas.clientWidth || 300) > 500 ? 5 : 2, count || 1);
  const rows = Math.ceil((count || 1) / columns);
  const { context, width } = fitCanvas(canvas, rows * (CELL + GAP.down));
  const [low, high] = data.range || [0, 1];
  const across = (width - GAP.across * (columns - 1)) / columns;
  for (let i = 0; i < count; i++) {
    const left = (i % columns) * (across + GAP.across);
    const top = Math.floor(i / columns) * (CELL + GAP.down) + 6;
    /** @param {number} byte */
    const yOf = (byte) => top + CELL * (1 - byte / 255);
    // A table's bars stand on the mean of the training data, which is 0.
    const base = data.kind === "bars" ? yOf((255 * (0 - low)) / (high - low)) : top + CELL;
    context.fillStyle = ink;
    context.globalAlpha = 0.3;
    context.fillRect(left, base, across, 1);
    for (const [which, all] of versions.entries()) {
      const size = all.length / count;
      const values = all.subarray(i * size, (i + 1) * size);
      const color = [ink, seriesColors.model, seriesColors.pca][which];
      context.globalAlpha = which ? 1 : 0.55;
      context.fillStyle = color;
      context.strokeStyle = color;
      if (data.kind === "bars") {
        drawBars(context, values, { left, across, base, which }, yOf);
      } else {
        drawLine(context, values, { left, across }, yOf);
      }
    }
  }
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Uint8Array} values
 * @param {{ left: number, across: number, base: number, which: number }} place
 * @param {(byte: number) => number} yOf
 */
function drawBars(context, values, { left, across, base, which }, yOf) {
  const step = across / values.length;
  for (const [column, byte] of values.entries()) {
    const x = left + step * (column + 0.08 + 0.28 * which);
    context.fillRect(x, base, step * BAR, yOf(byte) - base);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Uint8Array} values
 * @param {{ left: number, across: number }} place
 * @param {(byte: number) => number} yOf
 */
function drawLine(context, values, { left, across }, yOf) {
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [i, byte] of values.entries()) {
    context.lineTo(left + (across * i) / (values.length - 1), yOf(byte));
  }
  context.stroke();
}
