// @ts-check
// What is decoded everywhere on the map, faint beneath its pictures: drawn in small pieces, and
// anew when the map shows another part of the latent space.

import { codeAt, toX, toY } from "./map_view.js";
import { make, paint, pen } from "./pictures.js";
import { show } from "./state.js";

/** @import { PictureCanvas } from "./pictures.js" */
/** @import { Pad, Plane } from "./state.js" */

const CELL = 44; // pixels
const PIECE = 5; // milliseconds of a frame
const SETTLED = 120; // milliseconds that the map has to rest before it is drawn anew
const FAINT = 0.3;

/** @param {Pad} pad */
const wanted = ({ options, thumbnails, network, bundle }) =>
  Boolean(options.pictures && thumbnails && network && !bundle.layout.graph);

/**
 * Where the plane lies: through the chosen code, or through the mean while that walks by itself.
 * @param {Pad} pad
 */
const baseOf = ({ walk, bundle, z }) => (walk ? bundle.mean : z);

/** @param {Pad} pad */
function keyOf(pad) {
  const { view, axes, bundle, epoch, width, height, ink } = pad;
  const edges = view.map(({ low, high }) => `${low} ${high}`);
  const others = [...baseOf(pad)].filter((_, d) => !axes.includes(d));
  return [bundle.meta.id, epoch, axes, edges, others, width, height, ink].join();
}

/**
 * A piece of the plane, at each frame until it is whole.
 * @param {Pad} pad
 * @param {number} now
 */
export function advancePlane(pad, now) {
  if (!wanted(pad) || pad.glide) return;
  const key = keyOf(pad);
  const kept = pad.planes;
  if (kept.shown?.key === key) return;
  if (kept.key !== key) {
    // The first is drawn at once; while a hand moves the map, the old one goes along.
    kept.since = kept.shown ? now : Number.NEGATIVE_INFINITY;
    kept.key = key;
    kept.coming = null;
  }
  show(pad);
  if (now - kept.since < SETTLED) return;
  kept.coming ??= blank(pad, key);
  const end = performance.now() + PIECE;
  while (performance.now() < end) {
    if (!drawCell(pad, kept.coming)) {
      kept.shown = kept.coming;
      kept.coming = null;
      pad.stale = true;
      return;
    }
  }
}

/**
 * @param {Pad} pad
 * @param {string} key
 * @returns {Plane}
 */
function blank(pad, key) {
  const { W: width, H: height } = pad.bundle.layout;
  const columns = Math.max(1, Math.round(pad.width / CELL));
  const rows = Math.max(1, Math.round(pad.height / CELL));
  const canvas = make("canvas");
  canvas.width = columns * width;
  canvas.height = rows * height;
  return { key, canvas, cell: make("canvas"), view: pad.view, columns, rows, next: 0 };
}

/**
 * Draw the next cell; false where there is none.
 * @param {Pad} pad
 * @param {Plane} plane
 */
function drawCell(pad, plane) {
  const { columns, rows, next } = plane;
  if (next >= columns * rows || !pad.network) return false;
  plane.next += 1;
  const column = next % columns;
  const row = Math.floor(next / columns);
  const x = ((column + 0.5) / columns) * pad.width;
  const y = ((row + 0.5) / rows) * pad.height;
  const decoded = pad.network.decode(codeAt(pad, x, y, baseOf(pad)));
  const { layout } = pad.bundle;
  /** @type {PictureCanvas} */
  const cell = plane.cell;
  paint(cell, decoded, layout);
  const context = pen(cell);
  if (layout.C === 1 && cell.picture) {
    // As ink on the map's own paper, light or dark.
    const { data } = cell.picture;
    for (let o = 0; o < data.length; o += 4) data[o + 3] = data[o];
    context.putImageData(cell.picture, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = pad.ink;
    context.fillRect(0, 0, cell.width, cell.height);
    context.globalCompositeOperation = "source-over";
  }
  pen(plane.canvas).drawImage(cell, column * layout.W, row * layout.H);
  return true;
}

/**
 * What there is of the plane, where the map now shows it.
 * @param {Pad} pad
 * @param {CanvasRenderingContext2D} context
 */
export function drawPlane(pad, context) {
  const plane = pad.planes.shown;
  if (!plane || !wanted(pad)) return;
  const [across, up] = plane.view;
  const left = toX(pad, across.low);
  const width = toX(pad, across.high) - left;
  const top = pad.axes[1] < 0 ? 0 : toY(pad, up.high);
  const height = pad.axes[1] < 0 ? pad.height : toY(pad, up.low) - top;
  context.globalAlpha = FAINT;
  context.drawImage(plane.canvas, left, top, width, height);
  context.globalAlpha = 1;
}
