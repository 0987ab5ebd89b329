// @ts-check
// Reparameterisation drawn: the mean, the spread, the noise, the sample, and the pull of the KL
// divergence to the centre.

import { codeOfFlow } from "./flow_engine.js";
import { make } from "./pictures.js";
import { shownNumber } from "./state.js";

/** @import { Colors } from "./flow_colors.js" */
/** @import { View } from "./flow_state.js" */

export const MOST_ROWS = 5;

/**
 * Latent numbers by what they say of this example, in nats: the most first.
 * @param {View} view that has run
 */
export function divergences(view) {
  const { mu, logvar } = codeOfFlow(view.flow);
  if (!logvar) return [];
  return [...mu.keys()]
    .map((d) => ({
      d,
      mu: mu[d],
      std: Math.exp(logvar[d] / 2),
      kl: 0.5 * (mu[d] ** 2 + Math.exp(logvar[d]) - logvar[d] - 1),
    }))
    .sort((a, b) => (mu.length === 2 ? a.d - b.d : b.kl - a.kl)); // a plane keeps its axes
}

/**
 * The prior's circle, the ellipse of q(z|x), its mean, the sample, and the arrow of the pull.
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {Colors} colors
 */
export function paintNoise(view, context, side, colors) {
  const [first, second] = divergences(view);
  context.clearRect(0, 0, side, side);
  if (!first) return;
  const reach = Math.max(2.6, ...[first, second].map((v) => (v ? Math.abs(v.mu) + v.std : 0)));
  const unit = side / 2 / (1.1 * reach);
  const middle = side / 2;
  const at = /** @param {number} v */ (v) => middle + v * unit;
  const two = second ?? { mu: 0, std: 0, d: -1 };
  context.lineWidth = 1;
  context.strokeStyle = colors.faint;
  for (const radius of [1, 2]) oval(context, middle, middle, radius * unit, radius * unit);
  line(context, 0, middle, side, middle);
  line(context, middle, 0, middle, side);
  context.strokeStyle = colors.below;
  context.lineWidth = 2;
  const [x, y] = [at(first.mu), at(-two.mu)];
  oval(context, x, y, first.std * unit, Math.max(1, two.std * unit));
  arrow(context, x, y, x + (middle - x) * 0.6, y + (middle - y) * 0.6);
  context.fillStyle = colors.below;
  dot(context, x, y, 4);
  if (view.by === "sample") {
    context.fillStyle = colors.above;
    context.strokeStyle = colors.above;
    const [toX, toY] = [at(view.z[first.d]), second ? at(-view.z[second.d]) : middle];
    line(context, x, y, toX, toY);
    dot(context, toX, toY, 5);
  }
  context.fillStyle = colors.ink;
  context.font = `12px ${colors.font}`;
  context.textAlign = "right";
  context.fillText(view.bundle.meta.names[first.d], side - 3, middle - 4);
  context.textAlign = "left";
  if (second) context.fillText(view.bundle.meta.names[second.d], middle + 4, 12);
}

/**
 * The numbers beside it, one row a latent number.
 * @param {View} view
 * @param {HTMLElement} body of a table
 */
export function writeNoise(view, body) {
  const all = divergences(view);
  const sampled = view.by === "sample";
  const rows = all.slice(0, MOST_ROWS).map(({ d, mu, std, kl }) => {
    const row = make("tr");
    const noise = sampled ? shownNumber(view.eps[d]) : "–";
    const z = shownNumber(view.flow.decoder.input[d]);
    const texts = [
      view.bundle.meta.names[d],
      ...[mu, std].map(shownNumber),
      noise,
      z,
      shownNumber(kl),
    ];
    for (const text of texts) row.insertCell().textContent = text;
    return row;
  });
  body.replaceChildren(...rows);
  return all.reduce((sum, { kl }) => sum + kl, 0);
}

/** @type {(c: CanvasRenderingContext2D, x: number, y: number, rx: number, ry: number) => void} */
function oval(context, x, y, rx, ry) {
  context.beginPath();
  context.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
  context.stroke();
}

/** @type {(c: CanvasRenderingContext2D, x: number, y: number, toX: number, toY: number) => void} */
function line(context, x, y, toX, toY) {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(toX, toY);
  context.stroke();
}

/** @type {(c: CanvasRenderingContext2D, x: number, y: number, toX: number, toY: number) => void} */
function arrow(context, x, y, toX, toY) {
  line(context, x, y, toX, toY);
  const angle = Math.atan2(toY - y, toX - x);
  for (const side of [2.6, -2.6]) {
    line(context, toX, toY, toX + 7 * Math.cos(angle + side), toY + 7 * Math.sin(angle + side));
  }
}

/** @type {(c: CanvasRenderingContext2D, x: number, y: number, r: number) => void} */
function dot(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
