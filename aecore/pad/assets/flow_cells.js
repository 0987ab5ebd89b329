// @ts-check
// A column of the drawing: cells of single values, feature maps as tiles, or the data themselves.

import { colorsOf, pixelAt } from "./flow_colors.js";
import { activationsOf } from "./flow_engine.js";
import { unitMiddle } from "./flow_layout.js";
import { make, paint, pen } from "./pictures.js";

/** @import { Colors } from "./flow_colors.js" */
/** @import { Column } from "./flow_layout.js" */
/** @import { View } from "./flow_state.js" */

/** @type {WeakMap<Column, HTMLCanvasElement>} */
const sheets = new WeakMap();

/** @param {Column} column */
function sheetOf(column) {
  const sheet = sheets.get(column) ?? make("canvas");
  sheets.set(column, sheet);
  return sheet;
}

/**
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 */
export function paintPicture(view, context, column) {
  const { layout } = view.bundle;
  const sheet = sheetOf(column);
  const { x, y, width, height, role } = column;
  context.fillStyle = "#000";
  if (!layout.graph) context.fillRect(x, y, width, height);
  if (role === "input" && view.index === -2) return;
  const drawn = role === "input" ? view.x : view.flow.output;
  const names = layout.columns && width > 100 ? width * 0.5 : 0;
  const graph = { ...layout, W: Math.round(2 * (width - names)), H: Math.round(2 * height) };
  const { accent, ink } = colorsOf(view);
  paint(sheet, drawn, layout.graph ? { ...graph, color: accent } : layout);
  context.imageSmoothingEnabled = layout.graph;
  context.drawImage(sheet, x + names, y, width - names, height);
  if (names && layout.columns) {
    const row = height / layout.columns.length;
    context.fillStyle = ink;
    context.font = `${Math.min(12, row - 2)}px ${colorsOf(view).font}`;
    context.textAlign = "left";
    for (const [i, { name }] of layout.columns.entries()) {
      context.fillText(name, x + 4, y + (i + 0.5) * row + 4, names - 8);
    }
  }
  context.imageSmoothingEnabled = true;
  if (!layout.graph) return;
  context.strokeStyle = colorsOf(view).faint;
  context.lineWidth = 1;
  context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
}

/**
 * Cells of single values, or feature maps as tiles.
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 * @param {Colors} colors
 */
export function paintCells(view, context, column, { scale, paper }) {
  const { stage, across, shown, map } = column;
  const values = column.role === "code" ? view.flow.decoder.input : activationsOf(view.flow, stage);
  const reach = view.reach[stage];
  const maps = column.form === "maps";
  // Between tiles a pixel is left free; cells have lines drawn between them.
  const [high, wide] = maps ? [map[0] + 1, map[1] + 1] : [1, 1];
  const rows = Math.ceil(shown / across);
  const sheet = sheetOf(column);
  if (sheet.width !== across * wide || sheet.height !== rows * high) {
    sheet.width = across * wide;
    sheet.height = rows * high;
  }
  const run = column.role === "layer" && stage < view.flow.codeStage ? "encoder" : "decoder";
  const drawn = drawnOn.get(sheet);
  if (drawn?.run !== view.runs[run] || drawn.scale !== scale) {
    fillCells(sheet, column, values, reach, scale);
    drawnOn.set(sheet, { run: view.runs[run], scale });
  }
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, column.x, column.y, column.width, column.height);
  if (!maps && column.step >= 4) {
    const grid = gridOf(column, rows, paper, context.getTransform().a);
    context.drawImage(grid, column.x - 1, column.y - 1, column.width + 2, column.height + 2);
  }
  context.imageSmoothingEnabled = true;
  paintSilenced(view, context, column);
}

/** @type {WeakMap<HTMLCanvasElement, { run: number, scale: Uint32Array }>} what a sheet shows */
const drawnOn = new WeakMap();

/**
 * The pixels of a sheet.
 * @param {HTMLCanvasElement} sheet
 * @param {Column} column
 * @param {Float32Array} values
 * @param {number} reach
 * @param {Uint32Array} scale
 */
function fillCells(sheet, { across, shown, map, form }, values, reach, scale) {
  const [tall, wide] = map;
  const free = form === "maps" ? 1 : 0; // pixels between tiles
  const picture = pixelsOf(sheet);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let unit = 0, from = 0; unit < shown; unit++) {
    const top = Math.floor(unit / across) * (tall + free);
    const left = (unit % across) * (wide + free);
    for (let row = 0; row < tall; row++) {
      let to = (top + row) * sheet.width + left;
      for (const end = to + wide; to < end; to++) {
        pixels[to] = pixelAt(scale, values[from++] / reach);
      }
    }
  }
  pen(sheet).putImageData(picture, 0, 0);
}

/** @type {WeakMap<HTMLCanvasElement, ImageData>} */
const pixelsKept = new WeakMap();

/** @param {HTMLCanvasElement} sheet */
function pixelsOf(sheet) {
  const kept = pixelsKept.get(sheet);
  if (kept && kept.width === sheet.width && kept.height === sheet.height) return kept;
  const made = pen(sheet).createImageData(sheet.width, sheet.height);
  pixelsKept.set(sheet, made);
  return made;
}

/** @type {WeakMap<Column, { sheet: HTMLCanvasElement, paper: string }>} */
const grids = new WeakMap();

/**
 * The lines between cells: drawn once for a column, a pixel wider than it on each side.
 * @param {Column} column
 * @param {number} rows
 * @param {string} paper
 * @param {number} ratio device pixels of a CSS pixel
 */
function gridOf(column, rows, paper, ratio) {
  const kept = grids.get(column);
  if (kept?.paper === paper) return kept.sheet;
  const { width, height, across, step, down } = column;
  const sheet = make("canvas");
  sheet.width = Math.round((width + 2) * ratio);
  sheet.height = Math.round((height + 2) * ratio);
  const context = pen(sheet);
  const line = Math.max(1, Math.round(ratio));
  context.fillStyle = paper;
  for (let i = 0; i <= across; i++) {
    context.fillRect(Math.round((1 + i * step) * ratio - line / 2), 0, line, sheet.height);
  }
  for (let i = 0; i <= rows; i++) {
    context.fillRect(0, Math.round((1 + i * down) * ratio - line / 2), sheet.width, line);
  }
  grids.set(column, { sheet, paper });
  return sheet;
}

/**
 * Silenced units are struck through.
 * @param {View} view
 * @param {CanvasRenderingContext2D} context
 * @param {Column} column
 */
function paintSilenced(view, context, column) {
  const { flow } = view;
  const silent = flow.silent[column.stage];
  const isSilent =
    column.role === "code"
      ? (/** @type {number} */ unit) => flow.held.has(unit)
      : (/** @type {number} */ unit) => Boolean(silent?.[unit]);
  if (column.role === "code" ? !flow.held.size : !silent) return;
  context.strokeStyle = colorsOf(view).ink;
  context.lineWidth = 1.25;
  context.beginPath();
  const [halfX, halfY] = [column.step * 0.34, column.down * 0.34];
  for (let unit = 0; unit < column.shown; unit++) {
    if (!isSilent(unit)) continue;
    const [x, y] = unitMiddle(column, unit);
    context.moveTo(x - halfX, y - halfY);
    context.lineTo(x + halfX, y + halfY);
    context.moveTo(x - halfX, y + halfY);
    context.lineTo(x + halfX, y - halfY);
  }
  context.stroke();
}
