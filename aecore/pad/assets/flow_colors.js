// @ts-check
// The colours of the drawing: orange above 0, blue below, the page's own ground in the middle.

import { ABOVE_ZERO, BELOW_ZERO } from "./signed_colors.js";

/** @import { View } from "./flow_state.js" */
/** @import { Rgb } from "./signed_colors.js" */

const STEPS = 128; // colours on either side of 0

/**
 * @typedef {object} Colors
 * @property {Uint32Array} scale from -1 to 1, as a picture's pixels
 * @property {string} ink
 * @property {string} paper
 * @property {string} accent
 * @property {string} faint of lines
 * @property {string} above
 * @property {string} below
 * @property {string} font the page's family
 */

/** @type {WeakMap<View, Colors>} */
const known = new WeakMap();

/**
 * The colours of the theme, as a frame that began has seen them.
 * @param {View} view
 * @returns {Colors}
 */
export const colorsOf = (view) => known.get(view) ?? lookAtTheme(view);

/**
 * The colours of the theme that the page has now. Asked once, before a frame writes anything:
 * afterwards the browser would have to style the page anew to answer.
 * @param {View} view
 * @returns {Colors}
 */
export function lookAtTheme(view) {
  const { color, backgroundColor, accentColor, fontFamily } = view.style;
  const found = known.get(view);
  if (found && found.ink === color && found.paper === backgroundColor) return found;
  const [ink, paper] = [rgbOf(color), rgbOf(backgroundColor)];
  const ground = mix(paper, ink, 0.1);
  const scale = new Uint32Array(2 * STEPS + 1);
  for (let i = 0; i <= STEPS; i++) {
    // The eye sees little of a first tenth: it is spread.
    const share = (i / STEPS) ** 0.7;
    scale[STEPS + i] = pixelOf(mix(ground, ABOVE_ZERO, share));
    scale[STEPS - i] = pixelOf(mix(ground, BELOW_ZERO, share));
  }
  const colors = {
    ...{ scale, ink: color, paper: backgroundColor, accent: accentColor },
    faint: cssOf(mix(paper, ink, 0.3)),
    above: cssOf(ABOVE_ZERO),
    below: cssOf(BELOW_ZERO),
    font: fontFamily,
  };
  known.set(view, colors);
  return colors;
}

/**
 * The pixel of a value that reaches from -1 to 1; of what is no number, 0's.
 * @param {Uint32Array} scale
 * @param {number} share
 */
export function pixelAt(scale, share) {
  if (share >= 1) return scale[2 * STEPS];
  if (share > -1) return scale[(STEPS * share + STEPS + 0.5) | 0];
  return share <= -1 ? scale[0] : scale[STEPS];
}

/**
 * @param {string} text as a browser computes a colour
 * @returns {Rgb}
 */
function rgbOf(text) {
  const [r, g, b] = text.match(/[\d.]+/g)?.map(Number) ?? [128, 128, 128];
  return [r, g, b];
}

/**
 * @param {Rgb} a
 * @param {Rgb} b
 * @param {number} share of b
 * @returns {Rgb}
 */
const mix = (a, b, share) => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** @param {Rgb} rgb */
const cssOf = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;

/** @param {Rgb} rgb */
const pixelOf = ([r, g, b]) =>
  ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
