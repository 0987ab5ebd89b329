// @ts-check
// The links of the drawing: curves from unit to unit, and the dots that fall along them.

import { valuesOfUnit } from "./flow_engine.js";
import { unitMiddle, valueMiddle } from "./flow_layout.js";
import { strongestInto } from "./flow_links.js";

/** @import { Colors } from "./flow_colors.js" */
/** @import { Column } from "./flow_layout.js" */
/** @import { View } from "./flow_state.js" */

const DOTS = 8; // of each layer's links that carry a moving dot while it falls through
/**
 * How a link is drawn by its strength: as so many curves beside each other, the strongest last.
 * Curves a pixel wide are drawn many times quicker than wider ones where no graphics card helps.
 */
const BESIDE = [[0], [-0.35, 0.35], [-0.7, 0, 0.7]];

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
export function paintLinks(view, context, at, shown, colors) {
  const { links, byChannel } = view.links[at] ?? { links: [] };
  if (!links.length || !shown) return;
  const ends = links.map((link) => endsOf(view, at, link, Boolean(byChannel)));
  const strongest = Math.abs(links[0].by);
  for (const sign of [1, -1]) {
    context.strokeStyle = sign > 0 ? colors.above : colors.below;
    for (const [shade, lines] of BESIDE.entries()) {
      context.beginPath();
      for (const [i, { by }] of links.entries()) {
        const share = Math.abs(by) / strongest;
        const its = Math.min(BESIDE.length - 1, Math.floor(share * BESIDE.length));
        if (by * sign <= 0 || its !== shade) continue;
        for (const aside of lines) curve(context, ends[i], aside);
      }
      context.globalAlpha = shown * (0.2 + 0.2 * shade);
      context.lineWidth = 1;
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
 * @param {number} aside how far below them it runs
 */
function curve(context, [x, y, toX, toY], aside) {
  const middle = (x + toX) / 2;
  context.moveTo(x, y + aside);
  context.bezierCurveTo(middle, y + aside, middle, toY + aside, toX, toY + aside);
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
    const [middle, down] = valueMiddle(column, layout, value);
    return [layout.columns ? x + (begins ? width : 0) : middle, down];
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
