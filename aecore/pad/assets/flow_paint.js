// @ts-check
// One picture of the whole network: the links, each layer's cells, the code, input and output.

import { paintCells, paintPicture } from "./flow_cells.js";
import { paintCode } from "./flow_code.js";
import { colorsOf } from "./flow_colors.js";
import { paintLinks, planePoint } from "./flow_curves.js";
import { unitMiddle, valueMiddle } from "./flow_layout.js";
import { make, pen } from "./pictures.js";

/** @import { Colors } from "./flow_colors.js" */
/** @import { Column } from "./flow_layout.js" */
/** @import { View } from "./flow_state.js" */

const FALL_MS = 950;

/**
 * @param {View} view that has run
 * @param {number} now
 */
export function paintFlow(view, now) {
  const canvas = view.elements.flowCanvas;
  const context = pen(canvas);
  const colors = colorsOf(view);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const front = frontOf(view, now);
  const code = view.columns.findIndex(({ role }) => role === "code");
  const first = view.index === -2 ? code : 0; // nothing entered that a code alone came from
  const shares = view.columns.map((_, at) =>
    at < first ? 0 : Math.max(0, Math.min(1, front - at + 1)),
  );
  const falls = view.fallSince !== null;
  if (!falls) context.drawImage(beforeCode(view, code, shares, colors), 0, 0);
  toCssPixels(view, context);
  if (falls) paintColumns(view, context, [0, code], shares, colors);
  paintColumns(view, context, [code, view.columns.length], shares, colors);
  paintOpen(view, context, colors);
  if (view.options.told) paintTold(view, context, view.options.told, colors);
}

/**
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 */
function toCssPixels(view, context) {
  const scale = view.elements.flowCanvas.width / view.width;
  context.setTransform(scale, 0, 0, scale, 0, 0);
}

/**
 * What stands before the code, and the links into it: a hand on the code leaves it as it is.
 * @typedef {{ sheet: HTMLCanvasElement, of: unknown[] }} Half
 * @type {WeakMap<View, Half>}
 */
const paintedBefore = new WeakMap();

/**
 * The half before the code, painted anew only where it has changed.
 * @param {View} view
 * @param {number} code
 * @param {number[]} shares
 * @param {Colors} colors
 */
function beforeCode(view, code, shares, colors) {
  const { width, height } = view.elements.flowCanvas;
  const of = [view.columns, view.runs.encoder, colors, shares[0], width, height];
  const kept = paintedBefore.get(view);
  if (kept?.of.every((value, i) => value === of[i])) return kept.sheet;
  const sheet = kept?.sheet ?? make("canvas");
  sheet.width = width;
  sheet.height = height; // empties it
  const context = pen(sheet);
  toCssPixels(view, context);
  paintColumns(view, context, [0, code], shares, colors);
  paintedBefore.set(view, { sheet, of });
  return sheet;
}

/**
 * Some columns and the links between them; of those before the code also the links into it.
 * Links lie over pictures and under cells.
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {[number, number]} range the first, and the one behind the last
 * @param {number[]} shares of each column that are to be seen
 * @param {Colors} colors
 */
function paintColumns(view, context, [from, end], shares, colors) {
  for (const pictures of [true, false]) {
    if (!pictures) {
      for (let at = from + 1; at <= Math.min(end, view.columns.length - 1); at++) {
        if (shares[at - 1]) paintLinks(view, context, at, shares[at], colors);
      }
    }
    for (let at = from; at < end; at++) {
      const column = view.columns[at];
      if ((column.form === "picture") !== pictures) continue;
      context.globalAlpha = 0.12 + 0.88 * shares[at];
      paintColumn(view, context, column, colors);
      context.globalAlpha = 1;
      paintNames(view, context, column, at, colors);
    }
  }
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
  if (!open || !column) return;
  if (column.form === "picture") {
    const { graph, columns, H, W } = view.bundle.layout;
    const [wide, tall] = graph
      ? [columns ? column.width : 4, columns ? column.height / columns.length : column.height]
      : [column.width / W, column.height / H];
    const middle = valueMiddle(column, view.bundle.layout, open.unit);
    paintFrame(context, middle, wide, tall, colors);
    return;
  }
  if (column.form === "plane") {
    const [x, y] = planePoint(view, column);
    context.fillStyle = colors.ink;
    if (open.unit === 0) context.fillRect(column.x, y - 0.75, column.width, 1.5);
    else context.fillRect(x - 0.75, column.y, 1.5, column.height);
    return;
  }
  paintFrame(context, unitMiddle(column, open.unit), column.step, column.down, colors);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {[number, number]} middle
 * @param {number} width of what is framed
 * @param {number} height
 * @param {Colors} colors
 */
function paintFrame(context, [x, y], width, height, colors) {
  const [w, h] = [Math.max(8, width + 2), Math.max(8, height + 2)];
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
  context.font = `600 12px ${colors.font}`;
  const names = { input: "Input", code: "Code", output: "Output", layer: "" };
  const half = view.flow.stages[column.stage]?.part === "encoder" ? "Encoder" : "Decoder";
  const before = view.columns[at - 1];
  const begins = role === "layer" && before && before.role !== "layer";
  context.fillText(names[role] || (begins && !narrow ? half : ""), from, 13);
  context.font = `12px ${colors.font}`;
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
  context.font = `600 12px ${colors.font}`;
  context.textAlign = "center";
  const wide = context.measureText(text).width + 10;
  context.fillStyle = colors.paper;
  context.fillRect(x - wide / 2, y - 14, wide, 20);
  context.fillStyle = colors.accent;
  context.fillText(text, x, y);
}
