// @ts-check
// The latent map of a run, in motion from one reading to the next.

import { bytesOf, fitCanvas, viewHeight } from "./run_view_canvas.js";

/** @import { RunData, RunView } from "./run_view_types.js" */

const TWEEN_MS = 350;
const PADDING = 12;

/**
 * Paint the map between its last and its new positions; t from 0 to 1.
 * @param {RunView} view
 * @param {number} t
 */
export function drawMap({ data, figures, map: { from, to, labels } }, t) {
  const { context, width, height } = fitCanvas(figures.map, viewHeight());
  if (!to) return;
  const moving = from && from.length === to.length;
  const places = moving ? to.map((value, i) => from[i] + (value - from[i]) * t) : to;
  const { middle, scale } = placement(places, width, height);
  const side = places.length > 800 ? 3 : 6;
  context.globalAlpha = 0.8;
  for (let i = 0; i < places.length / 2; i++) {
    context.fillStyle = data.colors[(labels[i] || 0) % data.colors.length];
    const x = width / 2 + (places[2 * i] - middle.x) * scale;
    const y = height / 2 - (places[2 * i + 1] - middle.y) * scale;
    context.fillRect(x - side / 2, y - side / 2, side, side);
  }
  context.globalAlpha = 1;
}

/**
 * The middle of all points, and the scale at which they fit.
 * @param {Float32Array} places
 * @param {number} width
 * @param {number} height
 */
function placement(places, width, height) {
  const low = { x: Infinity, y: Infinity };
  const high = { x: -Infinity, y: -Infinity };
  for (let i = 0; i < places.length; i += 2) {
    low.x = Math.min(low.x, places[i]);
    high.x = Math.max(high.x, places[i]);
    low.y = Math.min(low.y, places[i + 1]);
    high.y = Math.max(high.y, places[i + 1]);
  }
  return {
    middle: { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 },
    scale: Math.min(
      (width - 2 * PADDING) / Math.max(high.x - low.x, 1e-6),
      (height - 2 * PADDING) / Math.max(high.y - low.y, 1e-6),
    ),
  };
}

/**
 * Positions from whole steps of one length, away from the middle.
 * @param {RunData} data
 */
function placesOf({ map, map_middle: middle = [0, 0], map_scale: scale = 1 }) {
  const steps = new Int16Array(bytesOf(map).buffer);
  return Float32Array.from(steps, (step, i) => middle[i % 2] + step * scale);
}

/**
 * Take new positions and move to them.
 * @param {RunView} view
 */
export function moveMap(view) {
  const { map, data } = view;
  if (!data.map) {
    map.to = null;
    drawMap(view, 1);
    return;
  }
  map.labels = bytesOf(data.labels);
  map.from = map.to;
  map.to = placesOf(data);
  const began = performance.now();
  cancelAnimationFrame(map.frame);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  /** @param {number} now */
  const tick = (now) => {
    const t = still ? 1 : Math.min(1, (now - began) / TWEEN_MS);
    drawMap(view, t);
    if (t < 1) map.frame = requestAnimationFrame(tick);
  };
  map.frame = requestAnimationFrame(tick);
}
