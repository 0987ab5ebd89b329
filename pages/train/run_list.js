// @ts-check
// The list of runs and models: a table whose rows are ticked. On a narrow page each row is a card,
// for which browsers would forget that it is a table's: so its parts say what they are.

/**
 * A row, as run_rows.py makes it.
 * @typedef {object} Row
 * @property {string} ref
 * @property {string} group heading it stands under
 * @property {string} name
 * @property {string} about model, data and latent numbers in words
 * @property {string} state
 * @property {boolean} live
 * @property {number} done share of a live run that is done, 0 to 1
 * @property {number[][]} curve its held-out error: points, both coordinates from 0 to 1, y down
 * @property {number | null} pca height of PCA's error beside it, 0 to 1
 * @property {string} curveText the same in words
 * @property {string} map address of a picture, "" while there is none
 * @property {string[]} pictures addresses of pictures
 * @property {string} picturesText
 * @property {string} error
 * @property {string} errorNote
 * @property {string} tone "good", "bad" or ""
 * @property {string} took
 */

/**
 * @typedef {object} Data
 * @property {Row[]} rows
 */

const WIDE = 120;
const TALL = 40;

/**
 * @param {string} name class
 * @param {string} [text]
 * @param {string} [role] of a table's part
 */
function made(name, text = "", role = "") {
  const element = document.createElement(role ? "div" : "span");
  element.className = name;
  element.textContent = text;
  if (role) element.setAttribute("role", role);
  return element;
}

/** @param {string} name @param {Record<string, string>} values */
function drawn(name, values) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(values)) element.setAttribute(key, value);
  return element;
}

/** @param {Row} row */
function sparkline(row) {
  const svg = drawn("svg", {
    viewBox: `0 0 ${WIDE} ${TALL}`,
    role: "img",
    "aria-label": row.curveText,
    class: "rl-curve",
  });
  /** @param {number} y */
  const at = (y) => (3 + y * (TALL - 6)).toFixed(1);
  if (row.pca !== null) {
    svg.append(drawn("path", { d: `M0 ${at(row.pca)}H${WIDE}`, class: "rl-pca" }));
  }
  const points = row.curve.map(([x, y]) => `${(3 + x * (WIDE - 6)).toFixed(1)},${at(y)}`);
  if (points.length > 1) {
    svg.append(drawn("polyline", { points: points.join(" "), class: "rl-line" }));
  }
  const last = points.at(-1)?.split(",");
  if (last) svg.append(drawn("circle", { cx: last[0], cy: last[1], r: "2.5", class: "rl-dot" }));
  return svg;
}

/** @param {string} address @param {string} name class @param {string} text */
function picture(address, name, text) {
  if (!address) return made(`${name} rl-empty`);
  const image = document.createElement("img");
  image.className = name;
  image.src = new URL(address, document.baseURI).href;
  image.addEventListener("error", () => image.replaceWith(made(`${name} rl-empty`)));
  image.alt = text;
  return image;
}

/** @param {string} name class @param {...Node} inside */
function cell(name, ...inside) {
  const element = made(`rl-cell ${name}`, "", "cell");
  element.append(...inside);
  return element;
}

/**
 * @param {Row} row
 * @param {boolean} ticked
 * @param {(ref: string, on: boolean) => void} choose
 */
function rowOf(row, ticked, choose) {
  const line = made(ticked ? "rl-row rl-ticked" : "rl-row", "", "row");
  line.dataset.ref = row.ref;
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = ticked;
  box.setAttribute("aria-label", row.name);
  box.addEventListener("change", () => choose(row.ref, box.checked));
  line.addEventListener("click", (event) => {
    if (event.target !== box) box.click();
  });
  const name = made("rl-name", row.name);
  const state = made(row.live ? "rl-state rl-live" : "rl-state", row.state);
  const figures = [made("rl-figure", row.error)];
  if (row.errorNote) figures.push(made(`rl-note rl-${row.tone || "plain"}`, row.errorNote));
  const states = [state];
  if (row.live) {
    const bar = made("rl-bar");
    bar.style.setProperty("--done", `${Math.round(100 * row.done)}%`);
    states.push(bar);
  } else if (row.took) {
    states.push(made("rl-note rl-plain", row.took));
  }
  const pictures = made("rl-pictures");
  row.pictures.forEach((address, i) => {
    pictures.append(picture(address, "rl-picture", i ? "" : row.picturesText));
  });
  line.append(
    cell("rl-tick", box),
    cell("rl-what", name, made("rl-note rl-plain", row.about)),
    cell("rl-states", ...states),
    cell("rl-curves", sparkline(row)),
    cell("rl-maps", picture(row.map, "rl-map", row.map ? "Map of its codes" : "")),
    cell("rl-redrawn", pictures),
    cell("rl-error", ...figures),
  );
  return line;
}

const HEADINGS = ["", "Model", "State", "Held-out error", "Codes", "Redrawn", "Held-out MSE"];

/** @param {Row[]} rows @param {Set<string>} chosen @param {(ref: string, on: boolean) => void} choose */
function tableOf(rows, chosen, choose) {
  const table = made("rl", "", "table");
  const titles = made("rl-head", "", "row");
  for (const heading of HEADINGS) {
    const title = made("rl-cell", heading, "columnheader");
    if (!heading) title.setAttribute("aria-label", "Chosen");
    titles.append(title);
  }
  table.append(titles);
  let group = "";
  for (const row of rows) {
    if (row.group !== group) {
      group = row.group;
      const line = made("rl-group", "", "row");
      line.append(made("rl-cell", group, "rowheader"));
      table.append(line);
    }
    table.append(rowOf(row, chosen.has(row.ref), choose));
  }
  return table;
}

/** @type {WeakMap<Element, {rows: string, chosen: Set<string>}>} */
const lists = new WeakMap();

/**
 * @param {{data: Data, parentElement: HTMLElement | ShadowRoot,
 *   setStateValue: (name: string, value: unknown) => void}} given
 */
export default function runList({ data, parentElement, setStateValue }) {
  const place = /** @type {HTMLElement} */ (parentElement.querySelector(".rl-place"));
  const rows = JSON.stringify(data.rows);
  const known = lists.get(place);
  if (known && known.rows === rows) return;
  const focused = place.querySelector(".rl-row:focus-within")?.getAttribute("data-ref");
  const seen = { rows, chosen: known ? known.chosen : new Set() };
  lists.set(place, seen);
  /** @param {string} ref @param {boolean} on */
  const choose = (ref, on) => {
    if (on) seen.chosen.add(ref);
    else seen.chosen.delete(ref);
    for (const line of place.querySelectorAll(".rl-row")) {
      line.classList.toggle("rl-ticked", seen.chosen.has(/** @type {any} */ (line).dataset.ref));
    }
    setStateValue("chosen", [...seen.chosen]);
  };
  const top = place.scrollTop;
  place.replaceChildren(tableOf(data.rows, seen.chosen, choose));
  place.scrollTop = top;
  const again = focused && place.querySelector(`.rl-row[data-ref="${CSS.escape(focused)}"] input`);
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}
