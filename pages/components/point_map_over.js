// @ts-check
// What is drawn with the points, contours and names; and over them: what a hand points at.

import { pen } from "../../aecore/pad/assets/pictures.js";
import { projection, toPixel } from "./point_map_camera.js";
import { colorOfClass, placeOfExample } from "./point_map_cloud.js";

/** @import { Place, PointMap } from "./point_map_types.js" */

const NAME_HEIGHT = 17;

/**
 * What belongs to the points and is drawn with them: contours, axes, the classes' names.
 * @param {PointMap} map
 * @param {CanvasRenderingContext2D} context
 */
export function drawWithPoints(map, context) {
  context.lineJoin = "round";
  if (map.withLines) drawContours(map, context);
  drawAxes(map, context);
  drawNames(map, context);
}

/**
 * What a hand does.
 * @param {PointMap} map
 */
export function drawOver(map) {
  const { parts, width, height, ink, style } = map;
  const focused = parts.over.matches(":focus-visible");
  const some = map.near >= 0 || map.chosen >= 0 || map.loop || focused;
  if (!some && !map.overDrawn) return; // a canvas that is wiped costs a frame
  // An empty one that is laid over the points does too; it takes the pointer nevertheless.
  parts.over.style.opacity = some ? "1" : "0";
  map.overDrawn = Boolean(some);
  const context = pen(parts.over, { willReadFrequently: map.renderer.context !== null });
  context.clearRect(0, 0, width, height);
  context.lineJoin = "round";
  if (map.near >= 0) drawNeighbours(map, context, map.near);
  if (map.chosen >= 0 && map.chosen < map.cloud.n) {
    ringAt(context, placeOf(map, map.chosen), 9, style.backgroundColor, 6);
    ringAt(context, placeOf(map, map.chosen), 9, ink, 2.5);
  }
  if (map.loop) drawLoop(map, context, map.loop);
  if (focused) drawCross(map, context);
}

/**
 * @param {PointMap} map
 * @param {number} example
 */
const placeOf = (map, example) =>
  toPixel(projection(map), placeOfExample(map.cloud, example, map.t));

/**
 * They stand where points rest, and fade while those are on their way.
 * @param {PointMap} map
 * @param {CanvasRenderingContext2D} context
 */
function drawContours(map, context) {
  const { t, cloud, contours, style } = map;
  const shown = Math.abs(2 * t - 1) ** 2;
  if (shown < 0.05 || !contours) return;
  const { across, up, left, top } = projection(map);
  for (const { index, line } of contours[t > 0.5 ? 1 : 0]) {
    if (cloud.hidden[index]) continue;
    context.beginPath();
    for (let i = 0; i < line.length; i += 2) {
      context.lineTo(line[i] * across + left, line[i + 1] * up + top);
    }
    context.globalAlpha = 0.8 * shown;
    context.lineWidth = 4;
    context.strokeStyle = style.backgroundColor;
    context.stroke();
    context.globalAlpha = shown;
    context.lineWidth = 2;
    context.strokeStyle = index ? colorOfClass(cloud, index) : map.ink;
    context.stroke();
  }
  context.globalAlpha = 1;
}

/**
 * @param {PointMap} map
 * @param {CanvasRenderingContext2D} context
 */
function drawAxes(map, context) {
  const { width, height, t, cloud } = map;
  const shown = Math.abs(2 * t - 1);
  const [across, up] = cloud.meta.axes[t > 0.5 ? 1 : 0];
  context.globalAlpha = shown;
  context.font = "12px sans-serif";
  context.textAlign = "right";
  outlined(map, context, `${across} \u2192`, width - 8, height - 9);
  context.textAlign = "left";
  outlined(map, context, `${up} \u2191`, 8, 16);
  context.globalAlpha = 1;
}

/**
 * @param {PointMap} map
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x
 * @param {number} y
 */
function outlined({ ink, style }, context, text, x, y) {
  context.lineWidth = 4;
  context.strokeStyle = style.backgroundColor;
  context.fillStyle = ink;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/**
 * Each class's name in the middle of its points, moved until it covers no other.
 * @param {PointMap} map
 * @param {CanvasRenderingContext2D} context
 */
function drawNames(map, context) {
  const { cloud, middles, t, width, height } = map;
  const how = projection(map);
  /** @type {{ x: number, y: number, half: number }[]} */
  const drawn = [];
  context.font = "bold 14px sans-serif";
  context.textAlign = "center";
  for (const [c, { name }] of cloud.meta.classes.entries()) {
    const [from, to] = [middles[0][c], middles[1][c]];
    if (!from || !to || cloud.hidden[c + 1]) continue;
    const { x, y } = toPixel(how, {
      x: from.x + t * (to.x - from.x),
      y: from.y + t * (to.y - from.y),
    });
    const half = context.measureText(name).width / 2 + 3;
    /** @param {number} at */
    const free = (at) =>
      drawn.every((o) => Math.abs(o.x - x) > o.half + half || Math.abs(o.y - at) > NAME_HEIGHT);
    const steps = Array.from({ length: 13 }, (_, i) => (i % 2 ? 1 : -1) * Math.ceil(i / 2));
    const step = steps.find((by) => free(y + by * 9));
    if (step === undefined || x < 0 || y < 0 || x > width || y > height) continue;
    drawn.push({ x, y: y + step * 9, half });
    outlined(map, context, name, x, y + step * 9 + 5);
  }
}

/**
 * A ring about an example, and lines to its nearest ones by code.
 * @param {PointMap} map
 * @param {CanvasRenderingContext2D} context
 * @param {number} example
 */
function drawNeighbours(map, context, example) {
  const { cloud, style, ink } = map;
  const middle = placeOf(map, example);
  for (const [color, width] of /** @type {[string, number][]} */ ([
    [style.backgroundColor, 4],
    [ink, 1.5],
  ])) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    for (const other of neighboursOf(map, example)) {
      const { x, y } = placeOf(map, other);
      context.moveTo(middle.x, middle.y);
      context.lineTo(x, y);
      context.moveTo(x + 4, y);
      context.arc(x, y, 4, 0, 2 * Math.PI);
    }
    context.stroke();
  }
  const color = colorOfClass(cloud, cloud.classes[cloud.slots[example]]);
  ringAt(context, middle, 7, style.backgroundColor, 6);
  ringAt(context, middle, 7, color, 3);
}

/**
 * Those of its nearest examples that the map shows.
 * @param {PointMap} map
 * @param {number} example
 */
export function neighboursOf({ cloud: { meta, neighbours, n } }, example) {
  if (example >= meta.images) return [];
  const own = neighbours.subarray(example * meta.neighbours, (example + 1) * meta.neighbours);
  return [...own].filter((other) => other >= 0 && other < n);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Place} middle
 * @param {number} radius
 * @param {string} color
 * @param {number} width
 */
function ringAt(context, { x, y }, radius, color, width) {
  context.lineWidth = width;
  context.strokeStyle = color;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

/**
 * @param {PointMap} map
 * @param {CanvasRenderingContext2D} context
 * @param {Place[]} loop
 */
function drawLoop(map, context, loop) {
  context.beginPath();
  for (const { x, y } of loop) context.lineTo(x, y);
  context.closePath();
  context.globalAlpha = 0.12;
  context.fillStyle = map.ink;
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 2;
  context.strokeStyle = map.ink;
  context.stroke();
}

/**
 * Where the Enter key chooses, for who has no pointer.
 * @param {PointMap} map
 * @param {CanvasRenderingContext2D} context
 */
function drawCross({ width, height, ink }, context) {
  context.fillStyle = ink;
  context.fillRect(width / 2 - 12, height / 2, 25, 1);
  context.fillRect(width / 2, height / 2 - 12, 1, 25);
}
