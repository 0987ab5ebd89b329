// @ts-check
// The errors of a run as it goes: held out and in training, with PCA's line and the mean's.

import { fitCanvas, seriesColors, viewHeight } from "./run_view_canvas.js";
import { drawLabels, keepClear, logTicks, shortNumber } from "./run_view_labels.js";

/** @import { Label } from "./run_view_labels.js" */
/** @import { Figures, Reading, RunData } from "./run_view_types.js" */
/**
 * @typedef {object} Scales
 * @property {number} low
 * @property {number} high
 * @property {number} reach
 * @property {number} width
 * @property {number} height
 * @property {(images: number) => number} xAt
 * @property {(error: number) => number} yAt
 */

const margin = { left: 52, right: 12, top: 14, bottom: 34 };
const DOT = 3.5;
const MOST_CHANGES = 6; // the latest; more marks could not be told apart
const CIRCLE = 2 * Math.PI;

/**
 * @param {Figures} figures
 * @param {RunData} data
 */
export function drawChart({ root, chart, thing }, data) {
  const style = getComputedStyle(root);
  const ink = style.color;
  const { context, width, height } = fitCanvas(chart, viewHeight());
  context.font = `12px ${style.fontFamily || "sans-serif"}`;
  context.textBaseline = "middle";
  const readings = [...data.heldout, ...data.train, ...data.whole];
  const values = readings
    .map(([, error]) => error)
    .filter((error) => error > 0 && Number.isFinite(error));
  // With as many numbers as the data have, PCA makes no error: its line would be far below all.
  const pcaIsPerfect = values.length > 0 && (data.pca ?? NaN) < 1e-4 * Math.max(...values);
  for (const line of [pcaIsPerfect ? null : data.pca, data.mean]) if (line) values.push(line);
  if (!values.length) {
    context.fillStyle = ink;
    context.globalAlpha = 0.75;
    const sentence = "The first point appears as soon as training begins.";
    context.fillText(sentence, margin.left, height / 2);
    context.globalAlpha = 1;
    return;
  }
  const scales = scalesOf(data, values, width, height);
  drawAxes(context, scales, ink, thing);
  const labels = drawLevels(context, scales, data, pcaIsPerfect, thing);
  drawCurve(context, scales, data.heldout, seriesColors.model, data.heldout.length < 3);
  drawCurve(context, scales, data.train, seriesColors.train, true);
  drawDots(context, scales, data.whole, seriesColors.model);
  if (data.passed) labels.push(drawPassing(context, scales, data.passed, labels, ink));
  if (data.best && data.whole.length > 1) drawBest(context, scales, data.best, labels, ink);
  for (const change of data.changes.slice(-MOST_CHANGES)) {
    labels.push(drawChange(context, scales, change, labels, ink));
  }
  const curve = [...data.heldout, ...data.whole].map(([images, error]) => ({
    x: scales.xAt(images),
    y: scales.yAt(Math.min(error, scales.high)),
  }));
  keepClear(context, labels, curve, { top: margin.top, bottom: height - margin.bottom });
  drawLabels(context, labels, style.getPropertyValue("--st-background-color") || "#fff");
}

/**
 * @param {RunData} data
 * @param {number[]} values
 * @param {number} width
 * @param {number} height
 * @returns {Scales}
 */
function scalesOf(data, values, width, height) {
  const low = Math.min(...values) * 0.85;
  const high = Math.max(...values) * 1.15;
  const reach = Math.max(data.total || 1, ...data.heldout.map(([images]) => images), 1);
  const across = width - margin.left - margin.right;
  const down = height - margin.top - margin.bottom;
  return {
    low,
    high,
    reach,
    width,
    height,
    xAt: (images) => margin.left + (images / reach) * across,
    yAt: (error) => height - margin.bottom - (Math.log(error / low) / Math.log(high / low)) * down,
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scales} scales
 * @param {string} ink
 * @param {string} thing
 */
function drawAxes(context, { low, high, reach, width, height, xAt, yAt }, ink, thing) {
  context.strokeStyle = ink;
  context.fillStyle = ink;
  context.lineWidth = 1;
  context.textAlign = "right";
  for (const tick of logTicks(low, high)) {
    context.globalAlpha = 0.12;
    line(context, margin.left, yAt(tick), width - margin.right, yAt(tick));
    context.globalAlpha = 0.85;
    context.fillText(`${+tick.toPrecision(2)}`, margin.left - 6, yAt(tick));
  }
  for (let i = 0; i <= 4; i++) {
    const images = (reach * i) / 4;
    context.textAlign = i === 4 ? "right" : i === 0 ? "left" : "center";
    context.fillText(shortNumber(images), xAt(images), height - margin.bottom + 12);
  }
  context.textAlign = "center";
  const middle = margin.left + (width - margin.left - margin.right) / 2;
  context.fillText(`${thing}s seen`, middle, height - 8);
  context.globalAlpha = 1;
}

/**
 * The lines that a model is measured by; returns their labels.
 * @param {CanvasRenderingContext2D} context
 * @param {Scales} scales
 * @param {RunData} data
 * @param {boolean} pcaIsPerfect
 * @param {string} thing
 * @returns {Label[]}
 */
function drawLevels(context, { high, width, height, yAt }, data, pcaIsPerfect, thing) {
  const x = width - margin.right - 2;
  /** @type {Label[]} */
  const labels = [];
  /** @type {(value: number | null | undefined, color: string, text: string) => void} */
  const level = (value, color, text) => {
    if (!value || value > high) return;
    context.strokeStyle = color;
    context.setLineDash([6, 4]);
    line(context, margin.left, yAt(value), width - margin.right, yAt(value));
    context.setLineDash([]);
    labels.push({ text, color, x, y: yAt(value) - 9, align: "right" });
  };
  if (pcaIsPerfect) {
    const text = `${data.pca_name}: no error, it keeps everything`;
    const y = height - margin.bottom - 9;
    labels.push({ text, color: seriesColors.pca, x, y, align: "right" });
  } else {
    level(data.pca, seriesColors.pca, data.pca_name);
  }
  level(data.mean, seriesColors.floor, `the mean ${thing}`);
  return labels;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scales} scales
 * @param {Reading[]} readings
 * @param {string} color
 * @param {boolean} dots
 */
function drawCurve(context, scales, readings, color, dots) {
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.beginPath();
  for (const [images, error] of readings) {
    context.lineTo(scales.xAt(images), scales.yAt(Math.min(error, scales.high)));
  }
  context.stroke();
  context.lineWidth = 1;
  if (dots) drawDots(context, scales, readings, color);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scales} scales
 * @param {Reading[]} readings
 * @param {string} color
 */
function drawDots(context, { xAt, yAt, high }, readings, color) {
  context.fillStyle = color;
  for (const [images, error] of readings) {
    context.beginPath();
    context.arc(xAt(images), yAt(Math.min(error, high)), DOT, 0, CIRCLE);
    context.fill();
  }
}

/**
 * Where the model passed PCA; returns its label, which keeps clear of the others.
 * @param {CanvasRenderingContext2D} context
 * @param {Scales} scales
 * @param {[number, number]} passed
 * @param {Label[]} labels
 * @param {string} ink
 * @returns {Label}
 */
function drawPassing(context, { width, height, xAt }, [images, seconds], labels, ink) {
  const x = xAt(images);
  context.strokeStyle = seriesColors.pca;
  line(context, x, margin.top, x, height - margin.bottom);
  const align = x > width * 0.6 ? "right" : "left";
  const taken = labels.some((label) => Math.abs(label.y - margin.top - 8) < 16);
  return {
    text: `passed PCA after ${seconds.toFixed(1)} s`,
    color: ink,
    x: x + (align === "right" ? -6 : 6),
    y: margin.top + (taken ? 28 : 8),
    align,
  };
}

/**
 * Where somebody changed how it trains; returns its label, below those beside it.
 * @param {CanvasRenderingContext2D} context
 * @param {Scales} scales
 * @param {[number, string]} change
 * @param {Label[]} labels
 * @param {string} ink
 * @returns {Label}
 */
function drawChange(context, { width, height, xAt }, [images, text], labels, ink) {
  const x = xAt(images);
  context.strokeStyle = ink;
  context.setLineDash([2, 3]);
  line(context, x, margin.top, x, height - margin.bottom);
  context.setLineDash([]);
  const align = x > width * 0.6 ? "right" : "left";
  let y = height - margin.bottom - 26;
  while (y > margin.top && labels.some((label) => Math.abs(label.y - y) < 15)) y -= 15;
  return { text, color: ink, x: x + (align === "right" ? -6 : 6), y, align };
}

/**
 * The best epoch, ringed.
 * @param {CanvasRenderingContext2D} context
 * @param {Scales} scales
 * @param {[number, number, number]} best
 * @param {Label[]} labels
 * @param {string} ink
 */
function drawBest(context, { xAt, yAt, high }, [images, error, epoch], labels, ink) {
  const x = xAt(images);
  const y = yAt(Math.min(error, high));
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(x, y, DOT + 3, 0, CIRCLE);
  context.stroke();
  context.lineWidth = 1;
  labels.push({ text: `best: epoch ${epoch}`, color: ink, x: x - 9, y: y - 12, align: "right" });
}

/**
 * How far across the chart so many images seen are, in CSS pixels.
 * @param {HTMLCanvasElement} chart
 * @param {RunData} data
 * @param {number} images
 */
export function placeOnChart(chart, data, images) {
  const reach = Math.max(data.total || 1, ...data.heldout.map(([seen]) => seen), 1);
  const across = (chart.clientWidth || 300) - margin.left - margin.right;
  return margin.left + (images / reach) * across;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} fromX
 * @param {number} fromY
 * @param {number} toX
 * @param {number} toY
 */
function line(context, fromX, fromY, toX, toY) {
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}
