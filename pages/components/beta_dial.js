// @ts-check
// A plane decoded and where codes lie on it, at each of several prices. All of it came in one
// message, so a hand on the dial asks nothing of the server.

import { unpackArrays } from "../../aecore/pad/assets/bundle.js";
import { overtake, showWithParts } from "../../aecore/pad/assets/parts.js";
import { make, paint } from "../../aecore/pad/assets/pictures.js";

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { ComponentData, Drawing } from "../../aecore/pad/assets/types.js" */
/**
 * What beta_dial.py says beside its arrays.
 * @typedef {object} PlanesMeta
 * @property {string} id changes with the content
 * @property {Drawing} layout of a whole plane
 * @property {string[]} stops what the dial says at each
 * @property {number} start the stop at first
 * @property {string[]} charts SVG of the codes at each
 * @property {[string, string][][]} facts names and figures at each
 * @property {[string, string]} captions of the plane and of the codes
 */
/** @typedef {{ planes: Uint8Array }} PlanesArrays */
/**
 * @typedef {object} BetaDial
 * @property {Record<string, any>} parts
 * @property {PlanesMeta} meta
 * @property {PlanesArrays} arrays
 * @property {number} stop
 */
/** @typedef {Waiting & { betaDial?: BetaDial }} PlanesRoot */

/**
 * @param {{ data: ComponentData, parentElement: ParentNode,
 *   setTriggerValue?: (name: "lost", value: object) => void }} given
 */
export default function betaDialView(given) {
  const root = /** @type {PlanesRoot} */ (given.parentElement.querySelector(".kd"));
  const { meta } = given.data;
  if (root.betaDial?.meta.id === meta.id) overtake(root);
  else {
    showWithParts(root, given, (fetched) =>
      showPlanes(root, meta, { ...unpackArrays(given.data), ...fetched }),
    );
  }
  return () => {
    overtake(root);
  };
}

/**
 * @param {PlanesRoot} root
 * @param {PlanesMeta} meta
 * @param {PlanesArrays} arrays
 */
function showPlanes(root, meta, arrays) {
  /** @type {Record<string, any>} */
  const parts = {};
  for (const node of root.querySelectorAll("[id]")) parts[node.id] = node;
  const dial = { parts, meta, arrays, stop: root.betaDial?.stop ?? meta.start };
  root.betaDial = dial;
  parts.dial.max = String(meta.stops.length - 1);
  parts.dial.oninput = () => turnPrice(dial, Number(parts.dial.value));
  [parts.decoded.textContent, parts.where.textContent] = meta.captions;
  turnPrice(dial, dial.stop);
}

/**
 * @param {BetaDial} dial
 * @param {number} stop
 */
function turnPrice(dial, stop) {
  dial.stop = stop;
  const { parts, meta, arrays } = dial;
  const size = meta.layout.W * meta.layout.H;
  const bytes = arrays.planes.subarray(stop * size, (stop + 1) * size);
  paint(
    parts.plane,
    Float32Array.from(bytes, (byte) => byte / 255),
    meta.layout,
  );
  parts.plane.ariaLabel = `The plane decoded at ${meta.stops[stop]}`;
  parts.codes.innerHTML = meta.charts[stop];
  parts.dial.value = String(stop);
  parts.dial.ariaValueText = meta.stops[stop];
  parts.dialText.textContent = `Price of information: ${meta.stops[stop]}`;
  const rows = meta.facts[stop].map(([name, figure]) => {
    const [row, head, cell] = [make("tr"), make("th"), make("td")];
    head.scope = "row";
    head.textContent = name;
    cell.textContent = figure;
    row.append(head, cell);
    return row;
  });
  parts.facts.replaceChildren(...rows);
}
