// @ts-check
// A hand that draws on a canvas with mouse, pen or finger, and the ink that it leaves.

/** @import { Place } from "./types.js" */

/**
 * Draw from where the pen was to where it is, on `paper` or on a canvas of its own that lies behind
 * it; null where nothing is held down. Its answer is where the pen is now.
 * @param {CanvasRenderingContext2D} context
 * @param {PointerEvent} event
 * @param {HTMLElement} paper that the hand sees
 * @param {Place | null} before where the pen was
 * @param {number} width of the stroke, in pixels of the context
 * @returns {Place | null}
 */
export function strokeTo(context, event, paper, before, width) {
  let from = before;
  if (event.type === "pointerdown") {
    paper.setPointerCapture(event.pointerId);
    from = null;
  } else if (!event.buttons) {
    return null;
  }
  const scale = context.canvas.width / paper.clientWidth;
  const [x, y] = [event.offsetX * scale, event.offsetY * scale];
  const [fromX, fromY] = from ?? [x - 1, y - 1];
  context.strokeStyle = "#fff";
  context.lineWidth = width;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(x, y);
  context.stroke();
  return [x, y];
}

/**
 * How much each pixel is covered, 0 to 1, in rows.
 * @param {CanvasRenderingContext2D} context
 */
export function inkOn(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  return Float32Array.from({ length: width * height }, (_, i) => data[4 * i + 3] / 255);
}
