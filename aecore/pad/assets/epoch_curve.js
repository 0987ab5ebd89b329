// @ts-check
// The held-out error by epoch, and the slider above it.

import { pen } from "./pictures.js";

/** @import { Pad } from "./state.js" */

const HEIGHT = 90; // pixels
const THUMB = 16; // of the slider's, whose middle stops half of it from each end
const EDGE = 10;

/** @param {Pad} pad */
export function drawEpochs(pad) {
  const { elements, epoch } = pad;
  const { time } = pad.bundle.meta;
  if (!time) return;
  const { available, test_mse: errors } = time;
  const shown = epoch ?? available[available.length - 1];
  const at = available.indexOf(shown);
  const error = errors[at];
  const onItsWay = epoch !== null && !pad.frames.has(epoch);
  elements.epoch.max = String(available.length - 1);
  elements.epoch.value = String(at);
  elements.film.textContent = pad.film ? "Stop" : "Play";
  elements.epochText.textContent =
    `epoch ${shown}` +
    (epoch === null ? " (newest)" : onItsWay ? " (on its way)" : "") +
    (typeof error === "number" ? `, held-out error ${error.toFixed(4)}` : "") +
    (epoch !== null && pad.frames.get(epoch)?.rounded ? "; drawn with rounded weights" : "");
  const known = errors.filter((value) => value !== null);
  if (known.length < 2) return;
  drawErrors(pad, errors, known, at);
}

/**
 * The axis of the errors: the largest and the least, with lines at their heights, each named where
 * the curve is far.
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {(number | null)[]} errors
 * @param {string} ink
 */
function drawScale(context, width, errors, ink) {
  const known = errors.map((error, i) => ({ error, i })).filter(({ error }) => error !== null);
  known.sort((a, b) => Number(a.error) - Number(b.error));
  context.save();
  context.font = "12px sans-serif";
  context.fillStyle = ink;
  for (const [{ error, i }, y] of /** @type {const} */ ([
    [known[known.length - 1], EDGE],
    [known[0], HEIGHT - EDGE],
  ])) {
    context.globalAlpha = 0.3;
    context.fillRect(0, y, width, 1);
    context.globalAlpha = 0.8;
    const onTheLeft = i > (errors.length - 1) / 2;
    context.textAlign = onTheLeft ? "left" : "right";
    const text = `error ${Number(error).toFixed(4)}`;
    context.fillText(text, onTheLeft ? 2 : width - THUMB - 2, y === EDGE ? y + 14 : y - 5);
  }
  context.restore();
}

/**
 * The errors, each above the place at which the slider stands for its epoch.
 * @param {Pad} pad
 * @param {(number | null)[]} errors
 * @param {number[]} known
 * @param {number} at the shown one
 */
function drawErrors({ elements, style }, errors, known, at) {
  const canvas = elements.losses;
  const width = canvas.clientWidth;
  if (!width) return; // its panel is closed
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const context = pen(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const low = Math.min(...known);
  const high = Math.max(...known, low + 1e-9);
  const last = Math.max(errors.length - 1, 1);
  /** @param {number} i */
  const xOf = (i) => THUMB / 2 + (i / last) * (width - THUMB);
  /** @param {number} error */
  const yOf = (error) => HEIGHT - EDGE - ((error - low) / (high - low)) * (HEIGHT - 2 * EDGE);
  context.strokeStyle = style.accentColor;
  context.fillStyle = style.accentColor;
  context.lineWidth = 2;
  context.globalAlpha = 0.3;
  context.fillRect(xOf(at) - 1, 0, 2, HEIGHT);
  context.globalAlpha = 1;
  drawScale(context, width, errors, style.color);
  context.beginPath();
  for (const [i, error] of errors.entries()) {
    if (error !== null) context.lineTo(xOf(i), yOf(error));
  }
  context.stroke();
  for (const [i, error] of errors.entries()) {
    if (error === null) continue;
    context.beginPath();
    context.arc(xOf(i), yOf(error), i === at ? 5 : 2.5, 0, 2 * Math.PI);
    context.fill();
  }
}
