// @ts-check
// The code in the middle of the drawing: bars, or a point on the plane of two numbers; of a
// variational model with how sure it is.

import { colorOf } from "./bundle.js";
import { codeOfFlow } from "./flow_engine.js";
import { make, pen } from "./pictures.js";

/** @import { Colors } from "./flow_colors.js" */
/** @import { Column } from "./flow_layout.js" */
/** @import { View } from "./flow_state.js" */

const CODES_SHOWN = 1200; // held-out codes on the plane

/**
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {Colors} colors
 */
export function paintCode(view, context, column, colors) {
  if (column.form === "plane") paintPlane(view, context, column, colors);
  else paintCodeBars(view, context, column, colors);
}

/**
 * The range of a latent number, of its codes and of 0.
 * @param {View} view
 * @param {number} d
 */
export function rangeOf({ bundle }, d) {
  const found = bundle.meta.dimensions.find(({ index }) => index === d);
  const { low, high } = found ?? { low: -1, high: 1 };
  return { low: Math.min(low, 0), high: Math.max(high, 0) };
}

/**
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {Colors} colors
 */
function paintCodeBars(view, context, { x, y, width, down, units }, colors) {
  const z = view.flow.decoder.input;
  const { mu, logvar } = codeOfFlow(view.flow);
  context.font = `11px ${colors.font}`;
  context.textAlign = "left";
  const label = width > 60 ? 22 : 0;
  for (let d = 0; d < units; d++) {
    const { low, high } = rangeOf(view, d);
    /** @param {number} value */
    const at = (value) =>
      x + label + Math.max(0, Math.min(1, (value - low) / (high - low))) * (width - label);
    const middle = y + (d + 0.5) * down;
    const thick = Math.min(10, down - 2);
    context.fillStyle = colors.faint;
    context.globalAlpha *= 0.5;
    context.fillRect(x + label, middle - 0.5, width - label, 1);
    context.fillRect(at(0) - 0.5, middle - thick / 2, 1, thick);
    context.globalAlpha *= 2;
    context.fillStyle = z[d] < 0 ? colors.below : colors.above;
    const [from, to] = [at(0), at(z[d])];
    context.fillRect(Math.min(from, to), middle - thick / 2, Math.abs(to - from), thick);
    if (logvar && view.by !== "hand") {
      const std = Math.exp(logvar[d] / 2);
      context.fillStyle = colors.ink;
      context.fillRect(at(mu[d] - std), middle - 1, at(mu[d] + std) - at(mu[d] - std), 2);
      context.fillRect(at(mu[d]) - 1, middle - thick / 2, 2, thick);
    }
    context.fillStyle = colors.ink;
    if (label && down >= 11) context.fillText(view.bundle.meta.names[d], x, middle + 4);
    if (!view.flow.held.has(d)) continue;
    context.fillRect(x, middle - 0.75, width, 1.5);
  }
}

/** @type {WeakMap<import("./bundle.js").Bundle, HTMLCanvasElement>} */
const planes = new WeakMap();

/**
 * The held-out codes, faint; drawn once for a bundle.
 * @param {View} view
 */
function planeOf({ bundle }) {
  const kept = planes.get(bundle);
  if (kept) return kept;
  const sheet = make("canvas");
  const side = 360;
  sheet.width = side;
  sheet.height = side;
  const context = pen(sheet);
  const [[left, right], [low, high]] = bundle.meta.spans;
  const { codes } = bundle.arrays;
  for (let i = 0; i < Math.min(CODES_SHOWN, bundle.meta.points); i++) {
    context.fillStyle = colorOf(bundle, i);
    context.beginPath();
    const x = ((codes[2 * i] - left) / (right - left)) * side;
    const y = (1 - (codes[2 * i + 1] - low) / (high - low)) * side;
    context.arc(x, y, 3, 0, 2 * Math.PI);
    context.fill();
  }
  planes.set(bundle, sheet);
  return sheet;
}

/**
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {Colors} colors
 */
function paintPlane(view, context, { x, y, width, height }, colors) {
  const [[left, right], [low, high]] = view.bundle.meta.spans;
  const z = view.flow.decoder.input;
  /** @type {(value: number) => number} */
  const across = (value) => x + ((value - left) / (right - left)) * width;
  /** @type {(value: number) => number} */
  const up = (value) => y + (1 - (value - low) / (high - low)) * height;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.globalAlpha *= 0.45;
  context.drawImage(planeOf(view), x, y, width, height);
  context.globalAlpha /= 0.45;
  context.strokeStyle = colors.ink;
  context.lineWidth = 1.5;
  const { mu, logvar } = codeOfFlow(view.flow);
  if (logvar && view.by !== "hand") {
    const [wide, tall] = [0, 1].map((d) => Math.exp(logvar[d] / 2));
    for (const deviations of [1, 2]) {
      context.beginPath();
      const [rx, ry] = [across(wide) - across(0), up(0) - up(tall)].map((r) => r * deviations);
      context.ellipse(across(mu[0]), up(mu[1]), rx, ry, 0, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  context.beginPath();
  context.arc(across(z[0]), up(z[1]), 6, 0, 2 * Math.PI);
  context.fillStyle = colors.accent;
  context.fill();
  context.strokeStyle = colors.paper;
  context.lineWidth = 2;
  context.stroke();
  context.restore();
  context.strokeStyle = colors.faint;
  context.lineWidth = 1;
  context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
}
