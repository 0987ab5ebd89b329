// @ts-check
// Presenting: the page alone on the whole screen, in larger type, and the keys of a presenter's
// remote control, Page Up and Page Down, to turn from page to page. Nothing is asked of the server
// but the page itself.

/** @import { ComponentArguments } from "../../aecore/pad/assets/types.js" */

const LINKS = "[data-testid=stSidebarNavLink]";
const WRITES = "input, textarea, select, [contenteditable=true], [role=combobox], [role=textbox]";
// What has a use of its own for the arrow keys, when the keyboard is on it. The page as a whole,
// which a click on its text puts the keyboard on, scrolls by them up and down alone.
const MOVES = `${WRITES}, canvas, video, [role=slider], [role=radio], [role=tab], [role=option],
  [role=grid], [role=application], [tabindex]:not([tabindex="-1"]):not([data-testid=stMain])`;
const TURNS = new Map([
  ["PageDown", 1],
  ["PageUp", -1],
  ["ArrowRight", 1],
  ["ArrowLeft", -1],
]);

/** @returns {boolean} */
const presenting = () => document.documentElement.classList.contains("presenting");

/** @param {boolean} on */
function present(on) {
  document.documentElement.classList.toggle("presenting", on);
  if (on && !document.fullscreenElement) {
    // Where a browser has no full screen, as on an iPhone, the larger type comes without it.
    document.documentElement.requestFullscreen?.().catch(() => {});
  } else if (!on && document.fullscreenElement) {
    document.exitFullscreen().catch(() => {});
  }
}

/** @param {number} by pages */
function turn(by) {
  const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll(LINKS)]);
  const here = links.findIndex((link) => link.getAttribute("aria-current") === "page");
  links[Math.min(Math.max(here + by, 0), links.length - 1)]?.click();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.composedPath()[0];
  const element = target instanceof Element ? target : null;
  if (event.key === "f" && !element?.closest(WRITES)) {
    present(!presenting());
    event.preventDefault();
    return;
  }
  if (!presenting()) return;
  if (event.key === "Escape") {
    present(false);
    return;
  }
  const by = TURNS.get(event.key);
  const arrow = event.key.startsWith("Arrow");
  if (by === undefined || element?.closest(arrow ? MOVES : WRITES)) return;
  turn(by);
  event.preventDefault();
}

function onScreen() {
  if (!document.fullscreenElement) document.documentElement.classList.remove("presenting");
}

/**
 * Streamlit calls it again on every page: the listeners are the document's, and the same.
 * @param {ComponentArguments} given
 */
export default function presenter({ parentElement }) {
  const button = /** @type {HTMLButtonElement} */ (parentElement.querySelector("button"));
  button.onclick = () => present(!presenting());
  document.addEventListener("keydown", onKey);
  document.addEventListener("fullscreenchange", onScreen);
  return () => {
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("fullscreenchange", onScreen);
  };
}
