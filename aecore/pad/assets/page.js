// @ts-check
// The page around the map, fitted to the model.

import { enable } from "./choice.js";
import { tabButtons } from "./elements.js";
import { drawJourney } from "./journeys.js";
import { clearPaper, drawGhost, NEIGHBOURS } from "./paper.js";
import { make } from "./pictures.js";
import { makeSliders } from "./sliders.js";
import { show } from "./state.js";

/** @import { Pad } from "./state.js" */

/**
 * @param {Pad} pad
 * @param {boolean} anew whether it is another model
 */
export function buildPage(pad, anew) {
  fitToData(pad);
  drawLegend(pad);
  const ranks = pad.bundle.meta.dimensions.map(({ index }) => index).join();
  if (anew || ranks !== pad.sliderOrder) {
    pad.sliderOrder = ranks;
    offerAxes(pad);
    makeSliders(pad);
  }
  showAxes(pad);
  offerPanels(pad);
  if (anew) {
    pad.elements.centre.checked = pad.bundle.meta.centred;
    clearPaper(pad);
  }
  pad.pinsChanged = true;
  drawJourney(pad);
  enable(pad);
  pad.stripKey = "";
}

/**
 * Hide what the data or the model do not have.
 * @param {Pad} pad
 */
function fitToData(pad) {
  const { elements, root, options, bundle } = pad;
  const { meta, layout } = bundle;
  root.style.setProperty("--map-height", `${options.height}px`);
  root.classList.toggle("graph", layout.graph);
  root.classList.toggle("brief", Boolean(options.pictures));
  root.classList.toggle("beside", Boolean(options.beside));
  elements.axes.hidden = bundle.latentDim < 3;
  hideFigureOf(elements.pca, !meta.pca);
  hideFigureOf(elements.near, !meta.images);
  elements.dots.hidden = !meta.images || layout.graph;
  elements.dots.ariaPressed = String(pad.thumbnails);
  elements.resample.hidden = !meta.variational;
  elements.prior.hidden = !meta.variational;
  elements.random.disabled = !meta.images;
  elements.random.textContent = `Any ${meta.thing}`;
  for (const canvas of [elements.seen, elements.redrawn, elements.neighbours]) {
    canvas.width = layout.W * (canvas === elements.neighbours ? NEIGHBOURS : 1);
    canvas.height = layout.H;
  }
  elements.big.width = layout.large.W;
  elements.big.height = layout.large.H;
  for (const canvas of [elements.near, elements.pca]) {
    canvas.width = layout.small.W;
    canvas.height = layout.small.H;
  }
  elements.overlay.ariaLabel = `Map of ${meta.points} held-out codes of ${meta.model.name}`;
  pad.thumbs = new Map();
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {boolean} hidden
 */
function hideFigureOf(canvas, hidden) {
  const figure = canvas.closest("figure");
  if (figure) figure.hidden = hidden;
}

/** @param {Pad} pad */
function drawLegend({ elements, bundle }) {
  const entries = bundle.meta.classes.map(({ name, color }) => {
    const entry = make("span");
    const dot = make("i");
    dot.style.background = color;
    entry.append(dot, name);
    return entry;
  });
  elements.legend.replaceChildren(...entries);
}

/** @param {Pad} pad */
function offerAxes({ elements, bundle: { meta } }) {
  for (const select of [elements.axisX, elements.axisY]) {
    const options = meta.dimensions.map(
      ({ index, dead }) => new Option(meta.names[index] + (dead ? " (dead)" : ""), String(index)),
    );
    select.replaceChildren(...options);
  }
}

/** @param {Pad} pad */
export function showAxes({ elements, axes }) {
  elements.axisX.value = String(axes[0]);
  elements.axisY.value = String(axes[1]);
}

/**
 * Tabs for those of the wanted panels that the data have.
 * @param {Pad} pad
 */
function offerPanels(pad) {
  const { elements, options, bundle } = pad;
  const fitting = options.panels.filter((name) => bundle.meta.panels.includes(name));
  if (fitting.join() === pad.panels?.join()) return;
  pad.panels = fitting;
  elements.tabs.hidden = fitting.length < 2;
  for (const button of tabButtons(elements)) button.hidden = !fitting.includes(button.name);
  openTab(pad, fitting.includes(pad.tab) ? pad.tab : fitting[0]);
}

/**
 * @param {Pad} pad
 * @param {string | undefined} name none where no panel fits
 */
export function openTab(pad, name) {
  pad.tab = name ?? "";
  for (const panel of pad.root.querySelectorAll("section")) panel.hidden = panel.id !== name;
  for (const button of tabButtons(pad.elements)) {
    button.ariaSelected = String(button.name === name);
  }
  if (name === "draw") drawGhost(pad);
  pad.stripKey = "";
  pad.stale = true; // the curve of a panel that was closed had no width
  show(pad);
}
