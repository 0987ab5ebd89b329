// @ts-check
// A map of up to tens of thousands of points that goes from PCA's layout to the model's and back.
// Python sends the points once; only what is chosen goes back.

import { unpackArrays } from "../../aecore/pad/assets/bundle.js";
import { overtake, showWithParts } from "../../aecore/pad/assets/parts.js";
import { wholeView, zoomBy } from "./point_map_camera.js";
import { markStates, readCloud } from "./point_map_cloud.js";
import { middlesOf } from "./point_map_contours.js";
import { goTo, resizeAll, setWay, show } from "./point_map_frame.js";
import { createGl } from "./point_map_gl.js";
import { listenToHands } from "./point_map_hands.js";
import {
  buildLegend,
  catchWithin,
  evenly,
  pressLegend,
  saidOf,
  saidOfNeighbours,
  showCaught,
  showTip,
} from "./point_map_panels.js";
import { createRaster } from "./point_map_raster.js";

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { ComponentData } from "../../aecore/pad/assets/types.js" */
/** @import { MapArrays, MapElements, PointMap, Renderer, Tell } from "./point_map_types.js" */
/**
 * What Streamlit calls the component with.
 * @typedef {object} MapArguments
 * @property {ComponentData} data
 * @property {ParentNode} parentElement
 * @property {Tell} [setTriggerValue]
 */
/** @typedef {{ map: PointMap, destroy: () => void }} MountedMap */
/** @typedef {Waiting & { pointMap?: MountedMap | null }} MapRoot */

const TOLD = 24; // of those caught, that Python hears of

/**
 * @param {MapRoot} root
 * @param {MapArguments} given
 * @param {MapArrays} arrays
 * @returns {MountedMap}
 */
function mountMap(root, { data, setTriggerValue }, arrays) {
  const parts = /** @type {any} */ ({});
  for (const node of root.querySelectorAll("[id]")) parts[node.id] = node;
  const cloud = readCloud(data.meta, arrays);
  /** @type {PointMap} */
  const map = {
    root,
    parts,
    style: getComputedStyle(root),
    cloud,
    renderer: chosenRenderer(parts, data.meta.renderer, () => replaceRenderer(map)),
    camera: wholeView(),
    drawn: null,
    width: 0,
    height: 0,
    t: 1,
    morph: null,
    contours: null,
    middles: [[], []],
    withLines: true,
    overDrawn: false,
    stale: true,
    touched: -Infinity,
    pointers: new Map(),
    press: null,
    lassoing: false,
    loop: null,
    near: -1,
    chosen: -1,
    pending: null,
    ink: "",
    send: setTriggerValue,
  };
  const resizes = new ResizeObserver(() => resizeAll(map));
  resizes.observe(parts.stage);
  listenToAll(map);
  takeCloud(map);
  setWay(map, 1);
  return {
    map,
    destroy() {
      resizes.disconnect();
      map.renderer.destroy();
      if (map.pending !== null) cancelAnimationFrame(map.pending);
    },
  };
}

/**
 * The graphics card where there is one, else pixel by pixel.
 * @param {MapElements} parts
 * @param {string} wanted
 * @param {() => void} lost
 * @returns {Renderer}
 */
function chosenRenderer(parts, wanted, lost) {
  const canvas = document.createElement("canvas");
  const card = wanted === "raster" ? null : createGl(canvas, wanted === "gl", lost);
  // A canvas that was asked for one kind of drawing may refuse another.
  const renderer = card ?? createRaster(document.createElement("canvas"));
  parts.points.querySelector(":not(#linesOver)")?.remove();
  parts.points.prepend(renderer.canvas);
  parts.stage.dataset.renderer = renderer.name;
  return renderer;
}

/** @param {PointMap} map whose graphics card is gone */
function replaceRenderer(map) {
  map.renderer = chosenRenderer(map.parts, "raster", () => {});
  resizeAll(map);
}

/** @param {PointMap} map */
function takeCloud(map) {
  const { cloud, parts, root } = map;
  const { meta } = cloud;
  root.style.setProperty("--map-height", `${meta.height}px`);
  root.classList.toggle("graph", meta.layout.graph);
  [parts.toPca.textContent, parts.toModel.textContent] = meta.titles;
  const things = `${cloud.n.toLocaleString("en")} ${meta.thing}s`;
  parts.over.ariaLabel = `Map of ${things} by ${meta.titles[1]}, and by ${meta.titles[0]}`;
  parts.legend.hidden = !meta.classes.length;
  parts.tipImage.width = meta.layout.small.W;
  parts.tipImage.height = meta.layout.small.H;
  map.contours = null; // drawn after the points
  map.middles = [middlesOf(cloud, cloud.pca), middlesOf(cloud, cloud.model)];
  map.near = -1;
  map.renderer.load(cloud);
  buildLegend(map, () => markAll(map));
  markAll(map);
  showTip(map);
}

/** @param {PointMap} map whose hidden or caught points are others */
function markAll(map) {
  markStates(map.cloud);
  map.renderer.mark(map.cloud);
  pressLegend(map);
  showCaught(map);
  map.stale = true;
  show(map);
}

/** @param {PointMap} map */
function listenToAll(map) {
  const { parts } = map;
  const moved = () => {
    map.touched = performance.now();
    map.near = -1; // until the hand points again: drawn over moved points, it halves frames
    map.stale = true;
    show(map);
  };
  const point = (/** @type {number} */ example) => {
    map.near = example;
    show(map);
  };
  const choose = (/** @type {number} */ example) => {
    map.chosen = example;
    parts.said.textContent =
      example < 0 ? "" : `${saidOf(map, example)}.${saidOfNeighbours(map, example)}`;
    tell(map, example < 0 ? [] : [example], example < 0 ? 0 : 1);
    show(map);
  };
  const looped = () => {
    catchWithin(map);
    const { caught } = map.cloud;
    map.chosen = -1;
    markAll(map);
    tell(map, caught ? evenly(caught, TOLD) : [], caught?.length ?? 0);
  };
  listenToHands(map, { moved, point, choose, looped, show: () => show(map) });
  /** @type {Record<string, () => void>} */
  const buttons = {
    toPca: () => goTo(map, 0),
    toModel: () => goTo(map, 1),
    play: () => goTo(map, map.t > 0.5 ? 0 : 1),
    lasso: () => {
      map.lassoing = !map.lassoing;
      parts.lasso.ariaPressed = String(map.lassoing);
      parts.over.classList.toggle("lassoing", map.lassoing);
    },
    lines: () => {
      map.withLines = !map.withLines;
      parts.lines.ariaPressed = String(map.withLines);
      map.stale = true;
      show(map);
    },
    zoomIn: () => zoomFromButton(map, 1.5, moved),
    zoomOut: () => zoomFromButton(map, 1 / 1.5, moved),
    fit: () => {
      map.camera = wholeView();
      moved();
    },
    clear: () => {
      map.loop = null;
      looped();
    },
  };
  map.root.onclick = ({ target }) => {
    const button = target instanceof Element ? target.closest("button") : null;
    if (button && Object.hasOwn(buttons, button.id)) buttons[button.id]();
  };
  parts.way.oninput = () => {
    map.morph = null;
    setWay(map, Number(parts.way.value));
    show(map);
  };
}

/**
 * @param {PointMap} map
 * @param {number} factor
 * @param {() => void} moved
 */
function zoomFromButton(map, factor, moved) {
  zoomBy(map, factor);
  moved();
}

/**
 * Tell Python what is chosen.
 * @param {PointMap} map
 * @param {number[]} indices
 * @param {number} count
 */
function tell(map, indices, count) {
  map.send?.("chosen", { indices, count, token: `${Date.now()}` });
}

/**
 * Take other points; cheap when they are those already shown.
 * @param {PointMap} map
 * @param {MapArguments} given
 * @param {MapArrays} arrays
 */
function updateMap(map, { data, setTriggerValue }, arrays) {
  map.send = setTriggerValue;
  const before = map.cloud.meta;
  if (data.meta.id === before.id) return;
  map.cloud = readCloud(data.meta, arrays);
  map.morph = null;
  map.chosen = -1;
  if (data.meta.key !== before.key) map.camera = wholeView();
  takeCloud(map);
}

/**
 * The component; Streamlit calls it again whenever data change.
 * @param {MapArguments} given
 */
export default function pointMap(given) {
  const root = /** @type {MapRoot} */ (given.parentElement.querySelector(".pm"));
  showWithParts(root, given, (fetched) => showOn(root, given, fetched));
  return () => {
    overtake(root);
    root.pointMap?.destroy();
    root.pointMap = null;
  };
}

/**
 * @param {MapRoot} root
 * @param {MapArguments} given
 * @param {object} fetched
 */
function showOn(root, given, fetched) {
  const arrays = { ...unpackArrays(given.data), ...fetched };
  if (root.pointMap) updateMap(root.pointMap.map, given, arrays);
  else root.pointMap = mountMap(root, given, arrays);
}
