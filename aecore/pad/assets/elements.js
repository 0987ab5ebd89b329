// @ts-check
// The elements of markup.html that have a name, by that name; and what shows the chosen of a strip.

/**
 * @typedef {object} Elements
 * @property {HTMLElement} axes
 * @property {HTMLSelectElement} axisX
 * @property {HTMLSelectElement} axisY
 * @property {HTMLButtonElement} dots
 * @property {HTMLElement} map
 * @property {HTMLCanvasElement} points
 * @property {HTMLCanvasElement} overlay
 * @property {HTMLElement} note
 * @property {HTMLElement} where
 * @property {HTMLElement} legend
 * @property {HTMLCanvasElement} big
 * @property {HTMLElement} bigText
 * @property {HTMLCanvasElement} near
 * @property {HTMLElement} nearText
 * @property {HTMLCanvasElement} pca
 * @property {HTMLElement} pcaText
 * @property {HTMLButtonElement} resample
 * @property {HTMLButtonElement} random
 * @property {HTMLButtonElement} prior
 * @property {HTMLButtonElement} undo
 * @property {HTMLElement} tabs
 * @property {HTMLTemplateElement} slider
 * @property {HTMLElement} openSliders
 * @property {HTMLDetailsElement} fold
 * @property {HTMLElement} foldText
 * @property {HTMLElement} foldedSliders
 * @property {HTMLCanvasElement} ghost
 * @property {HTMLInputElement} ghosted
 * @property {HTMLCanvasElement} paper
 * @property {HTMLInputElement} file
 * @property {HTMLInputElement} centre
 * @property {HTMLCanvasElement} seen
 * @property {HTMLCanvasElement} redrawn
 * @property {HTMLCanvasElement} neighbours
 * @property {HTMLElement} drawText
 * @property {HTMLButtonElement} path
 * @property {HTMLSelectElement} line
 * @property {HTMLButtonElement} between
 * @property {HTMLButtonElement} play
 * @property {HTMLButtonElement} gif
 * @property {HTMLButtonElement} png
 * @property {HTMLElement} pins
 * @property {HTMLCanvasElement} strip
 * @property {HTMLElement} journeyText
 * @property {HTMLElement} mixture
 * @property {HTMLCanvasElement} mixed
 * @property {HTMLButtonElement} film
 * @property {HTMLInputElement} epoch
 * @property {HTMLElement} epochText
 * @property {HTMLCanvasElement} losses
 */

/**
 * @param {HTMLElement} root
 * @returns {Elements}
 */
export function findElements(root) {
  /** @type {any} */
  const found = {};
  for (const node of root.querySelectorAll("[id]")) found[node.id] = node;
  return found;
}

/**
 * The buttons that choose a panel, each with the panel's name.
 * @param {Elements} elements
 */
export function tabButtons({ tabs }) {
  return /** @type {HTMLButtonElement[]} */ ([...tabs.children]);
}

/**
 * Push a strip of cards or pictures until the chosen one is in view; the page stays where it is.
 * @param {Element} strip that scrolls
 * @param {Element | null | undefined} chosen
 */
export function bringIntoStrip(strip, chosen) {
  if (!chosen) return;
  const frame = strip.getBoundingClientRect();
  const box = chosen.getBoundingClientRect();
  if (box.left < frame.left || box.right > frame.right)
    strip.scrollLeft += box.left + box.width / 2 - (frame.left + frame.width / 2);
  if (box.top < frame.top || box.bottom > frame.bottom)
    strip.scrollTop += box.top + box.height / 2 - (frame.top + frame.height / 2);
}
