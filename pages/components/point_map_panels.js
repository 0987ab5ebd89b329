// @ts-check
// What stands beside the points: the example under the pointer, what a lasso caught, the legend.

import { make, paint, pen } from "../../aecore/pad/assets/pictures.js";
import { projection, toPixel } from "./point_map_camera.js";
import {
  classNameOf,
  colorOfClass,
  exampleOf,
  markStates,
  placeOfExample,
  STATES,
} from "./point_map_cloud.js";
import { neighboursOf } from "./point_map_over.js";

/** @import { PointMap } from "./point_map_types.js" */

const MOSAIC = { across: 8, down: 4 };
const MOST_COUNTS = 10;

/**
 * The example under the pointer, with its picture where it has one; -1 for none.
 * @param {PointMap} map
 */
export function showTip(map) {
  const { parts, cloud, near, width, t } = map;
  parts.tip.hidden = near < 0;
  if (near < 0) return;
  const { meta } = cloud;
  const pictured = near < meta.images;
  parts.tipImage.hidden = !pictured;
  if (pictured) paint(parts.tipImage, exampleOf(cloud, near), meta.layout.small);
  parts.tipText.textContent = saidOf(map, near);
  const { x, y } = toPixel(projection(map), placeOfExample(cloud, near, t));
  const [wide, high] = [parts.tip.offsetWidth, parts.tip.offsetHeight];
  const left = x + 18 + wide > width ? x - 18 - wide : x + 18;
  const top = Math.min(map.height - high - 4, Math.max(4, y - high / 2));
  parts.tip.style.transform = `translate(${Math.max(2, left)}px, ${top}px)`;
}

/**
 * @param {PointMap} map
 * @param {number} example
 */
export function saidOf({ cloud }, example) {
  const name = classNameOf(cloud, example);
  const split = example < cloud.meta.heldOut ? "" : " of training";
  return `No. ${example.toLocaleString("en")}${split}${name ? ` \u00b7 ${name}` : ""}`;
}

/**
 * The nearest examples of the one under the pointer in words, for who cannot see lines.
 * @param {PointMap} map
 * @param {number} example
 */
export function saidOfNeighbours(map, example) {
  const names = neighboursOf(map, example).map((other) => classNameOf(map.cloud, other));
  return names.some(Boolean) ? ` Nearest by code: ${names.join(", ")}.` : "";
}

/**
 * What the lasso caught: how many of each class, and some pictures.
 * @param {PointMap} map
 */
export function showCaught(map) {
  const { parts, cloud } = map;
  const { caught, meta } = cloud;
  parts.caught.hidden = caught === null;
  if (!caught) return;
  const away = placeOfExample(cloud, caught[caught.length >> 1], map.t);
  parts.caught.classList.toggle("left", toPixel(projection(map), away).x > map.width / 2);
  const share = ((100 * caught.length) / cloud.n).toFixed(caught.length < cloud.n / 10 ? 1 : 0);
  const things = caught.length === 1 ? meta.thing : `${meta.thing}s`;
  const number = caught.length.toLocaleString("en");
  parts.caughtText.textContent = `${number} ${things}, ${share} % of those drawn`;
  parts.counts.replaceChildren(...countRows(map, caught));
  const pictured = caught.filter((example) => example < meta.images);
  const shown = evenly(pictured, MOSAIC.across * MOSAIC.down);
  parts.mosaic.hidden = !shown.length || meta.layout.graph;
  if (parts.mosaic.hidden) return;
  drawMosaic(map, shown);
}

/**
 * @param {PointMap} map
 * @param {Int32Array} caught
 */
function countRows({ cloud }, caught) {
  const counts = new Map();
  for (const example of caught) {
    const index = cloud.classes[cloud.slots[example]];
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  if (!cloud.meta.classes.length) return [];
  const sorted = [...counts].sort((one, other) => other[1] - one[1]);
  const rows = sorted.slice(0, MOST_COUNTS).map(([index, count]) => {
    const row = make("li");
    const bar = make("i");
    const [name, number] = [make("span"), make("b")];
    name.textContent = cloud.meta.classes[index - 1]?.name ?? "without a class";
    number.textContent = count.toLocaleString("en");
    bar.style.background = colorOfClass(cloud, index);
    bar.style.width = `${(100 * count) / sorted[0][1]}%`;
    row.append(name, bar, number);
    return row;
  });
  if (sorted.length > MOST_COUNTS) {
    const more = make("li");
    more.textContent = `and ${sorted.length - MOST_COUNTS} more classes`;
    rows.push(more);
  }
  return rows;
}

/**
 * @param {PointMap} map
 * @param {number[]} shown
 */
function drawMosaic({ parts, cloud }, shown) {
  const { layout } = cloud.meta;
  const { W: width, H: height } = layout;
  const canvas = parts.mosaic;
  const one = make("canvas");
  const rows = Math.ceil(shown.length / MOSAIC.across);
  canvas.width = MOSAIC.across * (width + 1) - 1;
  canvas.height = rows * (height + 1) - 1;
  const context = pen(canvas);
  for (const [i, example] of shown.entries()) {
    paint(one, exampleOf(cloud, example), layout);
    const [column, row] = [i % MOSAIC.across, Math.floor(i / MOSAIC.across)];
    context.drawImage(one, column * (width + 1), row * (height + 1));
  }
  canvas.ariaLabel = `${shown.length} of the caught ${cloud.meta.thing}s`;
}

/**
 * At most so many of some, evenly over all.
 * @param {ArrayLike<number>} all
 * @param {number} most
 */
export function evenly(all, most) {
  const count = Math.min(most, all.length);
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]);
}

/**
 * A button for each class: pressed while it is drawn.
 * @param {PointMap} map
 * @param {() => void} changed
 */
export function buildLegend(map, changed) {
  const { parts, cloud } = map;
  const buttons = cloud.meta.classes.map(({ name, color }, c) => {
    const button = make("button");
    const dot = make("i");
    dot.style.setProperty("--class", color);
    button.append(dot, name);
    button.title = "Hide or show it; with Shift, all others";
    button.onclick = ({ shiftKey }) => {
      if (shiftKey) {
        cloud.hidden = [true, ...cloud.meta.classes.map((_, other) => other !== c)];
      } else {
        cloud.hidden[c + 1] = !cloud.hidden[c + 1];
      }
      if (cloud.meta.classes.every((_, other) => cloud.hidden[other + 1])) cloud.hidden = [];
      changed();
    };
    return button;
  });
  parts.legend.replaceChildren(...buttons);
  pressLegend(map);
}

/** @param {PointMap} map */
export function pressLegend({ parts, cloud }) {
  for (const [c, button] of [...parts.legend.children].entries()) {
    button.ariaPressed = String(!cloud.hidden[c + 1]);
  }
}

/**
 * Catch what lies within a loop of pixels; null catches nothing.
 * @param {PointMap} map
 */
export function catchWithin(map) {
  const { cloud, loop, t } = map;
  cloud.caught = null;
  markStates(cloud);
  if (loop && loop.length > 2) {
    const how = projection(map);
    const inside = insideOf(loop);
    const found = [];
    for (let slot = 0; slot < cloud.n; slot++) {
      if (cloud.states[slot] === STATES.hidden) continue;
      const { x, y } = toPixel(how, placeOfExample(cloud, cloud.order[slot], t));
      if (inside(x, y)) found.push(cloud.order[slot]);
    }
    if (found.length) cloud.caught = Int32Array.from(found).sort();
    markStates(cloud);
  }
}

/**
 * Whether a place is within a loop: a ray from it crosses the loop an odd number of times.
 * @param {{ x: number, y: number }[]} loop
 * @returns {(x: number, y: number) => boolean}
 */
export function insideOf(loop) {
  const xs = loop.map(({ x }) => x);
  const ys = loop.map(({ y }) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  return (x, y) => {
    if (x < left || x > right || y < top || y > bottom) return false;
    let inside = false;
    for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
      const crosses = ys[i] > y !== ys[j] > y;
      if (crosses && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) {
        inside = !inside;
      }
    }
    return inside;
  };
}
