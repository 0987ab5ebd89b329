// @ts-check
// Where the points lie densely: for each class the line within which half of its points are.

import { UNIT } from "./point_map_cloud.js";

/** @import { Cloud, Contour, Place } from "./point_map_types.js" */

const CELLS = 72; // of the grid, each way
const REACH = 1.15; // map units from the middle to the grid's edge
const BLUR = [0.06, 0.24, 0.4, 0.24, 0.06];
const BLURS = 3;
const MOST_CLASSES = 12; // with more of them the lines are of all points together
const SHARES = { each: [0.5], all: [0.25, 0.5, 0.75] };
const FEWEST = 40; // points that a line can be drawn of

/**
 * The contours of a layout.
 * @param {Cloud} cloud
 * @param {Int16Array} places
 * @returns {Contour[]}
 */
export function contoursOf({ n, classes, meta }, places) {
  const each = meta.classes.length > 0 && meta.classes.length <= MOST_CLASSES;
  const groups = each ? meta.classes.length : 1;
  const counts = new Int32Array(groups);
  const grids = Array.from({ length: groups }, () => new Float32Array(CELLS * CELLS));
  for (let slot = 0; slot < n; slot++) {
    const group = each ? classes[slot] - 1 : 0;
    if (group < 0) continue;
    const x = cellOf(places[2 * slot]);
    const y = cellOf(places[2 * slot + 1]);
    counts[group]++;
    if (x >= 0 && y >= 0 && x < CELLS && y < CELLS) grids[group][y * CELLS + x]++;
  }
  return grids.flatMap((grid, group) => {
    if (counts[group] < FEWEST) return [];
    for (let i = 0; i < BLURS; i++) blur(grid);
    const index = each ? group + 1 : 0;
    return SHARES[each ? "each" : "all"].flatMap((share) => {
      const level = levelOf(grid, share);
      return linesAt(grid, level).map((line) => ({ level: share, index, line }));
    });
  });
}

/** @param {number} value of int16 */
const cellOf = (value) => Math.floor(((value / UNIT / REACH + 1) / 2) * CELLS);

/** @param {Float32Array} grid blurred in place, along rows and then along columns */
function blur(grid) {
  const from = grid.slice();
  for (const step of [1, CELLS]) {
    if (step === CELLS) from.set(grid);
    for (let i = 0; i < grid.length; i++) {
      const at = step === 1 ? i % CELLS : Math.floor(i / CELLS);
      let sum = 0;
      for (let tap = -2; tap <= 2; tap++) {
        if (at + tap >= 0 && at + tap < CELLS) sum += BLUR[tap + 2] * from[i + tap * step];
      }
      grid[i] = sum;
    }
  }
}

/**
 * The density above which a share of all points lies.
 * @param {Float32Array} grid
 * @param {number} share
 */
export function levelOf(grid, share) {
  const sorted = grid.slice().sort().reverse();
  const wanted = share * sorted.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  for (const value of sorted) {
    sum += value;
    if (sum >= wanted) return value;
  }
  return 0;
}

/**
 * The lines at which a grid passes a level (marching squares): x, y, x, y … in map units.
 * @param {Float32Array} grid
 * @param {number} level
 * @returns {number[][]}
 */
export function linesAt(grid, level) {
  /** @type {Map<string, [number, number, string][]>} ends of pieces -> where the piece leads */
  const pieces = new Map();
  /** @type {Map<string, [number, number]>} */
  const places = new Map();
  for (let y = 0; y < CELLS - 1; y++) {
    for (let x = 0; x < CELLS - 1; x++) addPieces(grid, level, x, y, pieces, places);
  }
  const lines = [];
  while (pieces.size) {
    const [start] = pieces.keys();
    const line = [...(places.get(start) ?? [])];
    for (let at = start; pieces.has(at); ) {
      const [x, y, next] = pieces.get(at)?.shift() ?? [0, 0, ""];
      if (!pieces.get(at)?.length) pieces.delete(at);
      line.push(x, y);
      at = next;
    }
    lines.push(line);
  }
  return lines;
}

/** Which edges (0 below, 1 right, 2 above, 3 left) a line goes from and to, by which corners of a
 * cell are above the level; the dense side is on its left. */
const WAYS = [
  [],
  [[3, 0]],
  [[0, 1]],
  [[3, 1]],
  [[1, 2]],
  [
    [3, 0],
    [1, 2],
  ],
  [[0, 2]],
  [[3, 2]],
  [[2, 3]],
  [[2, 0]],
  [
    [0, 1],
    [2, 3],
  ],
  [[2, 1]],
  [[1, 3]],
  [[1, 0]],
  [[0, 3]],
  [],
];

/**
 * @param {Float32Array} grid
 * @param {number} level
 * @param {number} x
 * @param {number} y
 * @param {Map<string, [number, number, string][]>} pieces
 * @param {Map<string, [number, number]>} places
 */
function addPieces(grid, level, x, y, pieces, places) {
  const corners = [
    [x, y],
    [x + 1, y],
    [x + 1, y + 1],
    [x, y + 1],
  ];
  const values = corners.map(([cx, cy]) => grid[cy * CELLS + cx]);
  const kind = values.reduce((sum, value, i) => sum + (value >= level ? 1 << i : 0), 0);
  /** @param {number} edge */
  const crossing = (edge) => {
    const [a, b] = [edge, (edge + 1) % 4];
    const share = (level - values[a]) / (values[b] - values[a]);
    const [cx, cy] = [0, 1].map((i) => corners[a][i] + share * (corners[b][i] - corners[a][i]));
    const name = [corners[a], corners[b]].map(([px, py]) => py * CELLS + px);
    name.sort((one, other) => one - other);
    return { name: name.join(), place: [inMap(cx), inMap(cy)] };
  };
  for (const [from, to] of WAYS[kind]) {
    const [start, end] = [crossing(from), crossing(to)];
    places.set(start.name, [start.place[0], start.place[1]]);
    const known = pieces.get(start.name) ?? [];
    pieces.set(start.name, [...known, [end.place[0], end.place[1], end.name]]);
  }
}

/** @param {number} cell */
const inMap = (cell) => (((cell + 0.5) / CELLS) * 2 - 1) * REACH;

/**
 * The median place of each class, null where it has no point.
 * @param {Cloud} cloud
 * @param {Int16Array} places
 * @returns {(Place | null)[]}
 */
export function middlesOf({ n, classes, meta }, places) {
  /** @type {number[][]} */
  const slots = meta.classes.map(() => []);
  for (let slot = 0; slot < n; slot++) slots[classes[slot] - 1]?.push(slot);
  return slots.map((own) => {
    if (!own.length) return null;
    const [x, y] = [0, 1].map((axis) => {
      const sorted = Int16Array.from(own, (slot) => places[2 * slot + axis]).sort();
      return sorted[sorted.length >> 1] / UNIT;
    });
    return { x, y };
  });
}
