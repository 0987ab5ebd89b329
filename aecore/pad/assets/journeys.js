// @ts-check
// Journeys through the latent space: pinned points, a path between them, and files of it.

import { choose } from "./choice.js";
import { encodeGif } from "./gif.js";
import { make, paint, pen, wipe } from "./pictures.js";
import { play } from "./playing.js";

/** @import { Pad, Place } from "./state.js" */
/** @import { NumberArray } from "./types.js" */

const STOPS = 41;
const STRIP_EVERY = 4; // stops from one picture of the strip to the next
const GIF_DELAY = 7; // hundredths of a second
const GIF_SIDE = 140; // pixels, about

/**
 * A button for each pin, with what lies there.
 * @param {Pad} pad
 */
export function drawPins(pad) {
  const { pins, elements } = pad;
  pad.pinsChanged = false;
  if (!pins.length) {
    elements.pins.replaceChildren("Click the map to pin points. The last two are A and B.");
    return;
  }
  const buttons = pins.map((pin, i) => {
    const button = make("button");
    const canvas = make("canvas");
    button.onclick = () => choose(pad, pin.z, pin.anchor, false);
    button.title = `Pinned ${pin.anchor ? pad.bundle.meta.thing : "point"} ${i + 1}`;
    const picture = pin.anchor?.x ?? pad.network?.decode(pin.z);
    if (picture) paint(canvas, picture, pad.bundle.layout);
    button.append(canvas, ["B", "A"][pins.length - 1 - i] ?? "");
    return button;
  });
  elements.pins.replaceChildren(...buttons);
}

/**
 * Take a path and play it.
 * @param {Pad} pad
 * @param {(share: number) => NumberArray} at a share of the way (0 to 1) -> z
 * @param {string} text
 */
export function setPath(pad, at, text) {
  pad.path = Array.from({ length: STOPS }, (_, i) => Float32Array.from(at(i / (STOPS - 1))));
  pad.pathText = text;
  drawJourney(pad);
  play(pad, true);
}

/**
 * The journey as a strip of pictures.
 * @param {Pad} pad
 */
export function drawJourney(pad) {
  const { elements, path, network } = pad;
  elements.mixture.hidden = true;
  for (const button of [elements.play, elements.gif, elements.png]) {
    button.disabled = !path || !network;
  }
  elements.journeyText.textContent = path ? pad.pathText : "No journey yet.";
  if (!path || !network) {
    wipe(elements.strip);
    return;
  }
  const shown = path.filter((_, i) => i % STRIP_EVERY === 0);
  for (const [at, code] of shown.entries()) {
    const cells = { at, cells: shown.length };
    paint(elements.strip, network.decode(code), pad.bundle.layout, cells);
  }
}

/**
 * Beside a journey from A to B: the same ways of mixing, but of the two pictures' values.
 * @param {Pad} pad
 * @param {Place[]} ends
 */
export function drawMixture({ elements, network, bundle }, ends) {
  const pictures = ends.map(({ z, anchor }) => anchor?.x ?? network?.decode(z).slice());
  const [a, b] = pictures;
  elements.mixture.hidden = !a || !b;
  if (!a || !b) return;
  const cells = Math.ceil(STOPS / STRIP_EVERY);
  for (let at = 0; at < cells; at++) {
    const share = at / (cells - 1);
    const mixed = a.map((value, i) => value + share * (b[i] - value));
    paint(elements.mixed, mixed, bundle.layout, { at, cells });
  }
}

/**
 * Save the journey there and back.
 * @param {Pad} pad
 */
export function saveGif({ path, network, bundle: { layout } }) {
  if (!path || !network) return;
  const { H: height, W: width, C: channels } = layout;
  const grey = channels === 1;
  const larger = Math.round(GIF_SIDE / Math.max(height, width));
  const scale = layout.graph ? 2 : Math.max(1, larger);
  const canvas = make("canvas");
  const pictures = [...path, ...path.slice(1, -1).reverse()].map((code) => {
    wipe(canvas);
    paint(canvas, network.decode(code), layout);
    const { data } = pen(canvas).getImageData(0, 0, width, height);
    return enlarged(width, height, scale, (pixel) => paletteIndex(data, 4 * pixel, grey));
  });
  const palette = Array.from({ length: 256 }, (_, i) => (grey ? [i, i, i] : cubeColor(i)));
  const gif = encodeGif(pictures, width * scale, height * scale, palette, GIF_DELAY);
  save(new Blob([gif], { type: "image/gif" }), "journey.gif");
}

/**
 * Colours of a GIF are one of 6 reds x 7 greens x 6 blues.
 * @param {number} i
 */
const cubeColor = (i) => [
  (Math.floor(i / 42) % 6) * 51,
  Math.floor((Math.floor(i / 6) % 7) * 42.5),
  (i % 6) * 51,
];

/**
 * @param {Uint8ClampedArray} data RGBA
 * @param {number} at
 * @param {boolean} grey
 */
function paletteIndex(data, at, grey) {
  if (grey) return data[at + 1];
  /** @type {(value: number, levels: number) => number} */
  const level = (value, levels) => Math.round((value / 255) * levels);
  return level(data[at], 5) * 42 + level(data[at + 1], 6) * 6 + level(data[at + 2], 5);
}

/**
 * Each pixel as a square of `scale` pixels.
 * @param {number} width
 * @param {number} height
 * @param {number} scale
 * @param {(pixel: number) => number} indexOf
 */
function enlarged(width, height, scale, indexOf) {
  const wide = width * scale;
  return Uint8Array.from({ length: wide * height * scale }, (_, i) => {
    const row = Math.floor(i / wide / scale);
    return indexOf(row * width + Math.floor((i % wide) / scale));
  });
}

/**
 * Save the strip.
 * @param {Pad} pad
 */
export function savePng({ elements }) {
  elements.strip.toBlob((blob) => blob && save(blob, "journey.png"));
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
function save(blob, name) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
