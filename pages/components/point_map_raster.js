// @ts-check
// Points put pixel by pixel: where the graphics card is missing this is the quicker way.

import { pen } from "../../aecore/pad/assets/pictures.js";
import { channelsOf, colorOfClass, STATES, UNIT } from "./point_map_cloud.js";

/** @import { Cloud, Renderer, Scene } from "./point_map_types.js" */
/** @typedef {{ dx: Int32Array, dy: Int32Array, alpha: Int32Array, reach: number }} Stamp */

export const OPACITY = 0.85;
export const FAINTNESS = 0.22;

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Renderer}
 */
export function createRaster(canvas) {
  // Kept where the processor is: it puts the points.
  const context = pen(canvas, { alpha: false, willReadFrequently: true });
  let ratio = 1;
  let image = context.createImageData(1, 1);
  let pixels = new Uint32Array(image.data.buffer);
  /** @type {Renderer} */
  const renderer = {
    name: "raster",
    canvas,
    context,
    cost: 0,
    resize(width, height, devicePixels) {
      ratio = devicePixels;
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      image = context.createImageData(canvas.width, canvas.height);
      pixels = new Uint32Array(image.data.buffer);
    },
    load() {},
    mark() {},
    draw(scene) {
      const start = performance.now();
      pixels.fill(packed(scene.paper));
      const stamp = stampOf(scene.diameter * ratio);
      const some = scene.cloud.caught !== null;
      if (some) stampAll(pixels, canvas, scene, ratio, stamp, STATES.faint);
      stampAll(pixels, canvas, scene, ratio, stamp, some ? STATES.caught : STATES.plain);
      context.putImageData(image, 0, 0);
      renderer.cost = performance.now() - start;
    },
    destroy() {},
  };
  return renderer;
}

/**
 * Red, green, blue as a pixel lies in memory.
 * @param {number[]} channels
 */
const packed = ([red, green, blue]) => (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;

/**
 * The pixels that a disc covers, about the one in its middle; alpha of 256.
 * @param {number} diameter
 * @returns {Stamp}
 */
function stampOf(diameter) {
  const radius = diameter / 2;
  const reach = Math.max(0, Math.ceil(radius - 0.5));
  /** @type {[number, number, number][]} */
  const found = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const cover = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy)));
      if (cover > 0.05) found.push([dx, dy, Math.round(256 * OPACITY * cover)]);
    }
  }
  const [dx, dy, alpha] = [0, 1, 2].map((i) => Int32Array.from(found, (entry) => entry[i]));
  return { dx, dy, alpha, reach };
}

/**
 * The colour of each class, as in `cloud.classes`; faint ones are nearly the paper's.
 * @param {Cloud} cloud
 * @param {number[]} paper
 * @param {boolean} faint
 */
export function colorsOf(cloud, paper, faint) {
  return Array.from({ length: cloud.meta.classes.length + 1 }, (_, index) =>
    channelsOf(colorOfClass(cloud, index)).map((value, i) =>
      Math.round(faint ? paper[i] + FAINTNESS * (value - paper[i]) : value),
    ),
  );
}

/**
 * Put every point of one state.
 * @param {Uint32Array} pixels
 * @param {{ width: number, height: number }} size
 * @param {Scene} scene
 * @param {number} ratio
 * @param {Stamp} stamp
 * @param {number} state
 */
function stampAll(pixels, { width, height }, scene, ratio, { dx, dy, alpha, reach }, state) {
  const { cloud, projection, t, paper } = scene;
  const { n, pca, model, classes, states } = cloud;
  const colors = Uint32Array.from(colorsOf(cloud, paper, state === STATES.faint), packed);
  const offsets = dx.map((value, i) => dy[i] * width + value);
  const count = offsets.length;
  const across = (projection.across * ratio) / UNIT;
  const up = (projection.up * ratio) / UNIT;
  const [left, top] = [projection.left * ratio, projection.top * ratio];
  const [right, bottom] = [width - reach, height - reach];
  for (let slot = 0; slot < n; slot++) {
    if (states[slot] !== state) continue;
    const i = 2 * slot;
    const x = Math.floor((pca[i] + t * (model[i] - pca[i])) * across + left);
    const y = Math.floor((pca[i + 1] + t * (model[i + 1] - pca[i + 1])) * up + top);
    if (x < reach || y < reach || x >= right || y >= bottom) continue;
    const color = colors[classes[slot]];
    const redBlue = color & 0xff00ff;
    const green = color & 0xff00;
    const middle = y * width + x;
    for (let s = 0; s < count; s++) {
      const at = middle + offsets[s];
      const under = pixels[at];
      const share = alpha[s];
      // Red and blue together in one product, green in another.
      const rb = under & 0xff00ff;
      const g = under & 0xff00;
      pixels[at] =
        0xff000000 |
        ((rb + (((redBlue - rb) * share) >> 8)) & 0xff00ff) |
        ((g + (((green - g) * share) >> 8)) & 0xff00);
    }
  }
}
