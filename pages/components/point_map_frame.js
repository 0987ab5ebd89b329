// @ts-check
// One frame of the map: points on their way go on, what changed is drawn.

import { pen } from "../../aecore/pad/assets/pictures.js";
import { diameterOf, projectionOf } from "./point_map_camera.js";
import { channelsOf } from "./point_map_cloud.js";
import { contoursOf } from "./point_map_contours.js";
import { drawOver, drawWithPoints } from "./point_map_over.js";
import { showTip } from "./point_map_panels.js";

/** @import { PointMap } from "./point_map_types.js" */

const MORPH_TIME = 1500; // milliseconds
const SLOW = 11; // milliseconds: a dearer drawing is moved while a hand moves, and drawn after it
const RESTS = 140; // milliseconds after which a hand rests
const BARE = 0.15; // share of the map that may be bare before it is drawn in between

/** @param {PointMap} map */
export function resizeAll(map) {
  const { stage, over, linesOver: lines } = map.parts;
  map.width = stage.clientWidth;
  map.height = stage.clientHeight;
  if (!map.width) return;
  const ratio = devicePixelRatio || 1;
  map.renderer.resize(map.width, map.height, ratio);
  for (const canvas of [over, lines]) {
    canvas.width = map.width * ratio;
    canvas.height = map.height * ratio;
    const context = pen(canvas, { willReadFrequently: map.renderer.context !== null });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  lines.hidden = map.renderer.context !== null;
  map.renderer.load(map.cloud);
  map.renderer.mark(map.cloud);
  map.stale = true;
  // At once: a canvas that was given a size is empty until it is drawn.
  drawFrame(map, performance.now());
}

/**
 * Draw what changed, at the next frame.
 * @param {PointMap} map
 */
export function show(map) {
  map.pending ??= requestAnimationFrame((now) => {
    map.pending = null;
    if (map.root.isConnected) drawFrame(map, now);
  });
}

/**
 * @param {PointMap} map
 * @param {number} now
 */
function drawFrame(map, now) {
  if (!map.width) return;
  if (map.morph) advanceMorph(map, now);
  if (map.style.color !== map.ink) {
    map.ink = map.style.color; // light or dark
    map.stale = true;
  }
  const first = map.drawn === null;
  if (map.stale) drawPoints(map, now);
  drawOver(map);
  showTip(map);
  if (!map.contours && !first) {
    map.contours = [contoursOf(map.cloud, map.cloud.pca), contoursOf(map.cloud, map.cloud.model)];
    map.stale = true;
  }
  if (map.stale || map.morph || first) show(map);
}

/**
 * Draw the points, or while a hand moves a dear drawing move what is drawn.
 * @param {PointMap} map
 * @param {number} now
 */
function drawPoints(map, now) {
  const { cloud, camera, renderer, drawn, t } = map;
  const view = projectionOf(camera, map.width, map.height);
  const dear = renderer.context !== null || renderer.cost > SLOW;
  const moving = dear && now - map.touched < RESTS;
  if (moving && drawn && drawn.t === t) {
    const before = projectionOf(drawn.camera, map.width, map.height);
    const scale = view.across / before.across;
    const left = view.left - before.left * scale;
    const top = view.top - before.top * scale;
    if (bareShare(map, scale, left, top) < BARE) {
      map.parts.points.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
      return; // it stays stale: once the hand rests it is drawn anew
    }
  }
  const paper = channelsIn(map.style.backgroundColor);
  renderer.draw({ cloud, projection: view, t, diameter: diameterOf(cloud, camera), paper });
  const onto = renderer.context ?? pen(map.parts.linesOver);
  if (!renderer.context) onto.clearRect(0, 0, map.width, map.height);
  drawWithPoints(map, onto);
  map.parts.points.style.transform = "";
  map.drawn = { camera, t };
  map.stale = false;
}

/**
 * How much of the map a moved drawing leaves bare.
 * @param {PointMap} map
 * @param {number} scale
 * @param {number} left
 * @param {number} top
 */
function bareShare({ width, height }, scale, left, top) {
  /** @type {(from: number, size: number) => number} */
  const covered = (from, size) =>
    Math.max(0, Math.min(size, from + scale * size) - Math.max(0, from)) / size;
  return 1 - covered(left, width) * covered(top, height);
}

/** @param {string} color as a browser writes it: rgb(…), or six digits */
function channelsIn(color) {
  if (color.startsWith("#")) return channelsOf(color);
  const [red, green, blue] = (color.match(/[\d.]+/g) ?? ["255", "255", "255"]).map(Number);
  return [red, green, blue];
}

/**
 * @param {PointMap} map
 * @param {number} now
 */
function advanceMorph(map, now) {
  const { morph } = map;
  if (!morph) return;
  morph.start ??= now;
  const share = Math.min(1, (now - morph.start) / MORPH_TIME);
  setWay(map, morph.from + (morph.to - morph.from) * share * share * (3 - 2 * share));
  if (share === 1) map.morph = null;
}

/**
 * Put the points at a share of the way from PCA to the model.
 * @param {PointMap} map
 * @param {number} t
 */
export function setWay(map, t) {
  map.t = t;
  const { way, toPca, toModel } = map.parts;
  way.value = String(t);
  way.ariaValueText =
    t === 0 ? "PCA" : t === 1 ? "this model" : `${Math.round(100 * t)} % of the way`;
  toPca.ariaPressed = String(t === 0);
  toModel.ariaPressed = String(t === 1);
  map.stale = true;
}

/**
 * Go to a layout within 1.5 seconds, or at once for who wants no motion.
 * @param {PointMap} map
 * @param {number} to
 */
export function goTo(map, to) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  map.near = -1;
  map.morph = still ? null : { from: map.t, to, start: null };
  if (still) setWay(map, to);
  show(map);
}
