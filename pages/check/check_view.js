// @ts-check
// A check-up's report, or its head, in the page: our own markup, in the colours of the theme. Links
// to its parts work over the borders of components, and leave the address alone.

/** @import { ComponentArguments } from "../../aecore/pad/assets/types.js" */

const GO = "aecore-report-part";

/** @param {HTMLElement} main */
function isDark(main) {
  const probe = document.createElement("canvas").getContext("2d");
  if (!probe) return false;
  probe.fillStyle = getComputedStyle(main).getPropertyValue("--st-background-color").trim();
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return 0.3 * r + 0.6 * g + 0.1 * b < 128;
}

/** @param {MouseEvent} event */
function onClick(event) {
  const link = event.target instanceof Element ? event.target.closest("a[href^='#']") : null;
  if (!link) return;
  event.preventDefault();
  const detail = link.getAttribute("href")?.slice(1);
  document.dispatchEvent(new CustomEvent(GO, { detail }));
}

/**
 * Streamlit calls it again whenever the report changes.
 * @param {ComponentArguments} given
 */
export default function checkView({ data, parentElement }) {
  const main = /** @type {HTMLElement} */ (parentElement.querySelector("main"));
  if (main.dataset.shown !== data.id) {
    main.innerHTML = data.html;
    main.dataset.shown = data.id;
  }
  main.classList.toggle("short", Boolean(data.short));
  main.classList.toggle("dark", isDark(main));
  main.onclick = onClick;

  /** @param {Event} event */
  function go(event) {
    const part = event instanceof CustomEvent ? String(event.detail) : "";
    const found = [...main.querySelectorAll("[id]")].find((element) => element.id === part);
    if (!(found instanceof HTMLElement)) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    found.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
    found.focus({ preventScroll: true });
  }
  // Called again for new data without an end of the old: one listener, the newest.
  const kept = /** @type {HTMLElement & { aecoreGo?: (event: Event) => void }} */ (main);
  if (kept.aecoreGo) document.removeEventListener(GO, kept.aecoreGo);
  kept.aecoreGo = go;
  document.addEventListener(GO, go);
  return () => document.removeEventListener(GO, go);
}
