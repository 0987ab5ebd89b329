// @ts-check
// A VAE's plane at each of several prices of information. Codes and decoders came in one message,
// and the decoders run here: a hand on the dial or on the plane asks nothing of the server.

import { compile } from "../../aecore/pad/assets/network.js";
import { showOther } from "../../aecore/pad/assets/parts.js";
import { make, paint } from "../../aecore/pad/assets/pictures.js";
import { codeUnder, drawCodes, drawMosaic } from "./beta_dial_planes.js";
import { buildStrip, digitOf, markChosen, markStop, mountChart, namedParts } from "./dial_parts.js";

/** @import { ComponentData } from "../../aecore/pad/assets/types.js" */
/** @import { BetaArrays, BetaDial, BetaMeta, BetaRoot } from "./beta_dial_types.js" */

/**
 * @param {{ data: ComponentData, parentElement: ParentNode,
 *   setTriggerValue?: (name: "lost", value: object) => void }} given
 */
export default function betaDialView(given) {
  const root = /** @type {BetaRoot} */ (given.parentElement.querySelector(".kd"));
  const { meta } = given.data;
  return showOther(root, given, root.betaDial?.meta.id, (arrays) => showBeta(root, meta, arrays));
}

/**
 * @param {BetaRoot} root
 * @param {BetaMeta} meta
 * @param {BetaArrays} arrays
 */
function showBeta(root, meta, arrays) {
  const parts = namedParts(root);
  const { stop = meta.start, example = 0, fed = 1, point = [0, 0] } = root.betaDial ?? {};
  const size = arrays.weights.length / meta.stops.length;
  const decode = meta.stops.map((_, i) =>
    compile(meta.decoder, arrays.weights.subarray(i * size, (i + 1) * size), 2),
  );
  /** @type {BetaDial} */
  const dial = { parts, meta, arrays, stop, example, fed, point, decode, mosaics: new Map() };
  root.betaDial = dial;
  parts.dial.max = String(meta.stops.length - 1);
  parts.dial.oninput = () => turnBeta(dial, { stop: Number(parts.dial.value) });
  parts.fed.oninput = () => turnBeta(dial, { fed: Number(parts.fed.checked) });
  for (const plane of [parts.map, parts.mosaic]) {
    plane.onpointerdown = plane.onpointermove = (/** @type {PointerEvent} */ event) =>
      turnBeta(dial, { point: codeUnder(dial, plane, event) });
  }
  parts.mosaicText.textContent = meta.words[1];
  parts.note.textContent = meta.note;
  mountChart(parts.error, meta.charts.error);
  mountChart(parts.rate, meta.charts.rate);
  buildStrip(parts.strip, meta, arrays.x, (chosen) => turnBeta(dial, { example: chosen }));
  turnBeta(dial, {});
  if (root.watched) return;
  root.watched = true;
  // Canvases have as many pixels as their place, and the ink of the page's light or dark.
  new ResizeObserver(() => root.betaDial && turnBeta(root.betaDial, {})).observe(parts.map);
}

/**
 * Another beta, another digit, codes with or without their noise, or another place on the plane.
 * @param {BetaDial} dial
 * @param {Partial<BetaDial>} what
 */
function turnBeta(dial, what) {
  Object.assign(dial, what);
  drawCodes(dial);
  drawMosaic(dial);
  drawDigit(dial);
  if (!what.point) tellStop(dial);
}

/**
 * The chosen digit, as it comes back, and what lies under the hand.
 * @param {BetaDial} dial
 */
function drawDigit({ parts, meta, arrays, stop, example, point, decode }) {
  const x = digitOf(arrays.x, example, meta.size);
  paint(parts.original, x, meta.layout);
  const o = 2 * (stop * meta.captions.length + example);
  const again = decode[stop]([arrays.digitMu[o], arrays.digitMu[o + 1]]);
  paint(parts.redrawn, again, meta.layout);
  const error = x.reduce((sum, value, i) => sum + (again[i] - value) ** 2, 0) / x.length;
  parts.redrawnText.textContent = `Redrawn, ${error.toFixed(4)}`;
  paint(parts.pointed, decode[stop](point), meta.layout);
  const where = point.map((value) => value.toFixed(1).replace("-", "\u2212"));
  parts.pointedText.textContent = `At ${where.join(", ")}`;
  parts.original.ariaLabel = `The original: ${meta.captions[example]}`;
  parts.redrawn.ariaLabel = `The same drawn from its code at beta ${meta.stops[stop]}`;
  parts.pointed.ariaLabel = `What is drawn at ${where.join(", ")}`;
}

/**
 * What is known of a stop, in words and on the charts.
 * @param {BetaDial} dial
 */
function tellStop({ parts, meta, stop, example, fed }) {
  const beta = `beta ${meta.stops[stop]}`;
  parts.map.ariaLabel = `${meta.words[0]} at ${beta}`;
  parts.mosaic.ariaLabel = `${meta.words[1]} at ${beta}`;
  parts.mapText.textContent = meta.words[0];
  parts.dial.value = String(stop);
  parts.dial.ariaValueText = beta;
  parts.dialText.textContent = `Price of information, ${beta}`;
  parts.says.textContent = meta.says[fed][stop];
  const told = meta.figures.map(({ name, values }) => {
    const [pair, head, figure] = [make("div"), make("dt"), make("dd")];
    head.textContent = name;
    figure.textContent = values[fed][stop];
    pair.append(head, figure);
    return pair;
  });
  parts.figures.replaceChildren(...told);
  markChosen(parts.strip, example);
  markStop(parts.error, meta.stops.length, stop);
  markStop(parts.rate, meta.stops.length, stop);
}
