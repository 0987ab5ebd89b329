// @ts-check
// The plane of codes twice, at one scale: where codes are, and what is drawn everywhere.

import { make, pen } from "../../aecore/pad/assets/pictures.js";

/** @import { BetaDial } from "./beta_dial_types.js" */
/**
 * A canvas to draw on, and where on it a code lies.
 * @typedef {{ context: CanvasRenderingContext2D, side: number,
 *   at: (z: number[]) => [number, number], scale: number }} Sheet
 */

const POINT = 3; // pixels
const APART = 13; // pixels between two names that can be read
const TURN = 2 * Math.PI;
const LINES = [1, 2]; // deviations of N(0, I)

/**
 * @param {BetaDial} dial
 * @param {HTMLCanvasElement} canvas
 * @returns {Sheet}
 */
function sheetOf({ meta, stop }, canvas) {
  const side = canvas.clientWidth;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.max(1, side * ratio);
  canvas.height = canvas.width;
  const context = pen(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const [low, high] = meta.windows[stop];
  const scale = side / (high[0] - low[0]);
  return { context, side, scale, at: (z) => [(z[0] - low[0]) * scale, (high[1] - z[1]) * scale] };
}

/**
 * The code under a pointer.
 * @param {BetaDial} dial
 * @param {HTMLCanvasElement} canvas
 * @param {{ offsetX: number, offsetY: number }} event
 * @returns {[number, number]}
 */
export function codeUnder({ meta, stop }, canvas, { offsetX, offsetY }) {
  const [low, high] = meta.windows[stop];
  const each = (high[0] - low[0]) / canvas.clientWidth;
  return [low[0] + offsetX * each, high[1] - offsetY * each];
}

/** @param {BetaDial} dial */
export function drawCodes(dial) {
  const { parts, meta, arrays, stop, fed } = dial;
  const sheet = sheetOf(dial, parts.map);
  const { context } = sheet;
  const n = arrays.labels.length;
  /** @type {[number, number][][]} */
  const places = meta.classes.map(() => []);
  context.globalAlpha = 0.75;
  for (let i = 0; i < n; i++) {
    const code = [0, 1].map((d) => {
      const o = 2 * (stop * n + i) + d;
      return arrays.mu[o] + fed * arrays.std[o] * arrays.noise[2 * i + d];
    });
    const place = sheet.at(code);
    places[arrays.labels[i]].push(place);
    context.fillStyle = meta.classes[arrays.labels[i]].color;
    context.fillRect(place[0] - POINT / 2, place[1] - POINT / 2, POINT, POINT);
  }
  context.globalAlpha = 1;
  drawPrior(dial, sheet);
  const ink = getComputedStyle(parts.map).color;
  drawPosterior(dial, sheet, ink);
  drawPointed(dial, sheet, ink);
  drawNames(dial, sheet, places, ink);
}

/**
 * What is drawn over the whole window; in holes in another colour.
 * @param {BetaDial} dial
 */
export function drawMosaic(dial) {
  const { parts, meta, arrays, stop, fed } = dial;
  const { grid } = meta;
  const { W: width, H: height } = meta.layout;
  const greys = mosaicOf(dial);
  const whole = make("canvas");
  [whole.width, whole.height] = [grid * width, grid * height];
  const picture = new ImageData(whole.width, whole.height);
  const holes = arrays.holes.subarray((2 * stop + fed) * grid * grid);
  for (let cell = 0; cell < grid * grid; cell++) {
    const left = (cell % grid) * width;
    const top = Math.floor(cell / grid) * height;
    const share = holes[cell] ? meta.hole : [1, 1, 1];
    for (let i = 0; i < width * height; i++) {
      const o = 4 * ((top + Math.floor(i / width)) * whole.width + left + (i % width));
      const grey = greys[cell * width * height + i];
      for (let c = 0; c < 3; c++) picture.data[o + c] = grey * share[c];
      picture.data[o + 3] = 255;
    }
  }
  pen(whole).putImageData(picture, 0, 0);
  const sheet = sheetOf(dial, parts.mosaic);
  sheet.context.drawImage(whole, 0, 0, sheet.side, sheet.side);
  drawPrior(dial, sheet);
  drawPointed(dial, sheet, "#fff");
}

/**
 * The pictures of a stop's window, rows from the top down, decoded at its first look.
 * @param {BetaDial} dial
 */
function mosaicOf({ meta, mosaics, decode, stop }) {
  const known = mosaics.get(stop);
  if (known) return known;
  const { grid, size } = meta;
  const greys = new Uint8Array(grid * grid * size);
  const [low, high] = meta.windows[stop];
  const step = (high[0] - low[0]) / grid;
  for (let cell = 0; cell < grid * grid; cell++) {
    const z = [
      low[0] + ((cell % grid) + 0.5) * step,
      high[1] - (Math.floor(cell / grid) + 0.5) * step,
    ];
    const x = decode[stop](z);
    for (let i = 0; i < size; i++) greys[cell * size + i] = 255 * x[i] + 0.5;
  }
  mosaics.set(stop, greys);
  return greys;
}

/**
 * One and two deviations of N(0, I).
 * @param {BetaDial} dial
 * @param {Sheet} sheet
 */
function drawPrior({ meta }, { context, at, scale }) {
  context.strokeStyle = meta.ring;
  context.lineWidth = 2;
  for (const radius of LINES) {
    context.beginPath();
    context.arc(...at([0, 0]), radius * scale, 0, TURN);
    context.stroke();
  }
}

/**
 * Each class's name in the middle of its codes, where no other stands.
 * @param {BetaDial} dial
 * @param {Sheet} sheet
 * @param {[number, number][][]} places
 * @param {string} ink
 */
function drawNames({ parts, meta }, { context }, places, ink) {
  /** @type {number[][]} */
  const taken = [];
  context.font = "600 13px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeStyle = getComputedStyle(parts.map).backgroundColor;
  context.fillStyle = ink;
  for (const [c, some] of places.entries()) {
    if (!some.length) continue;
    const [x, y] = [0, 1].map(
      (d) => some.map((place) => place[d]).sort((a, b) => a - b)[some.length >> 1],
    );
    if (taken.some(([left, top]) => Math.hypot(left - x, top - y) < APART)) continue;
    taken.push([x, y]);
    context.strokeText(meta.classes[c].name, x, y);
    context.fillText(meta.classes[c].name, x, y);
  }
}

/**
 * Where the chosen digit is: its mean, and one deviation of its noise.
 * @param {BetaDial} dial
 * @param {Sheet} sheet
 * @param {string} ink
 */
function drawPosterior({ meta, arrays, stop, example }, { context, at, scale }, ink) {
  const o = 2 * (stop * meta.captions.length + example);
  const [x, y] = at([arrays.digitMu[o], arrays.digitMu[o + 1]]);
  const [across, up] = [arrays.digitStd[o] * scale, arrays.digitStd[o + 1] * scale];
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  for (const [a, b] of [
    [across, up],
    [5, 5],
  ]) {
    context.beginPath();
    context.ellipse(x, y, a, b, 0, 0, TURN);
    context.stroke();
  }
}

/**
 * A cross at the code under the hand.
 * @param {BetaDial} dial
 * @param {Sheet} sheet
 * @param {string} ink
 */
function drawPointed({ point }, { context, at }, ink) {
  const [x, y] = at(point);
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [a, b] of [
    [7, 0],
    [0, 7],
  ]) {
    context.moveTo(x - a, y - b);
    context.lineTo(x + a, y + b);
  }
  context.stroke();
}
