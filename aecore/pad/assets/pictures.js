// @ts-check
// Drawing one example of each kind: a picture, a curve, or a table's bars.

/** @import { Column, Drawing } from "./types.js" */
/** @typedef {HTMLCanvasElement & { picture?: ImageData }} PictureCanvas keeps its pixels */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 */
export const make = (tag) => document.createElement(tag);

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function pen(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("This browser cannot draw.");
  return context;
}

/**
 * Nothing is drawn on it.
 * @param {HTMLCanvasElement} canvas
 */
export function wipe(canvas) {
  pen(canvas).clearRect(0, 0, canvas.width, canvas.height);
}

/**
 * Draw values as the layout says, into cell `at` of a canvas made for `cells` of them.
 * @param {PictureCanvas} canvas
 * @param {ArrayLike<number>} values
 * @param {Drawing} drawing
 */
export function paint(canvas, values, drawing, { at = 0, cells = 1 } = {}) {
  const { W: width, H: height } = drawing;
  if (canvas.width !== width * cells || canvas.height !== height) {
    canvas.width = width * cells;
    canvas.height = height;
  }
  const context = pen(canvas);
  if (drawing.graph) paintGraph(context, values, drawing, at * width);
  else context.putImageData(pictureOf(canvas, values, drawing), at * width, 0);
}

/**
 * The pixels of a picture with values in [0, 1], in the buffer that the canvas keeps.
 * @param {PictureCanvas} canvas
 * @param {ArrayLike<number>} values one channel after another
 * @param {Drawing} drawing
 */
function pictureOf(canvas, values, { C: channels, H: height, W: width }) {
  const kept = canvas.picture;
  const fits = kept && kept.width === width && kept.height === height;
  const picture = fits ? kept : pen(canvas).createImageData(width, height);
  canvas.picture = picture;
  const { data } = picture;
  const plane = height * width;
  for (let i = 0, o = 0; i < plane; i++, o += 4) {
    for (let c = 0; c < 3; c++) data[o + c] = values[channels === 3 ? c * plane + i : i] * 255;
    data[o + 3] = 255;
  }
  return picture;
}

const GRAPH_COLOR = "#7fc4f5";

/**
 * A curve through the values, or a bar for each column of a table.
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number | null>} values null leaves a gap
 * @param {Drawing} drawing
 * @param {number} left
 */
export function paintGraph(context, values, drawing, left) {
  const { W: width, H: height, low, high, columns, names, color = GRAPH_COLOR } = drawing;
  /** @param {number} value */
  const share = (value) => Math.max(0, Math.min(1, (value - low) / (high - low)));
  context.clearRect(left, 0, width, height);
  context.strokeStyle = color;
  context.fillStyle = color;
  context.lineWidth = names ? 3 : 2;
  if (columns) {
    paintBars(context, values, { ...drawing, columns, color }, left, share);
    return;
  }
  context.beginPath();
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    const x = left + ((i + 0.5) / values.length) * width;
    context.lineTo(x, height - 4 - (height - 8) * share(value));
  }
  context.stroke();
}

/**
 * A name, or as much of it as there is room for.
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @param {number} room in pixels
 */
function fitting(context, name, room) {
  let text = name;
  for (let length = name.length - 1; length > 1; length--) {
    if (context.measureText(text).width <= room) break;
    text = `${name.slice(0, length).trimEnd()}\u2026`;
  }
  return text;
}

const WRITTEN = 22; // pixels of a canvas: the height of names and values
const READ = 12; // pixels of the page: smaller than that nobody reads them

/**
 * How a large canvas draws an example where it stands: with a table's names in a size that can be
 * read or, where they would be higher than it may be, its bars alone.
 * @param {HTMLCanvasElement} canvas
 * @param {{ large: Drawing }} layout
 * @returns {Drawing}
 */
export function largeOf(canvas, { large }) {
  const across = canvas.clientWidth;
  if (!large.columns || !across) return large;
  const most = Number.parseFloat(getComputedStyle(canvas).maxHeight) || Number.POSITIVE_INFINITY;
  const width = Math.min(large.W, Math.round((across * WRITTEN) / READ));
  if ((large.H * across) / width <= most) return { ...large, W: width };
  const high = Math.min(most, 8 * large.columns.length);
  return { ...large, names: false, W: 2 * across, H: Math.round(2 * high) };
}

/**
 * Bars from the columns' means; where there is room, with names and the values in their units.
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number | null>} values
 * @param {Drawing & { columns: Column[], color: string }} drawing
 * @param {number} left
 * @param {(value: number) => number} share of the way from low to high
 */
function paintBars(context, values, drawing, left, share) {
  const { W: width, H: height, columns, names, color } = drawing;
  const row = height / columns.length;
  const reach = width * (names ? 0.4 : 1);
  const bars = left + (names ? 0.42 * width : 0);
  context.font = `${WRITTEN}px sans-serif`;
  for (const [i, { name, mean, std }] of columns.entries()) {
    const value = values[i] ?? 0;
    const from = bars + share(0) * reach;
    const to = bars + share(value) * reach;
    context.fillStyle = color;
    context.fillRect(
      Math.min(from, to),
      (i + 0.15) * row,
      Math.max(1, Math.abs(to - from)),
      0.7 * row,
    );
    if (!names) continue;
    const baseline = (i + 0.75) * row;
    const inUnits = Number((value * std + mean).toPrecision(3));
    context.fillStyle = "#e4e7ea";
    context.textAlign = "left";
    context.fillText(fitting(context, name, 0.4 * width - 8), left + 8, baseline);
    context.textAlign = "right";
    context.fillText(String(inUnits), left + width - 8, baseline, 0.17 * width - 8);
  }
}
