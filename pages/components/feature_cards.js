// @ts-check
// Features as cards: what each draws, its strongest examples, how strong it is how often. One is
// chosen by a press.

import { showOther } from "../../aecore/pad/assets/parts.js";
import { make, paint } from "../../aecore/pad/assets/pictures.js";
import { exampleOf, paintSigned } from "./feature_pictures.js";

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { ComponentData, Drawing } from "../../aecore/pad/assets/types.js" */
/**
 * What feature_cards.py says beside its arrays.
 * @typedef {object} CardsMeta
 * @property {string} id changes with the content
 * @property {Drawing} layout
 * @property {number} size of an example
 * @property {[number, number]} range of the data
 * @property {number} top strongest examples of each
 * @property {boolean} reads whether there are drawings of what it reads, too
 * @property {{ feature: number, name: string, about: string, more: string, shown: number,
 *   counts: number[] }[]} cards
 */
/** @typedef {{ drawn: Uint8Array, reads: Uint8Array, examples: Uint8Array }} CardsArrays */
/** @typedef {Waiting & { shownCards?: string, pick?: (feature: number) => void }} CardsRoot */

const HIGH = 26; // of a histogram

/**
 * @param {{ data: ComponentData, parentElement: ParentNode,
 *   setTriggerValue?: (name: any, value: any) => void }} given
 */
export default function featureCards(given) {
  const root = /** @type {CardsRoot} */ (given.parentElement.querySelector(".fc"));
  const meta = /** @type {CardsMeta} */ (given.data.meta);
  root.pick = (feature) => given.setTriggerValue?.("chosen", { feature });
  return showOther(root, given, root.shownCards, (arrays) => {
    root.shownCards = meta.id;
    root.replaceChildren(...meta.cards.map((_, i) => cardOf(root, meta, arrays, i)));
  });
}

/**
 * @param {CardsRoot} root
 * @param {CardsMeta} meta
 * @param {CardsArrays} arrays
 * @param {number} i
 */
function cardOf(root, meta, arrays, i) {
  const { layout, size, range, top } = meta;
  const { feature, name, about, more, shown, counts } = meta.cards[i];
  const card = make("button");
  const drawings = make("div");
  drawings.className = "drawings";
  drawings.append(withSign(arrays.drawn, i, meta, "draws"));
  if (meta.reads) drawings.append(withSign(arrays.reads, i, meta, "reads"));
  const examples = make("div");
  examples.className = "examples";
  for (let at = 0; at < shown; at++) {
    const canvas = make("canvas");
    paint(canvas, exampleOf(arrays.examples, i * top + at, size, range), layout);
    examples.append(canvas);
  }
  const words = make("div");
  words.className = "words";
  const title = make("b");
  title.textContent = name;
  const first = make("span");
  first.textContent = about;
  const second = make("small");
  second.textContent = more;
  words.append(title, first, histogramOf(counts), second);
  card.append(drawings, examples, words);
  card.ariaLabel = `${name}: ${about}. Turn it.`;
  card.onclick = () => root.pick?.(feature);
  return card;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} i
 * @param {CardsMeta} meta
 * @param {string} caption
 */
function withSign(bytes, i, { size, layout }, caption) {
  const figure = make("figure");
  const canvas = make("canvas");
  paintSigned(canvas, bytes, i, size, layout);
  const words = make("figcaption");
  words.textContent = caption;
  figure.append(canvas, words);
  return figure;
}

/** @param {number[]} counts in equal steps of strength */
function histogramOf(counts) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${counts.length} ${HIGH}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const most = Math.max(...counts, 1);
  for (const [x, count] of counts.entries()) {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = (HIGH * count) / most;
    const box = { x: x + 0.08, y: HIGH - height, width: 0.84, height };
    for (const [key, value] of Object.entries(box)) bar.setAttribute(key, `${value}`);
    svg.append(bar);
  }
  return svg;
}
