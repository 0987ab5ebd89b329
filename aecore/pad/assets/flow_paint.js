// @ts-check
// One picture of the whole network: the links, each layer's cells, the code, input and output.

import { paintCells, paintPicture } from "./flow_cells.js";
import { paintCode } from "./flow_code.js";
import { colorsOf } from "./flow_colors.js";
import { valuesOfUnit } from "./flow_engine.js";
import { unitMiddle } from "./flow_layout.js";
import { strongestInto } from "./flow_links.js";
import { pen } from "./pictures.js";

/** @import { Colors } from "./flow_colors.js" */
/** @import { Column } from "./flow_layout.js" */
/** @import { View } from "./flow_state.js" */

const FALL_MS = 950;
const DOTS = 8; // of each layer's links that carry a moving dot while it falls through
const SHADES = 3; // of a link by its strength

/**
 * @param {View} view that has run
 * @param {number} now
 */
export function paintFlow(view, now) {
  const canvas = view.elements.flowCanvas;
  const context = pen(canvas);
  const scale = canvas.width / view.width;
  const colors = colorsOf(view);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  const front = frontOf(view, now);
  const code = view.columns.findIndex(({ role }) => role === "code");
  const first = view.index === -2 ? code : 0; // nothing entered that a code alone came from
  const shares = view.columns.map((_, at) =>
    at < first ? 0 : Math.max(0, Math.min(1, front - at + 1)),
  );
  for (const pictures of [true, false]) {
    if (!pictures) {
      for (let at = first + 1; at < view.columns.length; at++) {
        paintLinks(view, context, at, shares[at], colors);
      }
    }
    for (const [at, column] of view.columns.entries()) {
      if ((column.form === "picture") !== pictures) continue;
      context.globalAlpha = 0.12 + 0.88 * shares[at];
      paintColumn(view, context, column, colors);
      context.globalAlpha = 1;
      paintNames(view, context, column, at, colors);
    }
  }
  paintOpen(view, context, colors);
  if (view.options.told) paintTold(view, context, view.options.told, colors);
}

/**
 * How many columns the fall has reached; all of them where nothing falls.
 * @param {View} view
 * @param {number} now
 */
function frontOf(view, now) {
  if (view.fallSince === null) return view.columns.length;
  const share = (now - view.fallSince) / FALL_MS;
  if (share >= 1) view.fallSince = null;
  return Math.min(1, share) * view.columns.length;
}

/** @type {WeakMap<View, number>} the encoder's run that its links are of */
const linksOf = new WeakMap();

/**
 * Find the links anew: after each run, not for each picture of the fall.
 * @param {View} view
 */
export function findLinks(view) {
  const most = Math.round(Math.min(30, view.width / 26));
  const { encoder } = view.runs;
  const same = linksOf.get(view) === encoder && view.links.length === view.columns.length;
  linksOf.set(view, encoder);
  view.links = view.columns.map((column, at) =>
    same && column.stage <= view.flow.codeStage
      ? view.links[at] // the encoder has not run since
      : column.stage < 0
        ? { links: [], byChannel: false }
        : strongestInto(view.flow, column.stage, most),
  );
}

/**
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {number} at the column that they lead into
 * @param {number} shown the share of their way that is drawn
 * @param {Colors} colors
 */
function paintLinks(view, context, at, shown, colors) {
  const { links, byChannel } = view.links[at] ?? { links: [] };
  if (!links.length || !shown) return;
  const ends = links.map((link) => endsOf(view, at, link, Boolean(byChannel)));
  const strongest = Math.abs(links[0].by);
  for (const sign of [1, -1]) {
    context.strokeStyle = sign > 0 ? colors.above : colors.below;
    for (let shade = 0; shade < SHADES; shade++) {
      context.beginPath();
      for (const [i, { by }] of links.entries()) {
        const share = Math.abs(by) / strongest;
        if (by * sign <= 0 || Math.min(SHADES - 1, Math.floor(share * SHADES)) !== shade) continue;
        curve(context, ends[i]);
      }
      context.globalAlpha = shown * (0.2 + 0.25 * shade);
      context.lineWidth = 0.8 + 0.6 * shade;
      context.stroke();
    }
  }
  context.globalAlpha = 1;
  if (shown < 1) paintDots(context, ends.slice(0, DOTS), shown, colors);
}

/** @typedef {[number, number, number, number]} Ends x and y of the beginning, and of the end */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Ends} ends
 */
function curve(context, [x, y, toX, toY]) {
  const middle = (x + toX) / 2;
  context.moveTo(x, y);
  context.bezierCurveTo(middle, y, middle, toY, toX, toY);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Ends[]} all
 * @param {number} share of the way
 * @param {Colors} colors
 */
function paintDots(context, all, share, colors) {
  context.fillStyle = colors.ink;
  const ease = share * share * (3 - 2 * share); // the curve's own way down
  for (const [x, y, toX, toY] of all) {
    context.beginPath();
    context.arc(x + (toX - x) * share, y + (toY - y) * ease, 2, 0, 2 * Math.PI);
    context.fill();
  }
}

/**
 * @param {View} view
 * @param {number} at
 * @param {{ from: number, to: number }} link
 * @param {boolean} byChannel
 * @returns {Ends}
 */
function endsOf(view, at, { from, to }, byChannel) {
  const [before, column] = [view.columns[at - 1], view.columns[at]];
  const [x, y] = linkEnd(view, before, from, byChannel, true);
  const [toX, toY] = linkEnd(view, column, to, byChannel, false);
  return [x, y, toX, toY];
}

/**
 * Where a link begins or ends: at the unit, or where on its map the value lies.
 * @param {View} view
 * @param {Column} column
 * @param {number} value
 * @param {boolean} byChannel
 * @param {boolean} begins
 * @returns {[number, number]}
 */
function linkEnd(view, column, value, byChannel, begins) {
  const { layout, latentDim } = view.bundle;
  if (column.form === "picture") {
    const { x, y, width, height } = column;
    if (byChannel) return [x + (begins ? width : 0), y + height / 2];
    if (!layout.graph) return unitMiddle(column, value, [layout.H, layout.W]);
    const share = (value + 0.5) / column.units;
    if (layout.columns) return [x + (begins ? width : 0), y + share * height];
    return [x + share * width, y + height / 2];
  }
  if (column.form === "plane") return planePoint(view, column);
  if (column.role === "code" && value >= latentDim) return unitMiddle(column, value - latentDim);
  const each = begins && !byChannel ? valuesOfUnit(view.flow.stages[column.stage]) : 1;
  return unitMiddle(column, Math.floor(value / each));
}

/**
 * Where the code lies on the plane of two numbers.
 * @param {View} view
 * @param {Column} column
 * @returns {[number, number]}
 */
export function planePoint(view, column, z = view.z) {
  const [[left, right], [low, high]] = view.bundle.meta.spans;
  const { x, y, width, height } = column;
  /** @param {number} share */
  const within = (share) => Math.max(0, Math.min(1, share));
  return [
    x + within((z[0] - left) / (right - left)) * width,
    y + (1 - within((z[1] - low) / (high - low))) * height,
  ];
}

/**
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {Colors} colors
 */
function paintColumn(view, context, column, colors) {
  if (column.form === "picture") paintPicture(view, context, column);
  else if (column.role === "code" && column.form !== "units")
    paintCode(view, context, column, colors);
  else paintCells(view, context, column, colors);
}

/**
 * The open unit has a frame.
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Colors} colors
 */
function paintOpen(view, context, colors) {
  const { open } = view;
  const column = open && view.columns.find(({ stage }) => stage === open.stage);
  if (!open || !column || column.form === "picture") return;
  if (column.form === "plane") {
    const [x, y] = planePoint(view, column);
    context.fillStyle = colors.ink;
    if (open.unit === 0) context.fillRect(column.x, y - 0.75, column.width, 1.5);
    else context.fillRect(x - 0.75, column.y, 1.5, column.height);
    return;
  }
  const [x, y] = unitMiddle(column, open.unit);
  const [w, h] = [Math.max(8, column.step + 2), Math.max(8, column.down + 2)];
  context.lineWidth = 4;
  context.strokeStyle = colors.paper;
  context.strokeRect(x - w / 2, y - h / 2, w, h);
  context.lineWidth = 2;
  context.strokeStyle = colors.ink;
  context.strokeRect(x - w / 2, y - h / 2, w, h);
}

/**
 * Over each column what it is and how many it has; under input and output what they are.
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {number} at
 * @param {Colors} colors
 */
function paintNames(view, context, column, at, colors) {
  const { x, width, role, form, units, shown } = column;
  const narrow = view.width < 560;
  const middle = x + width / 2;
  context.textAlign = at === 0 ? "left" : at === view.columns.length - 1 ? "right" : "center";
  const from = at === 0 ? x : at === view.columns.length - 1 ? x + width : middle;
  context.fillStyle = colors.ink;
  context.font = `600 12px ${view.style.fontFamily}`;
  const names = { input: "Input", code: "Code", output: "Output", layer: "" };
  const half = view.flow.stages[column.stage]?.part === "encoder" ? "Encoder" : "Decoder";
  const before = view.columns[at - 1];
  const begins = role === "layer" && before && before.role !== "layer";
  context.fillText(names[role] || (begins && !narrow ? half : ""), from, 13);
  context.font = `12px ${view.style.fontFamily}`;
  const of = shown < units ? `${shown} of ${units}` : `${units}`;
  const thing = form === "maps" ? "maps" : role === "code" ? "numbers" : "units";
  const values = narrow ? of : `${of} ${units === 1 ? thing.slice(0, -1) : thing}`;
  context.fillText(form === "picture" ? `${units}` : values, from, 28);
}

/**
 * The label that a conditional model is told, and where it enters.
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {string} told
 * @param {Colors} colors
 */
function paintTold(view, context, told, colors) {
  const code = view.columns.findIndex(({ role }) => role === "code");
  const from = view.columns[code];
  const [x, y] = [from.x + from.width / 2, view.height - 9];
  context.strokeStyle = colors.accent;
  context.lineWidth = 1.5;
  for (const at of [1, code + 1]) {
    const to = view.columns[at];
    if (!to || to.role !== "layer") continue;
    context.beginPath();
    context.moveTo(x, y - 5);
    context.lineTo(to.x + to.width / 2, y - 5);
    context.lineTo(to.x + to.width / 2, to.y + to.height + 2);
    context.stroke();
  }
  const text = `told: ${told}`;
  context.font = `600 12px ${view.style.fontFamily}`;
  context.textAlign = "center";
  const wide = context.measureText(text).width + 10;
  context.fillStyle = colors.paper;
  context.fillRect(x - wide / 2, y - 14, wide, 20);
  context.fillStyle = colors.accent;
  context.fillText(text, x, y);
}
