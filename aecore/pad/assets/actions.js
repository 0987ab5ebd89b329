// @ts-check
// What each button and each choice of the page does.

import { choose, chooseImage, resample, undo } from "./choice.js";
import { gaussian, interpolate } from "./codes.js";
import { tabButtons } from "./elements.js";
import { drawMixture, saveGif, savePng, setPath } from "./journeys.js";
import { pressKey } from "./keyboard.js";
import { fitView, movePoints, zoom } from "./map_view.js";
import { openTab, showAxes } from "./page.js";
import { clearPaper, drawGhost, encodeDrawing, readPhotograph, stroke } from "./paper.js";
import { play } from "./playing.js";
import { awaitDrag, listenToPointers } from "./pointer.js";
import { unfold } from "./sliders.js";
import { show } from "./state.js";
import { toggleFilm, travel } from "./travel.js";
import { touched } from "./walk.js";

/** @import { Pad } from "./state.js" */

const ZOOM_STEP = 1.5;

/**
 * By the id of the button in markup.html.
 * @type {Record<string, (pad: Pad) => void>}
 */
const buttons = {
  undo,
  resample,
  reset: (pad) => choose(pad, pad.bundle.mean, null, false),
  prior: (pad) =>
    choose(
      pad,
      pad.bundle.mean.map(() => gaussian()),
      null,
      false,
    ),
  random: (pad) => chooseImage(pad, Math.floor(Math.random() * pad.bundle.meta.images)),
  dots: toggleThumbnails,
  zoomIn: (pad) => zoom(pad, ZOOM_STEP),
  zoomOut: (pad) => zoom(pad, 1 / ZOOM_STEP),
  fit: (pad) => {
    fitView(pad);
    show(pad);
  },
  clear: clearPaper,
  path: (pad) => awaitDrag(pad, !pad.awaitingDrag),
  between: goBetweenPins,
  play: (pad) => play(pad, !pad.playing),
  gif: saveGif,
  png: savePng,
  film: toggleFilm,
};

/** @param {Pad} pad */
function toggleThumbnails(pad) {
  pad.thumbnails = !pad.thumbnails;
  pad.elements.dots.ariaPressed = String(pad.thumbnails);
  pad.stale = true;
  show(pad);
}

/** @param {Pad} pad */
function goBetweenPins(pad) {
  const { pins } = pad;
  if (pins.length < 2) return;
  const [a, b] = pins.slice(-2).map(({ z }) => z);
  const kind = pad.elements.line.value;
  const spherical = kind === "spherical";
  setPath(pad, (share) => interpolate(a, b, share, spherical), `From A to B, ${kind}`);
  drawMixture(pad, pins.slice(-2));
}

/** @param {Pad} pad */
function chooseAxes(pad) {
  const { axisX, axisY } = pad.elements;
  const [across, up] = [Number(axisX.value), Number(axisY.value)];
  // The same dimension twice: the two change places.
  pad.axes = across === up ? [pad.axes[1], pad.axes[0]] : [across, up];
  showAxes(pad);
  fitView(pad);
  movePoints(pad, true);
  show(pad);
}

/**
 * Everything that a person can do; called once.
 * @param {Pad} pad
 */
export function listen(pad) {
  const { root, elements } = pad;
  root.onpointerdown = () => touched(pad);
  root.onclick = ({ target }) => {
    const button = target instanceof Element ? target.closest("button") : null;
    if (button && Object.hasOwn(buttons, button.id)) buttons[button.id](pad);
  };
  for (const button of tabButtons(elements)) button.onclick = () => openTab(pad, button.name);
  root.onkeydown = (event) => {
    touched(pad);
    pressKey(pad, event);
  };
  listenToPointers(pad);
  elements.axisX.onchange = () => chooseAxes(pad);
  elements.axisY.onchange = () => chooseAxes(pad);
  elements.epoch.oninput = () => {
    const { time } = pad.bundle.meta;
    if (time) travel(pad, time.available[Number(elements.epoch.value)]);
  };
  elements.fold.ontoggle = () => {
    if (elements.fold.open) unfold(pad);
  };
  elements.paper.onpointerdown = (event) => stroke(pad, event);
  elements.paper.onpointermove = (event) => stroke(pad, event);
  elements.file.onchange = () => readPhotograph(pad);
  elements.centre.onchange = () => encodeDrawing(pad);
  elements.ghosted.onchange = () => drawGhost(pad);
}
