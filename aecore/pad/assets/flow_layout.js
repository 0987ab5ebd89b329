// @ts-check
// Where everything of the drawing stands: columns from the input to the output, cells in them.

import { drawnShape, unitsOf } from "./flow_engine.js";

/** @import { Flow } from "./flow_engine.js" */
/** @import { Layout } from "./types.js" */

/**
 * A column of the drawing. Its place is in CSS pixels of the canvas.
 * @typedef {object} Column
 * @property {"input" | "layer" | "code" | "output"} role
 * @property {"picture" | "units" | "maps" | "bars" | "plane"} form
 * @property {number} stage its index among the flow's stages; -1 of the input
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 * @property {number} units how many it has
 * @property {number} shown how many of them are drawn, the first ones
 * @property {number} across cells beside each other
 * @property {number} step from a cell to the next, across
 * @property {number} down the same, down
 * @property {[number, number]} map height and width of a feature map's values
 */

const HEAD = 34; // pixels over the columns, for their names
const FOOT = 22; // under them
const LARGEST_CELL = 16;
const LARGEST_TILE = 62;
const SMALLEST_TILE = 9;
const BAR = 19; // pixels of a latent number's bar, at most
export const MOST_BARS = 16;

/**
 * @param {Flow} flow
 * @param {Layout} layout of one example
 * @param {number} width of the canvas
 * @param {number} height
 * @returns {Column[]}
 */
export function layOut(flow, layout, width, height) {
  const { stages, codeStage } = flow;
  const inner = stages.map((_, i) => i).filter((i) => i !== stages.length - 1);
  const room = height - HEAD - FOOT;
  const picture = pictureSize(layout, Math.min(room, 190, width * 0.17), room);
  const shares = inner.map((i) => shareOf(flow, i));
  const gaps = inner.length + 1;
  const gap = Math.max(12, Math.min(56, (width * 0.3) / gaps));
  const rest = Math.max(40, width - 2 * picture.width - gaps * gap - 4);
  const whole = shares.reduce((a, b) => a + b, 0);
  /** @type {Column[]} */
  const columns = [];
  const input = {
    role: /** @type {const} */ ("input"),
    stage: -1,
    units: flow.encoder.input.length,
  };
  columns.push(pictureColumn({ ...input, x: 2, room, ...picture }));
  let x = 2 + picture.width + gap;
  for (const [at, stage] of inner.entries()) {
    const wide = Math.min((rest * shares[at]) / whole, stage === codeStage ? 190 : 170);
    const column =
      stage === codeStage ? codeColumn(flow, wide, room) : layerColumn(flow, stage, wide, room);
    column.x = x;
    columns.push(column);
    x += column.width + gap;
  }
  const output = { role: /** @type {const} */ ("output"), stage: stages.length - 1 };
  columns.push(pictureColumn({ ...output, units: input.units, x, room, ...picture }));
  spread(columns, width);
  return columns;
}

/**
 * Give what is left over to the gaps, all the same.
 * @param {Column[]} columns
 * @param {number} width
 */
function spread(columns, width) {
  const used = columns.reduce((sum, column) => sum + column.width, 0);
  const gap = (width - 4 - used) / (columns.length - 1);
  let x = 2;
  for (const column of columns) {
    column.x = x;
    x += column.width + gap;
  }
}

/**
 * @param {Flow} flow
 * @param {number} index
 */
function shareOf(flow, index) {
  const stage = flow.stages[index];
  if (index === flow.codeStage) return flow.meta.latent_dim === 2 ? 2.6 : 2.1;
  return stage.shape.length === 3 ? 2 : unitsOf(stage) > 150 ? 1.2 : 0.9;
}

/**
 * @param {Layout} layout
 * @param {number} side
 * @param {number} room
 */
function pictureSize({ H, W, graph, columns }, side, room) {
  if (graph) return { width: side, height: Math.min(room, columns ? 22 * columns.length : 110) };
  const scale = Math.min(side / W, side / H);
  return { width: W * scale, height: H * scale };
}

/**
 * @param {{ role: "input" | "output", stage: number, units: number, x: number, room: number,
 *   width: number, height: number }} given
 * @returns {Column}
 */
function pictureColumn({ role, stage, units, x, room, width, height }) {
  const y = HEAD + (room - height) / 2;
  return {
    ...{ role, stage, units, x, y, width, height, form: "picture", shown: units },
    ...{ across: 1, step: width, down: height, map: [1, 1] },
  };
}

/**
 * @param {Flow} flow
 * @param {number} index
 * @param {number} width
 * @param {number} room
 * @returns {Column}
 */
function layerColumn(flow, index, width, room) {
  const shape = drawnShape(flow.stages[index]);
  const units = unitsOf(flow.stages[index]);
  /** @type {Column} */
  const column = {
    ...{ role: "layer", form: "units", stage: index, x: 0, y: 0, width, height: room },
    ...{ units, shown: shape[0], across: 1, step: 1, down: 1, map: [1, 1] },
  };
  return shape.length === 3
    ? tiled(column, [shape[1], shape[2]], width, room)
    : celled(column, width, room);
}

/**
 * Single values: the largest square cells that fit.
 * @param {Column} column
 * @param {number} width
 * @param {number} room
 * @returns {Column}
 */
function celled(column, width, room) {
  const { shown: units } = column;
  let step = LARGEST_CELL;
  while (step > 1 && Math.floor(width / step) * Math.floor(room / step) < units) step -= 0.25;
  const shown = Math.min(units, Math.floor(width / step) * Math.floor(room / step));
  const across = Math.max(1, Math.ceil(shown / Math.floor(room / step)));
  const height = Math.ceil(shown / across) * step;
  const y = HEAD + (room - height) / 2;
  return { ...column, y, shown, across, step, down: step, width: across * step, height };
}

/**
 * Feature maps as tiles; where they are too many, the first ones.
 * @param {Column} column
 * @param {[number, number]} map
 * @param {number} width
 * @param {number} room
 * @returns {Column}
 */
function tiled(column, map, width, room) {
  const { shown: units } = column;
  const slope = map[0] / map[1];
  let step = Math.min(LARGEST_TILE, width);
  /** @param {number} s */
  const fits = (s) =>
    Math.max(1, Math.floor(width / s)) * Math.max(1, Math.floor(room / (s * slope)));
  while (step > SMALLEST_TILE && fits(step) < units) step -= 0.5;
  const shown = Math.min(units, fits(step));
  const across = Math.max(1, Math.ceil(shown / Math.max(1, Math.floor(room / (step * slope)))));
  const down = step * slope;
  const height = Math.ceil(shown / across) * down;
  const y = HEAD + (room - height) / 2;
  return {
    ...{ ...column, y, shown, across, step, down, map, form: /** @type {const} */ ("maps") },
    ...{ width: across * step, height },
  };
}

/**
 * The code: a plane for two numbers, bars for some, cells for many.
 * @param {Flow} flow
 * @param {number} width
 * @param {number} room
 * @returns {Column}
 */
function codeColumn(flow, width, room) {
  const units = flow.meta.latent_dim;
  /** @type {Column} */
  const column = {
    ...{ role: "code", form: "bars", stage: flow.codeStage, x: 0, y: 0, width, height: room },
    ...{ units, shown: units, across: 1, step: width, down: 1, map: [1, 1] },
  };
  if (units === 2 && width >= 60) {
    const side = Math.min(width, room);
    const y = HEAD + (room - side) / 2;
    return { ...column, form: "plane", width: side, height: side, y, step: side, down: side / 2 };
  }
  if (units > MOST_BARS) return celled({ ...column, form: "units" }, width, room);
  const down = Math.min(BAR, room / units);
  const wide = Math.min(width, 120);
  const y = HEAD + (room - down * units) / 2;
  return { ...column, y, down, height: down * units, width: wide, step: wide };
}

/**
 * The middle of a unit of a column; of a picture's pixel, where it lies.
 * @param {Column} column
 * @param {number} unit
 * @param {[number, number]} [grid] height and width of a picture in values
 * @returns {[number, number]}
 */
export function unitMiddle(column, unit, grid) {
  const { x, y, width, height, across, step, down } = column;
  if (column.form === "picture" && grid) {
    const [rows, columns] = grid;
    const pixel = unit % (rows * columns); // channels lie over one another
    const column_ = pixel % columns;
    return [
      x + ((column_ + 0.5) / columns) * width,
      y + ((Math.floor(pixel / columns) + 0.5) / rows) * height,
    ];
  }
  const shown = Math.min(unit, column.shown - 1);
  return [x + ((shown % across) + 0.5) * step, y + (Math.floor(shown / across) + 0.5) * down];
}

/**
 * The middle of one value of the data, where a picture shows it: a pixel of an image, a place of
 * a curve, a row of a table.
 * @param {Column} column
 * @param {Layout} layout
 * @param {number} value
 * @returns {[number, number]}
 */
export function valueMiddle(column, { graph, columns, H, W }, value) {
  if (!graph) return unitMiddle(column, value, [H, W]);
  const { x, y, width, height, units } = column;
  const share = (value + 0.5) / units;
  return columns ? [x + width / 2, y + share * height] : [x + share * width, y + height / 2];
}

/**
 * The value of the data under a point of a picture; of a pixel's colours the first.
 * @param {Column} column
 * @param {Layout} layout
 * @param {number} px
 * @param {number} py
 */
export function valueAt({ x, y, width, height, units }, { graph, columns, H, W }, px, py) {
  /** @type {(share: number, count: number) => number} */
  const place = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
  const [across, down] = [(px - x) / width, (py - y) / height];
  if (graph) return place(columns ? down : across, units);
  return place(down, H) * W + place(across, W);
}

/**
 * Which column and which of its units lies under a point; null beside all.
 * @param {Column[]} columns
 * @param {number} px
 * @param {number} py
 * @param {number} near how far beside a column still counts
 * @returns {{ at: number, unit: number } | null}
 */
export function unitAt(columns, px, py, near = 3) {
  for (const [at, column] of columns.entries()) {
    const { x, y, width, height, across, step, down, shown } = column;
    if (px < x - near || px > x + width + near || py < y - near || py > y + height + near) continue;
    /** @type {(value: number, size: number, most: number) => number} */
    const place = (value, size, most) => Math.max(0, Math.min(most, Math.floor(value / size)));
    const rows = Math.max(1, Math.ceil(shown / across));
    const unit = place(py - y, down, rows - 1) * across + place(px - x, step, across - 1);
    return { at, unit: Math.min(unit, shown - 1) };
  }
  return null;
}
