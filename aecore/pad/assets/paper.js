// @ts-check
// Draw your own: strokes or a photograph on paper, encoded and decoded again.

import { imageOf } from "./bundle.js";
import { moved, remember } from "./choice.js";
import { nearest } from "./codes.js";
import { fitDrawing, inkOfPhotograph } from "./ink.js";
import { paint, pen, wipe } from "./pictures.js";
import { say } from "./server.js";
import { show } from "./state.js";
import { inkOn, strokeTo } from "./strokes.js";

/** @import { Pad } from "./state.js" */

const PAPER = 140; // pixels of a side, as markup.html has it
export const NEIGHBOURS = 5; // real images beside a drawing

/** @param {Pad} pad */
const penOnPaper = (pad) => pen(pad.elements.paper, { willReadFrequently: true });

/**
 * Nothing is drawn.
 * @param {Pad} pad
 */
export function clearPaper(pad) {
  penOnPaper(pad).clearRect(0, 0, PAPER, PAPER);
  encodeDrawing(pad);
  drawGhost(pad);
}

/**
 * The nearest real image, faintly under the paper, to draw on; it stays while a hand draws.
 * @param {Pad} pad
 */
export function drawGhost({ elements, bundle, near }) {
  const { images } = bundle.meta;
  elements.ghost.hidden = !elements.ghosted.checked || !images || bundle.layout.graph;
  if (elements.ghost.hidden) return;
  paint(elements.ghost, imageOf(bundle, near ? near.index : 0), bundle.layout);
}

/**
 * Draw from where the pen was to where it is.
 * @param {Pad} pad
 * @param {PointerEvent} event
 */
export function stroke(pad, event) {
  const at = strokeTo(penOnPaper(pad), event, pad.elements.paper, pad.penAt, PAPER / 12);
  if (!at) return;
  pad.penAt = at;
  pad.drawingChanged = true;
  show(pad);
}

/**
 * Put the ink of the chosen photograph on the paper.
 * @param {Pad} pad
 */
export async function readPhotograph(pad) {
  const { file: input } = pad.elements;
  const file = input.files?.[0];
  input.value = "";
  if (!file) return;
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) {
    say(pad, `${file.name} is not a picture that this browser can read.`, true);
    return;
  }
  const context = penOnPaper(pad);
  const scale = PAPER / Math.max(picture.width, picture.height);
  const width = Math.ceil(picture.width * scale);
  const height = Math.ceil(picture.height * scale);
  const x = (PAPER - width) >> 1;
  const y = (PAPER - height) >> 1;
  context.clearRect(0, 0, PAPER, PAPER);
  context.drawImage(picture, x, y, width, height);
  const pixels = context.getImageData(x, y, width, height);
  const { data } = pixels;
  const grey = Float32Array.from(
    { length: width * height },
    (_, i) => (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3,
  );
  for (const [i, ink] of inkOfPhotograph(grey).entries()) {
    data.set([255, 255, 255, 255 * ink], 4 * i);
  }
  context.clearRect(0, 0, PAPER, PAPER);
  context.putImageData(pixels, x, y);
  say(pad, pad.problem);
  encodeDrawing(pad);
}

/**
 * What is on the paper as the encoder takes it, or null where nothing is.
 * @param {Pad} pad
 */
function drawnPicture(pad) {
  const { H: rows, W: columns } = pad.bundle.layout;
  const ink = inkOn(penOnPaper(pad));
  return fitDrawing(ink, PAPER, PAPER, rows, columns, pad.elements.centre.checked);
}

/**
 * Encode what is on the paper; its code becomes the chosen point.
 * @param {Pad} pad
 */
export function encodeDrawing(pad) {
  const { elements, network } = pad;
  const x = drawnPicture(pad);
  pad.drawingChanged = false;
  if (!x || !network) {
    wipe(elements.seen);
    wipe(elements.redrawn);
    wipe(elements.neighbours);
    elements.drawText.textContent = x ? pad.problem : pad.drawHint;
    return;
  }
  const q = network.encode(x);
  const mu = q.mu.slice();
  if (pad.anchor?.index !== -1) remember(pad);
  pad.z = mu;
  pad.hover = null;
  pad.anchor = { index: -1, x, mu, logvar: q.logvar?.slice() };
  moved(pad);
  showDrawing(pad, x, mu, network.decode(mu));
}

/**
 * What the encoder saw, what came back, how good it is, and what is like it.
 * @param {Pad} pad
 * @param {Float32Array} x
 * @param {Float32Array} mu
 * @param {Float32Array} reconstruction
 */
function showDrawing(pad, x, mu, reconstruction) {
  const { elements, bundle } = pad;
  const { errors, images } = bundle.meta;
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += (x[i] - reconstruction[i]) ** 2;
  const error = squares / bundle.size;
  paint(elements.seen, x, bundle.layout);
  paint(elements.redrawn, reconstruction, bundle.layout);
  const rank = Math.max(0, errors.filter((quantile) => quantile <= error).length - 1);
  const compared = errors.length ? `: larger than ${rank} % of the held-out images' errors.` : ".";
  elements.drawText.textContent = `Error ${error.toFixed(4)} (mean squared, per value)${compared}`;
  const alike = nearest(pad.codes, bundle.latentDim, images, mu, NEIGHBOURS);
  for (const [at, { index }] of alike.entries()) {
    const image = imageOf(bundle, index);
    paint(elements.neighbours, image, bundle.layout, { at, cells: NEIGHBOURS });
  }
}
