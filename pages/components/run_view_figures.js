// @ts-check
// The row of figures above the canvases, in the look of the page's own, and the words beneath it.

/** @import { Figure, Figures } from "./run_view_types.js" */

/**
 * @param {string} name of the element
 * @param {string} className
 */
function made(name, className) {
  const element = document.createElement(name);
  element.className = className;
  return element;
}

/** A figure's place, with nothing in it. */
function emptyFigure() {
  const box = made("div", "rv-figure");
  box.append(made("div", "rv-label"), made("div", "rv-value"), made("div", "rv-note"));
  return box;
}

/**
 * Only what is other than before is touched: what somebody selects or points at stays.
 * @param {Element} element
 * @param {string} text
 */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {Element} box
 * @param {Figure} figure
 */
function showFigure(box, { label, value, note = "", tone, help }) {
  const [labelled, valued, noted] = box.children;
  if (labelled.getAttribute("data-label") !== label) {
    labelled.setAttribute("data-label", label);
    labelled.textContent = label;
    if (help) labelled.append(helpMark(label, help));
  }
  write(valued, value);
  const arrow = tone === "good" ? "\u2193 " : "\u2191 ";
  write(noted, note && tone ? arrow + note : note);
  noted.className = `rv-note ${note ? (tone ?? "quiet") : ""}`;
}

/**
 * @param {string} label
 * @param {string} help
 */
function helpMark(label, help) {
  const mark = made("button", "rv-help");
  mark.setAttribute("type", "button");
  mark.setAttribute("aria-label", `Help for ${label}`);
  mark.textContent = "?";
  const tip = made("span", "rv-tip");
  tip.setAttribute("role", "tooltip");
  tip.textContent = help;
  mark.append(tip);
  return mark;
}

/**
 * @param {Figures} figures
 * @param {{ figures: Figure[], words: string }} data
 */
export function showFigures({ row, words }, data) {
  while (row.children.length < data.figures.length) row.append(emptyFigure());
  for (const [i, figure] of data.figures.entries()) showFigure(row.children[i], figure);
  write(words, data.words);
}
