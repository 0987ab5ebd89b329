// @ts-check
// Draws a training run: its figures, held-out error with PCA's line, the latent map in motion,
// reconstructions. All stay in place and are only repainted, so nothing flickers or jumps.
// What is drawn comes from the run's stream while it lives, else with the page.

import { seriesColors } from "./run_view_canvas.js";
import { drawChart, placeOnChart } from "./run_view_chart.js";
import { drawExamples } from "./run_view_examples.js";
import { showFigures } from "./run_view_figures.js";
import { drawMap, moveMap } from "./run_view_map.js";
import { drawNetwork, showNetwork, spokenNetwork } from "./run_view_network.js";
import { grown, unknownRun } from "./run_view_state.js";
import { followRun } from "./run_view_stream.js";

/** @import { Figures, PageData, RunData, RunLine, RunNews, RunView } from "./run_view_types.js" */

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
  const row = document.createElement("div");
  row.className = "rv-row";
  const words = document.createElement("p");
  words.className = "rv-words";
  root.replaceChildren(row, words);
  const about = document.createElement("span");
  const networkText = document.createElement("span");
  const network = addFigure(root, {
    title: "The network",
    about: [networkText],
    className: "network",
  });
  const chart = addFigure(root, {
    title,
    about: [swatch(seriesColors.model), " ", about, apart, swatch(seriesColors.train), ` training`],
  });
  const back = document.createElement("button");
  back.type = "button";
  back.className = "rv-back";
  back.hidden = true;
  chart.parentElement?.append(back);
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
    className: image ? "pixels" : "plots",
  });
  const map = addFigure(root, {
    title: "Latent map",
    about: [`held-out ${thing}s, coloured by class`],
  });
  const canvases = { network, chart, map, examples };
  return { root, row, words, kind, thing, title, about, networkText, back, ...canvases };
}

/**
 * A view with nothing drawn in it.
 * @param {HTMLElement} root
 * @param {PageData} page
 */
function mountView(root, page) {
  const { run, kind } = page;
  /** @type {RunView} */
  const view = {
    data: unknownRun(run, kind),
    news: { run, stream: "" },
    figures: build(root, kind),
    map: { from: null, to: null, labels: new Uint8Array(), frame: 0 },
    pulse: { step: 0, since: null, frame: 0 },
    send: undefined,
    mine: page.mine,
    followed: "",
    leave: null,
    observer: new ResizeObserver(() => {
      drawNetwork(view);
      drawChart(view.figures, view.data);
      placeBack(view);
      drawMap(view, 1);
      if (view.data.kind !== "image") drawExamples(view.figures, view.data);
    }),
  };
  view.figures.back.onclick = () => {
    const [, , epoch] = view.data.best ?? [0, 0, 0];
    view.figures.back.disabled = true; // until the run has gone back
    view.send?.("back", { epoch, run: view.data.run });
  };
  view.observer.observe(root);
  views.set(root, view);
  return view;
}

/** @param {RunView} view */
function unmountView(view) {
  cancelAnimationFrame(view.map.frame);
  cancelAnimationFrame(view.pulse.frame);
  view.observer.disconnect();
  view.leave?.();
  views.delete(view.figures.root);
}

/**
 * What the line and the dots of the chart are of.
 * @param {RunData} data
 * @param {string} thing
 */
function spoken({ probed, held_out: all, damaged }, thing) {
  const what = `${damaged ? "damaged " : ""}held-out`;
  if (!probed || !all) return `${what} ${thing}s`;
  if (probed === all) return `all ${all.toLocaleString("en")} ${what}`;
  const line = `line: ${probed.toLocaleString("en")} of ${all.toLocaleString("en")}`;
  return `${what} (${line}, dots: all)`;
}

/**
 * One line for those who do not see the chart.
 * @param {RunView} view
 */
function describe({ data, figures: { chart, title, about, thing, network, networkText } }) {
  about.textContent = spoken(data, thing);
  const last = data.heldout.at(-1)?.[1];
  const text =
    last === undefined
      ? `${title}: no point yet`
      : `Held-out ${title.toLowerCase()} ${last.toFixed(4)}, ` +
        `${data.pca_name} ${Number(data.pca).toFixed(4)}`;
  chart.setAttribute("aria-label", text);
  const said = spokenNetwork(data);
  if (networkText.textContent !== said) networkText.textContent = said;
  network.setAttribute("aria-label", `The network: ${said || "no look at it yet"}`);
}

/**
 * The way back to the best epoch, at its mark on the curve.
 * @param {RunView} view
 */
function placeBack({ data, figures: { back, chart }, mine }) {
  const { best } = data;
  back.hidden = !mine || !best || !data.back;
  if (!best || back.hidden) return;
  const text = `Go back here: epoch ${best[2]}`;
  if (back.textContent !== text) {
    back.textContent = text;
    back.disabled = false;
  }
  const x = chart.offsetLeft + placeOnChart(chart, data, best[0]);
  const edge = chart.offsetLeft + chart.clientWidth - back.offsetWidth - 4;
  const left = Math.min(x - back.offsetWidth / 2, edge);
  back.style.left = `${Math.max(chart.offsetLeft + 54, left)}px`;
  back.style.top = `${chart.offsetTop + 4}px`;
}

/**
 * Take in a line and repaint what it changes.
 * @param {RunView} view
 * @param {RunLine} line
 */
function show(view, line) {
  if (line.reset && line.run && line.run !== view.data.run) view.map.to = null;
  const { map } = view.data;
  view.data = grown(view.data, line);
  showFigures(view.figures, view.data);
  drawChart(view.figures, view.data);
  placeBack(view);
  showNetwork(view);
  if (line.x_hat || line.pca_sample || line.sample || line.reset) {
    drawExamples(view.figures, view.data);
  }
  if (view.data.map !== map) moveMap(view);
  else if (line.reset) drawMap(view, 1);
  describe(view);
}

/**
 * Say what the rest of the page depends on.
 * @param {RunView} view
 * @param {Partial<RunNews>} news
 */
function tell(view, news) {
  Object.assign(view.news, news);
  document.dispatchEvent(new CustomEvent("aecore-run", { detail: view.news }));
}

/**
 * Read the stream of a run that lives, once for each.
 * @param {RunView} view
 * @param {PageData} page
 */
function follow(view, { run, stream }) {
  const followed = stream ? `${run} ${stream}` : "";
  if (view.followed === followed) return;
  view.leave?.();
  view.leave = null;
  view.followed = followed;
  if (!stream) return;
  view.news = { run, stream: "" };
  const leave = followRun(stream, {
    line: (line) => {
      show(view, line);
      tell(view, { scene: line.scene ?? view.news.scene, saved: line.saved ?? view.news.saved });
    },
    reach: (reaches) => {
      const now = reaches ? "read" : "none";
      if (view.news.stream !== now) tell(view, { stream: now });
    },
  });
  const answer = () => tell(view, {});
  document.addEventListener("aecore-run-ask", answer);
  view.leave = () => {
    leave();
    document.removeEventListener("aecore-run-ask", answer);
  };
}

/**
 * The component; Streamlit calls it again whenever data change.
 * @param {{
 *   data: PageData,
 *   parentElement: ParentNode,
 *   setTriggerValue?: (name: string, value: any) => void,
 * }} given
 */
export default function runView({ data: page, parentElement, setTriggerValue }) {
  /** @type {HTMLElement | null} */
  const root = parentElement.querySelector(".rv");
  if (!root) throw new Error("The view's markup is missing.");
  let view = views.get(root);
  if (view && view.data.kind !== page.kind) {
    unmountView(view);
    view = undefined;
  }
  view ??= mountView(root, page);
  view.send = setTriggerValue;
  view.mine = page.mine;
  if (page.frame && (!page.stream || view.news.stream !== "read")) show(view, page.frame);
  else if (view.data.run !== page.run) show(view, { after: "", reset: true, run: page.run });
  follow(view, page);
  const mounted = view;
  return () => unmountView(mounted);
}
