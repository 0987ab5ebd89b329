// @ts-check
// The map: its points or pictures, the names of the classes, and what lies over them.

import { colorOf, imageOf } from "./bundle.js";
import { posterior } from "./choice.js";
import { placeOf, toX, toY } from "./map_view.js";
import { make, paint, pen } from "./pictures.js";
import { drawPlane } from "./plane.js";
import { codeOf } from "./state.js";

/** @import { PictureCanvas } from "./pictures.js" */
/** @import { Pad } from "./state.js" */

const THUMBNAIL = 30; // pixels from one to the next
const PATCH = 70; // pixels of the cells in which a class's name finds its place
const MARGIN = 9; // beyond the edge, where a point is still seen

/** @param {Pad} pad */
export function drawPoints(pad) {
  const { width, height, axes, bundle } = pad;
  const context = pen(pad.elements.points);
  context.clearRect(0, 0, width, height);
  drawPlane(pad, context);
  cross(pad, context, toX(pad, 0), toY(pad, 0), 0.2);
  context.globalAlpha = 0.8;
  context.font = "12px sans-serif";
  context.fillText(`${bundle.meta.names[axes[0]]} \u2192`, width - 44, height - 6);
  if (bundle.latentDim > 1) context.fillText(`${bundle.meta.names[axes[1]]} \u2191`, 6, 14);
  if (pad.thumbnails && !bundle.layout.graph) {
    drawThumbnails(pad, context);
    return;
  }
  const { points } = bundle.meta;
  const side = points > 2500 ? 3 : points > 800 ? 4 : 6;
  context.globalAlpha = 0.75;
  for (let i = 0; i < points; i++) {
    const x = toX(pad, pad.positions[2 * i]);
    const y = toY(pad, pad.positions[2 * i + 1]);
    if (isOutside(pad, x, y)) continue;
    context.fillStyle = colorOf(bundle, i);
    context.fillRect(x - side / 2, y - side / 2, side, side);
  }
  context.globalAlpha = 1;
  drawClassNames(pad, context);
}

/**
 * @param {Pad} pad
 * @param {number} x
 * @param {number} y
 */
const isOutside = ({ width, height }, x, y) =>
  x < -MARGIN || y < -MARGIN || x > width + MARGIN || y > height + MARGIN;

/**
 * Pictures instead of points, one in each cell of a grid.
 * @param {Pad} pad
 * @param {CanvasRenderingContext2D} context
 */
function drawThumbnails(pad, context) {
  const taken = new Set();
  const [half, size] = [THUMBNAIL / 2, THUMBNAIL - 2];
  context.globalAlpha = 1;
  for (let i = 0; i < pad.bundle.meta.images; i++) {
    const x = toX(pad, pad.positions[2 * i]);
    const y = toY(pad, pad.positions[2 * i + 1]);
    const cell = `${Math.round(x / THUMBNAIL)},${Math.round(y / THUMBNAIL)}`;
    if (isOutside(pad, x, y) || taken.has(cell)) continue;
    taken.add(cell);
    context.drawImage(thumbnail(pad, i), x - half, y - half, size, size);
  }
}

/**
 * Example i as a small picture, its ink in the colour of its class.
 * @param {Pad} pad
 * @param {number} i
 */
function thumbnail(pad, i) {
  const known = pad.thumbs.get(i);
  if (known) return known;
  const { bundle } = pad;
  /** @type {PictureCanvas} */
  const canvas = make("canvas");
  const context = pen(canvas);
  paint(canvas, imageOf(bundle, i), bundle.layout);
  if (bundle.layout.C === 1 && canvas.picture) {
    const { data } = canvas.picture;
    for (let o = 0; o < data.length; o += 4) data[o + 3] = data[o];
    context.putImageData(canvas.picture, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = colorOf(bundle, i);
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  pad.thumbs.set(i, canvas);
  return canvas;
}

/**
 * Lines across and up through a place.
 * @param {Pad} pad
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} alpha
 */
function cross(pad, context, x, y, alpha) {
  context.globalAlpha = alpha;
  context.fillStyle = pad.ink;
  context.fillRect(x, 0, 1, pad.height);
  if (pad.bundle.latentDim > 1) context.fillRect(0, y, pad.width, 1);
  context.globalAlpha = 1;
}

/**
 * Each class's name where it is most by itself, or below names already there.
 * @param {Pad} pad
 * @param {CanvasRenderingContext2D} context
 */
function drawClassNames(pad, context) {
  const { classes } = pad.bundle.meta;
  const middles = middlesOfClasses(pad);
  /** @type {{ x: number, y: number, half: number }[]} */
  const drawn = [];
  context.save();
  context.font = "bold 14px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 4;
  context.strokeStyle = pad.style.backgroundColor;
  context.fillStyle = pad.ink;
  for (const [c, { name }] of classes.entries()) {
    const middle = middles[c];
    if (!middle) continue;
    const x = toX(pad, middle.x);
    const half = context.measureText(name).width / 2;
    let y = toY(pad, middle.y);
    /** @param {{ x: number, y: number, half: number }} other */
    const overlaps = (other) =>
      Math.abs(other.x - x) < other.half + half && Math.abs(other.y - y) < 15;
    while (drawn.some(overlaps)) y += 5;
    drawn.push({ x, y, half });
    context.strokeText(name, x, y);
    context.fillText(name, x, y);
  }
  context.restore();
}

/**
 * Where each class is most by itself: the middle of its points in the cell of the map that has many
 * of it and few of others; null where it has none in view.
 * @param {Pad} pad
 */
function middlesOfClasses(pad) {
  const { arrays, meta } = pad.bundle;
  /** @type {Map<string, { x: number, y: number, label: number }[]>} */
  const cells = new Map();
  for (const [i, label] of (arrays.labels ?? new Int16Array()).entries()) {
    const x = pad.positions[2 * i];
    const y = pad.positions[2 * i + 1];
    if (isOutside(pad, toX(pad, x), toY(pad, y))) continue;
    const key = `${Math.floor(toX(pad, x) / PATCH)},${Math.floor(toY(pad, y) / PATCH)}`;
    const cell = cells.get(key);
    if (cell) cell.push({ x, y, label });
    else cells.set(key, [{ x, y, label }]);
  }
  const best = meta.classes.map(() => ({ score: 0, x: 0, y: 0 }));
  for (const cell of cells.values()) {
    for (const [label, one] of best.entries()) {
      const own = cell.filter((point) => point.label === label);
      const score = (own.length * own.length) / (cell.length + 1);
      if (score <= one.score) continue;
      one.score = score;
      one.x = mean(own.map(({ x }) => x));
      one.y = mean(own.map(({ y }) => y));
    }
  }
  return best.map((one) => (one.score ? one : null));
}

/** @param {number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Where a hand is: the code, the journey, the pins, q(z|x) of the example, the nearest example.
 * @param {Pad} pad
 */
export function drawOverlay(pad) {
  const { width, height, axes, style } = pad;
  const context = pen(pad.elements.overlay);
  const [x, y] = placeOf(pad, pad.hover ?? pad.z);
  const q = posterior(pad);
  context.clearRect(0, 0, width, height);
  cross(pad, context, x, y, 0.5);
  context.lineWidth = 2;
  context.strokeStyle = style.accentColor;
  context.fillStyle = style.accentColor;
  context.beginPath();
  for (const code of pad.recording ?? pad.path ?? []) context.lineTo(...placeOf(pad, code));
  context.stroke();
  for (const pin of pad.pins) ring(context, placeOf(pad, pin.z), pad.ink, 5);
  if (q && axes[1] >= 0) {
    for (const deviations of [1, 2]) {
      const [across, up] = axes.map((d) => deviations * Math.exp(q.logvar[d] / 2));
      const radius = toX(pad, across) - toX(pad, 0);
      ring(context, placeOf(pad, q.mu), style.accentColor, radius, toY(pad, 0) - toY(pad, up));
    }
  }
  if (pad.near) ring(context, placeOf(pad, codeOf(pad, pad.near.index)), style.accentColor, 7);
  context.beginPath();
  context.arc(x, y, 5, 0, 2 * Math.PI);
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {[number, number]} middle
 * @param {string} color
 * @param {number} radius across
 * @param {number} radiusUp
 */
function ring(context, [x, y], color, radius, radiusUp = radius) {
  context.strokeStyle = color;
  context.beginPath();
  context.ellipse(x, y, radius, radiusUp, 0, 0, 2 * Math.PI);
  context.stroke();
}
