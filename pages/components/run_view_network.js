// @ts-check
// The network while it learns: its layers as an hourglass, what one example does in them, how far
// each moved, and how far it has come on its way to PCA's error and past it.

import { bytesOf, fitCanvas, seriesColors, viewHeight } from "./run_view_canvas.js";
import { drawColumn, WIDEST } from "./run_view_layers.js";

/** @import { Column } from "./run_view_layers.js" */
/** @import { LayerLook, RunData, RunView } from "./run_view_types.js" */

const PULSE_MS = 700;
const borders = { side: 8, top: 8, bottom: 34 };
const NARROWEST = 16; // pixels of the hourglass's half height

/**
 * Draw the network as it is known, and a pulse where a step was done since.
 * @param {RunView} view
 */
export function showNetwork(view) {
  const { data, pulse } = view;
  const stepped = (data.step ?? 0) !== pulse.step;
  pulse.step = data.step ?? 0;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (stepped && !still && data.layers?.length) pulse.since = performance.now();
  if (pulse.frame) return;
  /** @param {number} now */
  const tick = (now) => {
    const t = pulse.since === null ? 1 : (now - pulse.since) / PULSE_MS;
    if (t >= 1) pulse.since = null;
    drawNetwork(view, Math.min(1, Math.max(0, t)));
    pulse.frame = pulse.since === null ? 0 : requestAnimationFrame(tick);
  };
  pulse.frame = requestAnimationFrame(tick);
}

/**
 * @param {RunView} view
 * @param {number} t of the pulse's way, 0 to 1
 */
export function drawNetwork({ data, figures }, t = 1) {
  const { context, width, height } = fitCanvas(figures.network, viewHeight());
  const style = getComputedStyle(figures.root);
  const ink = style.color;
  context.font = `11px ${style.fontFamily || "sans-serif"}`;
  if (!data.layers?.length) {
    context.fillStyle = ink;
    context.globalAlpha = 0.75;
    context.textBaseline = "middle";
    const sentence =
      data.live === false
        ? "It was drawn while it learned. Inside shows it at work."
        : "It appears with the first look.";
    context.fillText(sentence, 12, height / 2);
    context.globalAlpha = 1;
    return;
  }
  const columns = columnsOf(data, width, height);
  const middle = borders.top + (height - borders.top - borders.bottom) / 2;
  const glass = outline(columns, middle);
  context.fillStyle = ink;
  context.globalAlpha = 0.06;
  context.fill(glass);
  drawSand(context, data, glass, height);
  drawChanges(context, columns, middle, ink);
  if (t > 0 && t < 1) drawPulse(context, columns, middle, t);
  context.globalAlpha = 1;
  for (const column of columns) drawColumn(context, column, middle, data, ink);
  drawNames(context, columns, height, ink);
}

/**
 * @param {RunData} data
 * @param {number} width
 * @param {number} height
 * @returns {Column[]}
 */
function columnsOf({ entering, layers = [] }, width, height) {
  const looks = entering ? [entering, ...layers] : layers;
  const counts = looks.map(({ shape, of }) => (shape.length === 3 ? of * shape[1] * shape[2] : of));
  const most = Math.log2(Math.max(...counts) + 1);
  const tallest = (height - borders.top - borders.bottom) / 2;
  const edge = borders.side + WIDEST;
  const between = (width - 2 * edge) / Math.max(looks.length - 1, 1);
  return looks.map((look, i) => ({
    look,
    values: bytesOf(look.values),
    moved: look.moved ? bytesOf(look.moved) : null,
    x: edge + i * between,
    half: Math.max(NARROWEST, (tallest * Math.log2(counts[i] + 1)) / most),
  }));
}

/**
 * The hourglass around all columns.
 * @param {Column[]} columns
 * @param {number} middle
 */
function outline(columns, middle) {
  const path = new Path2D();
  const first = columns[0];
  const last = columns[columns.length - 1];
  path.moveTo(first.x - WIDEST, middle - first.half);
  for (const { x, half } of columns) path.lineTo(x, middle - half);
  path.lineTo(last.x + WIDEST, middle - last.half);
  path.lineTo(last.x + WIDEST, middle + last.half);
  for (const { x, half } of [...columns].reverse()) path.lineTo(x, middle + half);
  path.lineTo(first.x - WIDEST, middle + first.half);
  path.closePath();
  return path;
}

/**
 * How far it is on the way from drawing the mean for everything to PCA's error, as orders of
 * magnitude go: 0 to 1, and 1 from there on; null while that says nothing.
 * @param {RunData} data
 */
export function shareOfWay({ heldout, mean, pca }) {
  const error = heldout.at(-1)?.[1];
  if (!error || !mean || !pca || pca < 1e-4 * mean || !Number.isFinite(error)) return null;
  if (pca >= mean) return null;
  return Math.max(0, Math.min(1, Math.log(mean / error) / Math.log(mean / pca)));
}

/**
 * The hourglass fills from below, and turns green when PCA is passed.
 * @param {CanvasRenderingContext2D} context
 * @param {RunData} data
 * @param {Path2D} glass
 * @param {number} height
 */
function drawSand(context, data, glass, height) {
  const share = shareOfWay(data);
  if (share === null) return;
  const floor = height - borders.bottom;
  const level = floor - share * (floor - borders.top);
  context.save();
  context.clip(glass);
  context.globalAlpha = 0.22;
  context.fillStyle = share >= 1 ? seriesColors.train : seriesColors.model;
  context.fillRect(0, level, context.canvas.width, floor - level + 1);
  context.restore();
}

/**
 * Between two layers, the darker the further the second one's weights went since the last look.
 * @param {CanvasRenderingContext2D} context
 * @param {Column[]} columns
 * @param {number} middle
 * @param {string} ink
 */
function drawChanges(context, columns, middle, ink) {
  context.fillStyle = ink;
  for (let i = 1; i < columns.length; i++) {
    const { change } = columns[i].look;
    if (!change) continue;
    const [a, b] = [columns[i - 1], columns[i]];
    // A hundredth of a per cent is hardly seen, a third of all is full.
    context.globalAlpha = 0.2 * Math.max(0.05, Math.min(1, (Math.log10(change) + 4) / 3.5));
    context.beginPath();
    context.moveTo(a.x, middle - a.half);
    context.lineTo(b.x, middle - b.half);
    context.lineTo(b.x, middle + b.half);
    context.lineTo(a.x, middle + a.half);
    context.fill();
  }
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Column[]} columns
 * @param {number} middle
 * @param {number} t
 */
function drawPulse(context, columns, middle, t) {
  const from = columns[0].x;
  const x = from + t * (columns[columns.length - 1].x - from);
  const next = Math.max(
    1,
    columns.findIndex((column) => column.x >= x),
  );
  const [a, b] = [columns[next - 1], columns[next]];
  const share = (x - a.x) / Math.max(b.x - a.x, 1);
  const half = a.half + share * (b.half - a.half);
  context.globalAlpha = 0.7 * (1 - t * t);
  context.fillStyle = seriesColors.model;
  context.fillRect(x - 2, middle - half, 4, 2 * half);
}

/**
 * Beneath each layer how many values it has, and how far its weights went.
 * @param {CanvasRenderingContext2D} context
 * @param {Column[]} columns
 * @param {number} height
 * @param {string} ink
 */
function drawNames(context, columns, height, ink) {
  const room = columns.length > 1 ? columns[1].x - columns[0].x : 2 * WIDEST;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = ink;
  for (const { look, x } of columns) {
    const maps = look.shape.length === 3 && look.of > 3;
    context.globalAlpha = 0.9;
    context.fillText(maps ? `${look.of} maps` : countOf(look), x, height - 24, room);
    const { change } = look;
    if (change === null || change === undefined) continue;
    context.globalAlpha = 0.75;
    context.fillText(`\u00b1${percent(change)}`, x, height - 9, room);
  }
  context.globalAlpha = 1;
  context.textAlign = "left";
}

/** @param {LayerLook} look */
function countOf({ shape, of, part }) {
  if (shape.length !== 3) return `${of.toLocaleString("en")}`;
  return part === "input" ? "in" : "out";
}

/** @param {number} share */
function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.01) return "<0.01 %";
  return `${value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2)} %`;
}

/**
 * What the drawing says now, in one sentence.
 * @param {RunData} data
 */
export function spokenNetwork({ alone, step, layers, heldout, pca_name: name, ...data }) {
  if (!layers?.length) return "";
  if (alone && alone[0] === step) {
    const [number, before, after] = alone;
    const shares = layers.map((look) => look.share_moved).filter((share) => share !== undefined);
    const least = shares.length ? Math.min(.../** @type {number[]} */ (shares)) : 1;
    const moved = least < 0.995 ? `; in one layer only ${percent(least)} of the weights moved` : "";
    return (
      `Step ${number.toLocaleString("en")}: loss on its batch ${figure(before)} \u2192 ` +
      `${figure(after)}${moved}`
    );
  }
  const share = shareOfWay({ heldout, pca_name: name, ...data });
  const way =
    share === null
      ? ""
      : share >= 1
        ? `, full: past ${name}`
        : `, ${Math.floor(100 * share)} % of the way to ${name}`;
  return `one held-out example${way}; \u00b1 weights moved since`;
}

/** @param {number} value */
const figure = (value) => (Math.abs(value) >= 10 ? value.toFixed(2) : value.toPrecision(4));
