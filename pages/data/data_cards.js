// @ts-check
// The datasets as cards to choose from, each with some of its examples.

import { bringIntoStrip } from "../../aecore/pad/assets/elements.js";

/**
 * A card, as cards.py makes it.
 * @typedef {object} Card
 * @property {string} name
 * @property {string} title
 * @property {string} about what an example is
 * @property {string} mosaic address of a picture, "" while there is none
 * @property {boolean} ready whether it can be looked at without a download
 */

/** @typedef {{cards: Card[], chosen: string}} Data */

/** @param {string} name class @param {string} [text] */
function piece(name, text = "") {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

/** @param {Card} card @param {boolean} chosen */
function cardOf(card, chosen) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "dc-card";
  button.dataset.name = card.name;
  button.setAttribute("role", "radio");
  button.setAttribute("aria-checked", `${chosen}`);
  button.tabIndex = chosen ? 0 : -1;
  const frame = piece(card.ready ? "dc-frame" : "dc-frame dc-far", card.ready ? "" : "to download");
  if (card.mosaic) {
    const image = document.createElement("img");
    image.src = new URL(card.mosaic, document.baseURI).href;
    image.alt = "";
    image.addEventListener("error", () => image.remove());
    frame.append(image);
  }
  button.append(frame, piece("dc-title", card.title.split(" (")[0]));
  button.title = `${card.title}, ${card.about}`;
  return button;
}

/** @type {WeakMap<Element, string>} what each place shows */
const shownCards = new WeakMap();

/**
 * @param {{data: Data, parentElement: HTMLElement | ShadowRoot,
 *   setTriggerValue: (name: string, value: unknown) => void}} given
 */
export default function dataCards({ data, parentElement, setTriggerValue }) {
  const place = /** @type {HTMLElement} */ (parentElement.querySelector(".dc-place"));
  const text = JSON.stringify(data);
  if (shownCards.get(place) === text) return;
  shownCards.set(place, text);
  const focused = place.contains(/** @type {any} */ (place.getRootNode()).activeElement);
  const buttons = data.cards.map((card) => cardOf(card, card.name === data.chosen));
  /** @param {HTMLButtonElement} button */
  const choose = (button) => {
    for (const other of buttons) {
      other.setAttribute("aria-checked", `${other === button}`);
      other.tabIndex = other === button ? 0 : -1;
    }
    setTriggerValue("pick", button.dataset.name);
  };
  const steps = /** @type {Record<string, number>} */ ({
    ArrowRight: 1,
    ArrowDown: 1,
    ArrowLeft: -1,
    ArrowUp: -1,
  });
  buttons.forEach((button, i) => {
    button.addEventListener("click", () => choose(button));
    button.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      const next = buttons[(i + step + buttons.length) % buttons.length];
      next.focus();
      choose(next);
    });
  });
  const left = place.scrollLeft;
  place.replaceChildren(...buttons);
  place.scrollLeft = left;
  const chosen = buttons.find((button) => button.dataset.name === data.chosen);
  if (focused) chosen?.focus({ preventScroll: true });
  requestAnimationFrame(() => bringIntoStrip(place, chosen));
}
