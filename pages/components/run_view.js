// @ts-check
// Draws a training run: held-out error with PCA's line, the latent map in motion, reconstructions.
// The canvases stay in place; new data only repaint them, so nothing flickers or jumps.

import { seriesColors } from "./run_view_canvas.js";
import { drawChart } from "./run_view_chart.js";
import { drawExamples } from "./run_view_examples.js";
import { firstFrame } from "./run_view_first.js";
import { drawMap, moveMap } from "./run_view_map.js";

/** @import { Figures, RunData, RunView } from "./run_view_types.js" */

/** @type {WeakMap<Element, RunView>} */
const views = new WeakMap();

/**
 * @param {HTMLElement} root
 * @param {{ title: string, about: (string | HTMLElement)[], className?: string }} figure
 */
function addFigure(root, { title, about, className = "" }) {
  const box = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const small = document.createElement("small");
  const canvas = document.createElement("canvas");
  box.className = className;
  small.append(...about);
  caption.append(`${title} `, small);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  box.append(caption, canvas);
  root.append(box);
  return canvas;
}

/**
 * A square of the colour that stands for something.
 * @param {string} color
 */
function swatch(color) {
  const square = document.createElement("span");
  square.style.color = color;
  square.textContent = "\u25a0";
  return square;
}

/**
 * @param {HTMLElement} root
 * @param {RunData["kind"]} kind
 * @returns {Figures}
 */
function build(root, kind) {
  const image = kind === "image";
  const thing = image ? "image" : "example";
  const title = image ? "Error per pixel" : "Error per value";
  const apart = " \u00a0 ";
  root.replaceChildren();
  const about = document.createElement("span");
  const chart = addFigure(root, {
    title,
    about: [
      swatch(seriesColors.model),
      " ",
      about,
      apart,
      swatch(seriesColors.train),
      ` training ${thing}s`,
    ],
  });
  const map = addFigure(root, {
    title: "Latent map",
    about: [`held-out ${thing}s, coloured by class`],
  });
  const marks = [
    swatch("currentColor"),
    ` original${apart}`,
    swatch(seriesColors.model),
    ` this model${apart}`,
    swatch(seriesColors.pca),
    " PCA",
    kind === "bars" ? `${apart}a group of bars for each column, from its mean` : "",
  ];
  const rows = "top: original; middle: this model; bottom: PCA";
  const examples = addFigure(root, {
    title: "Reconstructions",
    about: image ? [rows] : marks,
    className: image ? "wide pixels" : "wide",
  });
  return { root, kind, thing, title, about, chart, map, examples };
}

/**
 * A view with nothing drawn in it.
 * @param {HTMLElement} root
 * @param {RunData} data
 */
function mountView(root, data) {
  /** @type {RunView} */
  const view = {
    data,
    figures: build(root, data.kind),
    map: { from: null, to: null, labels: new Uint8Array(), frame: 0 },
    waiting: null,
    awaited: "",
    observer: new ResizeObserver(() => {
      drawChart(view.figures, view.data);
      drawMap(view, 1);
      if (view.data.kind !== "image") drawExamples(view.figures, view.data);
    }),
  };
  view.observer.observe(root);
  views.set(root, view);
  return view;
}

/** @param {RunView} view */
function unmountView(view) {
  cancelAnimationFrame(view.map.frame);
  view.observer.disconnect();
  view.waiting?.abort();
  views.delete(view.figures.root);
}

/**
 * What the line and the dots of the chart are of.
 * @param {RunData} data
 * @param {string} thing
 */
function spoken({ probed, held_out: all, damaged }, thing) {
  const what = `${damaged ? "damaged " : ""}held-out ${thing}s`;
  if (!probed || !all) return what;
  if (probed === all) return `all ${all.toLocaleString("en")} ${what}`;
  const line = `line: ${probed.toLocaleString("en")} of ${all.toLocaleString("en")}`;
  return `${what} (${line}, dots: all)`;
}

/**
 * One line for those who do not see the chart.
 * @param {RunView} view
 */
function describe({ data, figures: { chart, title, about, thing } }) {
  about.textContent = spoken(data, thing);
  const last = data.heldout.at(-1)?.[1];
  const text =
    last === undefined
      ? `${title}: no point yet`
      : `Held-out ${title.toLowerCase()} ${last.toFixed(4)}, ` +
        `${data.pca_name} ${Number(data.pca).toFixed(4)}`;
  chart.setAttribute("aria-label", text);
}

/**
 * Repaint a view with newer data.
 * @param {RunView} view
 * @param {RunData} data
 * @param {boolean} fresh whether nothing is drawn yet
 */
function show(view, data, fresh = false) {
  const sameRun = view.data.run === data.run;
  // What the page sent before the first frame may come after it.
  if (sameRun && view.data.heldout.length && !data.heldout.length) return;
  if (!sameRun) view.map.to = null;
  const mapMoved = fresh || view.data.map !== data.map;
  view.data = data;
  drawChart(view.figures, data);
  drawExamples(view.figures, data);
  if (mapMoved) moveMap(view);
  else drawMap(view, 1);
  describe(view);
}

/**
 * Ask for the first frame of a run that has none; once for each.
 * @param {RunView} view
 */
function awaitFirst(view) {
  const { run, first } = view.data;
  if (first && view.awaited === run) return;
  view.waiting?.abort(); // another run, or the frame is there
  view.awaited = run;
  if (!first) return;
  view.waiting = new AbortController();
  firstFrame(first, view.waiting.signal).then((data) => {
    if (data && view.data.run === data.run) show(view, data);
  });
}

/**
 * The component; Streamlit calls it again whenever data change.
 * @param {{ data: RunData, parentElement: ParentNode }} given
 */
export default function runView({ data, parentElement }) {
  /** @type {HTMLElement | null} */
  const root = parentElement.querySelector(".rv");
  if (!root) throw new Error("The view's markup is missing.");
  let known = views.get(root);
  if (known && known.data.kind !== data.kind) {
    unmountView(known);
    known = undefined;
  }
  const view = known ?? mountView(root, data);
  show(view, data, !known);
  awaitFirst(view);
  return () => unmountView(view);
}
