// @ts-check
// The network while it learns: its layers as an hourglass, what one example does in them, how far
// each moved, and how far it has come on its way to PCA's error and past it.

import { bytesOf, contextOf, fitCanvas, seriesColors, viewHeight } from "./run_view_canvas.js";

/** @import { LayerLook, RunData, RunView } from "./run_view_types.js" */
/**
 * @typedef {object} Column one layer of the drawing
 * @property {LayerLook} look
 * @property {Uint8Array} values
 * @property {Uint8Array | null} moved
 * @property {number} x its middle
 * @property {number} half the hourglass's half height there
 */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */

const PULSE_MS = 700;
const borders = { side: 8, top: 8, bottom: 34 };
const NARROWEST = 16; // pixels of the hourglass's half height
const WIDEST = 30; // of a column of units
const PICTURE = 84; // at most, of what enters and comes out
const TILE_GAP = 2;
// As the network at work has them on the other pages.
const above = [224, 98, 0];
const below = [26, 122, 196];
const stirred = "#009e73";

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
      data.live === false ? "No look at it was kept." : "It appears with the first look.";
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
    context.globalAlpha = 0.4 * Math.max(0.05, Math.min(1, (Math.log10(change) + 4) / 3.5));
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
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {number} middle
 * @param {RunData} data
 * @param {string} ink
 */
function drawColumn(context, column, middle, data, ink) {
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
    context.fillStyle = `rgb(${(value < 0 ? below : above).join(" ")})`;
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
      const [r, g, b] = value < 0 ? below : above;
      image.data.set([r, g, b, 255 * Math.min(1, Math.abs(value) / largest)], 4 * p);
    }
  }
  pixels.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(scratch, box.x, box.y, box.width, box.height);
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
  return `one held-out example${way}; \u00b1 how far weights moved since the last look`;
}

/** @param {number} value */
const figure = (value) => (Math.abs(value) >= 10 ? value.toFixed(2) : value.toPrecision(4));
