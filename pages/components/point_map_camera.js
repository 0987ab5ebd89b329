// @ts-check
// Which part of the map is seen.

import { UNIT } from "./point_map_cloud.js";

/** @import { Camera, Cloud, Place, PointMap, Projection } from "./point_map_types.js" */

const FILLS = 0.95; // of the width and height, by all points
const [LEAST_ZOOM, MOST_ZOOM] = [0.5, 64];

/** @returns {Camera} */
export const wholeView = () => ({ x: 0, y: 0, zoom: 1 });

/**
 * @param {Camera} camera
 * @param {number} width
 * @param {number} height
 * @returns {Projection}
 */
export function projectionOf({ x, y, zoom }, width, height) {
  const across = (zoom * FILLS * width) / 2;
  const up = (-zoom * FILLS * height) / 2;
  return { across, up, left: width / 2 - x * across, top: height / 2 - y * up };
}

/** @param {PointMap} map */
export const projection = (map) => projectionOf(map.camera, map.width, map.height);

/**
 * The pixel of a place in map units.
 * @param {Projection} how
 * @param {Place} place
 * @returns {Place}
 */
export const toPixel = ({ across, up, left, top }, { x, y }) => ({
  x: x * across + left,
  y: y * up + top,
});

/**
 * @param {PointMap} map
 * @param {number} factor
 * @param {Place} about in pixels
 */
export function zoomBy(map, factor, about = { x: map.width / 2, y: map.height / 2 }) {
  const { camera } = map;
  const zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, camera.zoom * factor));
  const { across, up, left, top } = projection(map);
  const fixed = { x: (about.x - left) / across, y: (about.y - top) / up };
  const share = camera.zoom / zoom;
  map.camera = {
    x: inReach(fixed.x + (camera.x - fixed.x) * share),
    y: inReach(fixed.y + (camera.y - fixed.y) * share),
    zoom,
  };
}

/**
 * @param {PointMap} map
 * @param {number} dx pixels
 * @param {number} dy
 */
export function panBy(map, dx, dy) {
  const { across, up } = projection(map);
  const { x, y, zoom } = map.camera;
  map.camera = { x: inReach(x - dx / across), y: inReach(y - dy / up), zoom };
}

/**
 * The middle of the view stays where something may be.
 * @param {number} value
 */
const inReach = (value) => Math.min(2, Math.max(-2, value));

/**
 * The diameter of a point: smaller where there are many, larger where one looks closely.
 * @param {Cloud} cloud
 * @param {Camera} camera
 */
export function diameterOf({ n }, { zoom }) {
  const whole = n > 30000 ? 2.6 : n > 5000 ? 3.4 : n > 1000 ? 5 : 7;
  return Math.min(9, whole * Math.max(1, zoom) ** 0.35);
}

/**
 * The example drawn nearest to a place, or -1; those with a picture are preferred.
 * @param {PointMap} map
 * @param {Place} place in pixels
 * @param {boolean} pictured only those with a picture
 * @param {number} reach pixels
 */
export function exampleNear({ cloud, t, camera, width, height }, place, pictured, reach) {
  const { n, pca, model, order, states, meta } = cloud;
  const { across, up, left, top } = projectionOf(camera, width, height);
  const [x, y] = [((place.x - left) / across) * UNIT, ((place.y - top) / up) * UNIT];
  const [wide, high] = [(across / UNIT) ** 2, (up / UNIT) ** 2];
  let best = -1;
  let least = reach * reach;
  for (let slot = 0; slot < n; slot++) {
    if (!states[slot] || (pictured && order[slot] >= meta.images)) continue;
    const dx = pca[2 * slot] + t * (model[2 * slot] - pca[2 * slot]) - x;
    const dy = pca[2 * slot + 1] + t * (model[2 * slot + 1] - pca[2 * slot + 1]) - y;
    const distance = dx * dx * wide + dy * dy * high;
    if (distance <= least) {
      least = distance;
      best = order[slot];
    }
  }
  return best;
}
