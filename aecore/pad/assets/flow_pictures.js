// @ts-check
// The small pictures of an open unit: its curve, what it looks for, what it adds, its histogram.

import { imageOf } from "./bundle.js";
import { colorsOf, pixelAt } from "./flow_colors.js";
import { make, paint, pen } from "./pictures.js";

/** @import { Colors } from "./flow_colors.js" */
/** @import { View } from "./flow_state.js" */
/** @import { NumberArray } from "./types.js" */

/**
 * A canvas of so many CSS pixels, sharp and empty.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function freshCanvas(canvas, width, height) {
  const scale = Math.min(3, Math.max(1, window.devicePixelRatio || 1));
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = pen(canvas);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/**
 * Signed values as a picture of the data, or as bars where they are none.
 * @param {View} view
 * @param {HTMLCanvasElement} canvas
 * @param {NumberArray} values
 * @param {{ C: number, H: number, W: number } | null} grid
 */
export function paintSigned(view, canvas, values, grid) {
  const colors = colorsOf(view);
  let reach = 1e-12;
  for (const value of values) reach = Math.max(reach, Math.abs(value));
  if (!grid) {
    paintSignedBars(freshCanvas(canvas, 104, 104), values, reach, colors);
    return;
  }
  const { C: channels, H: height, W: width } = grid;
  canvas.width = width;
  canvas.height = height;
  const context = pen(canvas);
  const picture = context.createImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const size = height * width;
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += values[c * size + i];
    pixels[i] = pixelAt(colors.scale, sum / channels / reach);
  }
  context.putImageData(picture, 0, 0);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {NumberArray} values
 * @param {number} reach
 * @param {Colors} colors
 */
function paintSignedBars(context, values, reach, colors) {
  const [width, height] = [104, 104];
  const step = width / values.length;
  context.fillStyle = colors.faint;
  context.fillRect(0, height / 2 - 0.5, width, 1);
  for (let i = 0; i < values.length; i++) {
    const tall = (values[i] / reach) * (height / 2 - 2);
    context.fillStyle = values[i] < 0 ? colors.below : colors.above;
    const wide = Math.max(0.75, step * 0.8);
    context.fillRect(i * step, height / 2 - Math.max(0, tall), wide, Math.abs(tall));
  }
}

/**
 * A curve with the dot of this example on it.
 * @param {View} view
 * @param {(x: number) => number} f
 * @param {number} x the sum
 */
export function paintCurve(view, f, x) {
  const [width, height] = [104, 104];
  const context = freshCanvas(view.elements.flowCurve, width, height);
  const colors = colorsOf(view);
  const reach = Math.max(3, 1.15 * Math.abs(x));
  const points = Array.from({ length: 105 }, (_, i) => f((i / 52 - 1) * reach));
  const low = Math.min(0, ...points);
  const high = Math.max(low + 1e-6, ...points);
  /** @param {number} v */
  const across = (v) => ((v / reach + 1) / 2) * width;
  /** @param {number} v */
  const up = (v) => height - 6 - ((v - low) / (high - low)) * (height - 12);
  context.fillStyle = colors.faint;
  context.fillRect(0, up(0) - 0.5, width, 1);
  context.fillRect(width / 2 - 0.5, 0, 1, height);
  context.strokeStyle = colors.ink;
  context.lineWidth = 2;
  context.beginPath();
  for (const [i, value] of points.entries()) context.lineTo(i, up(value));
  context.stroke();
  context.fillStyle = x < 0 ? colors.below : colors.above;
  context.beginPath();
  context.arc(across(x), up(f(x)), 5, 0, 2 * Math.PI);
  context.fill();
}

/**
 * The held-out examples that excite a unit most, three by three.
 * @param {View} view
 * @param {NumberArray} indices -1 for none
 */
export function paintNine(view, indices) {
  const { layout, meta } = view.bundle;
  const canvas = view.elements.flowNine;
  const [width, height] = layout.graph ? [layout.W, layout.H] : [layout.W, layout.H];
  canvas.width = 3 * width + 2;
  canvas.height = 3 * height + 2;
  const context = pen(canvas);
  const one = make("canvas");
  for (const [i, index] of indices.entries()) {
    if (index < 0 || index >= meta.images) continue;
    paint(one, imageOf(view.bundle, index), { ...layout, color: colorsOf(view).accent });
    context.drawImage(one, (i % 3) * (width + 1), Math.floor(i / 3) * (height + 1));
  }
}

/**
 * How often a unit gives what.
 * @param {View} view
 * @param {NumberArray} bins the largest 255
 * @param {[number, number]} range
 * @param {number} now what it gives
 */
export function paintHistogram(view, bins, [low, high], now) {
  const [width, height] = [124, 50];
  const context = freshCanvas(view.elements.flowHist, width, height);
  const colors = colorsOf(view);
  const step = width / bins.length;
  context.fillStyle = colors.faint;
  for (const [i, bin] of bins.entries()) {
    const tall = (bin / 255) * (height - 4);
    context.fillRect(i * step, height - tall, step - 1, tall);
  }
  const at = Math.max(0, Math.min(1, (now - low) / (high - low || 1))) * (width - 2);
  context.fillStyle = colors.above;
  context.fillRect(at, 0, 2, height);
}

/**
 * The change of the error by each unit, the largest first.
 * @param {View} view
 * @param {{ unit: number, change: number }[]} sorted
 * @param {number} width
 */
export function paintMatter(view, sorted, width) {
  const height = 120;
  const context = freshCanvas(view.elements.flowBars, width, height);
  const colors = colorsOf(view);
  if (!sorted.length) return;
  const most = Math.max(...sorted.map(({ change }) => change), 1e-12);
  const least = Math.min(...sorted.map(({ change }) => change), 0);
  const step = Math.min(28, width / sorted.length);
  const named = step >= 22;
  const foot = named ? 16 : 2;
  const zero = ((height - foot) * most) / (most - least);
  context.font = `11px ${colorsOf(view).font}`;
  context.textAlign = "center";
  for (const [i, { unit, change }] of sorted.entries()) {
    const tall = (change / (most - least)) * (height - foot);
    context.fillStyle = change < 0 ? colors.below : colors.above;
    const wide = Math.max(0.75, step - (step > 4 ? 2 : 0));
    context.fillRect(i * step, zero - Math.max(0, tall), wide, Math.max(1, Math.abs(tall)));
    context.fillStyle = colors.ink;
    if (named) context.fillText(String(unit + 1), (i + 0.5) * step, height - 3);
  }
}
