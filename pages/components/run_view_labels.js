// @ts-check
// The words on the chart of a run, where no curve strikes them through, and its axes' numbers.

/**
 * @typedef {object} Label
 * @property {string} text
 * @property {string} color
 * @property {number} x
 * @property {number} y
 * @property {CanvasTextAlign} align
 */

/**
 * Move labels up or down until neither a curve nor another label strikes them through.
 * @param {CanvasRenderingContext2D} context
 * @param {Label[]} labels
 * @param {{ x: number, y: number }[]} curve
 * @param {{ top: number, bottom: number }} room
 */
export function keepClear(context, labels, curve, { top, bottom }) {
  /** @type {Label[]} */
  const placed = [];
  for (const label of labels) {
    const wide = context.measureText(label.text).width;
    const left = label.align === "right" ? label.x - wide : label.x;
    const right = left + wide;
    /** @param {number} y */
    const free = (y) =>
      !crosses(curve, left - 3, right + 3, y - 8, y + 8) &&
      !placed.some((other) => {
        const width = context.measureText(other.text).width;
        const start = other.align === "right" ? other.x - width : other.x;
        return Math.abs(other.y - y) < 14 && start < right + 4 && start + width > left - 4;
      });
    const ways = [...Array(24).keys()].map((i) => label.y + (i % 2 ? 1 : -1) * 7 * ((i + 1) >> 1));
    const inside = ways.filter((y) => y > top + 4 && y < bottom - 6);
    label.y = [label.y, ...inside].find(free) ?? label.y;
    placed.push(label);
  }
}

/**
 * Whether a line through points enters a box.
 * @param {{ x: number, y: number }[]} points
 * @param {number} left
 * @param {number} right
 * @param {number} top
 * @param {number} bottom
 */
function crosses(points, left, right, top, bottom) {
  for (let i = 0; i < points.length; i++) {
    const a = points[i];
    const b = points[Math.min(i + 1, points.length - 1)];
    if (b.x < left || a.x > right) continue;
    // Of the piece of the line that lies between left and right, its two ends.
    const slope = b.x > a.x ? (b.y - a.y) / (b.x - a.x) : 0;
    const ends = [Math.max(left, a.x), Math.min(right, b.x)].map((x) => a.y + slope * (x - a.x));
    if (Math.max(...ends) >= top && Math.min(...ends) <= bottom) return true;
  }
  return false;
}

/**
 * Over the curves, each on a rim of the page's colour.
 * @param {CanvasRenderingContext2D} context
 * @param {Label[]} labels
 * @param {string} paper
 */
export function drawLabels(context, labels, paper) {
  context.strokeStyle = paper;
  context.lineWidth = 4;
  context.lineJoin = "round";
  for (const { text, color, x, y, align } of labels) {
    context.fillStyle = color;
    context.textAlign = align;
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
}

/**
 * Round numbers for an axis, on a logarithmic scale: the coarsest steps that give three.
 * @param {number} low
 * @param {number} high
 */
export function logTicks(low, high) {
  /** @type {number[]} */
  let ticks = [];
  for (const steps of [
    [1, 2, 5],
    [1, 1.5, 2, 3, 4, 5, 6, 7, 8],
  ]) {
    ticks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
      ticks.push(...steps.map((step) => step * 10 ** e));
    }
    ticks = ticks.filter((tick) => tick >= low && tick <= high);
    if (ticks.length >= 3) break;
  }
  return ticks;
}

/** @param {number} value */
export function shortNumber(value) {
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e3) return `${+(value / 1e3).toPrecision(3)}k`;
  return `${+value.toPrecision(2)}`;
}
