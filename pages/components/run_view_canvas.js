// @ts-check
// What all parts of the view draw with.

const ABOVE = 400; // pixels of the window for all that is not a drawing

/** The height of each of the four drawings: two rows of them stand above the fold, on a phone the
 * first one. */
export function viewHeight() {
  if (window.matchMedia("(max-width: 640px)").matches) return 190;
  return Math.round(Math.max(150, Math.min(280, (window.innerHeight - ABOVE) / 2)));
}
export const seriesColors = {
  model: "#0b72c4",
  pca: "#d55e00",
  train: "#009e73",
  floor: "#8a9099",
};

/**
 * Base64 to bytes.
 * @param {string | undefined} text
 */
export function bytesOf(text) {
  return Uint8Array.from(atob(text || ""), (character) => character.charCodeAt(0));
}

/** @param {HTMLCanvasElement} canvas */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot draw.");
  return context;
}

/**
 * A canvas sized to its place and the screen's pixels, and wiped; its context and CSS size.
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 */
export function fitCanvas(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth || 300;
  const pixelsAcross = Math.round(width * ratio);
  const pixelsDown = Math.round(height * ratio);
  if (canvas.width !== pixelsAcross || canvas.height !== pixelsDown) {
    canvas.width = pixelsAcross;
    canvas.height = pixelsDown;
    canvas.style.height = `${height}px`;
  }
  const context = contextOf(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
