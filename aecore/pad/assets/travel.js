// @ts-check
// Travelling through the epochs of a training run.

import { unpackArrays } from "./bundle.js";
import { enable } from "./choice.js";
import { unpackWeights } from "./epoch_frame.js";
import { drawJourney } from "./journeys.js";
import { fitView, movePoints } from "./map_view.js";
import { createNetwork } from "./network.js";
import { askForDecoding, askForEpoch, heardFromServer, say } from "./server.js";
import { codeOf, show } from "./state.js";

/** @import { Pad, Place } from "./state.js" */
/** @import { Answer, AnswerArrays, ComponentData } from "./types.js" */

const FILM_EVERY = 600; // milliseconds an epoch stays

/**
 * Prepare the newest weights; returns a sentence when the browser cannot decode.
 * @param {Pad} pad
 */
export function readNewest(pad) {
  const { meta, arrays } = pad.bundle;
  pad.network = null;
  pad.newest = null;
  if (!meta.network) {
    return meta.note + (pad.send ? " The server decodes when you click." : "");
  }
  try {
    pad.newest = createNetwork(meta.network, arrays.w);
    pad.network = pad.newest;
  } catch (error) {
    return sentenceOf(error);
  }
  return meta.note;
}

/** @param {unknown} error */
const sentenceOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * After another bundle came: the epoch that was shown, if it is still there.
 * @param {Pad} pad
 */
export function resumeEpoch(pad) {
  const { meta, arrays, latentDim } = pad.bundle;
  pad.codes = arrays.codes;
  const available = meta.time?.available ?? [];
  for (const [epoch, frame] of pad.frames) {
    const fits = frame.codes.length === meta.points * latentDim && available.includes(epoch);
    if (!fits) pad.frames.delete(epoch);
  }
  const { epoch } = pad;
  if (!meta.time || epoch === null) followCodes(pad);
  else goToEpoch(pad, available.filter((at) => at <= epoch).pop() ?? available[0]);
}

/**
 * Show the model as it was after an epoch; the last one follows the newest.
 * @param {Pad} pad
 * @param {number} to
 */
function goToEpoch(pad, to) {
  const { meta, arrays } = pad.bundle;
  const newest = meta.time?.available.at(-1);
  const frame = pad.frames.get(to);
  let trouble = pad.problem;
  pad.epoch = to === newest ? null : to;
  if (pad.epoch === null) {
    pad.codes = arrays.codes;
    pad.network = pad.newest;
  } else if (!frame) {
    askForEpoch(pad, to);
  } else {
    pad.codes = frame.codes;
    if (frame.weights && meta.network) {
      try {
        frame.network ??= createNetwork(meta.network, frame.weights);
        pad.network = frame.network;
        trouble = meta.note;
      } catch (error) {
        pad.network = null;
        trouble = sentenceOf(error);
      }
    }
  }
  if (!pad.lost) say(pad, trouble);
  followCodes(pad);
}

/**
 * Images keep their identity, wherever they are held: their codes are those of now.
 * @param {Pad} pad
 */
function followCodes(pad) {
  /** @type {(place: Place) => Place} */
  const now = (place) => {
    if (!place.anchor || place.anchor.index < 0) return place;
    const mu = codeOf(pad, place.anchor.index);
    return { z: mu, anchor: { ...place.anchor, mu, logvar: null } };
  };
  pad.pins = pad.pins.map(now);
  pad.undos = pad.undos.map(now);
  const { z, anchor } = now({ z: pad.z, anchor: pad.anchor });
  pad.z = z;
  pad.anchor = anchor;
  pad.drawingChanged = anchor?.index === -1; // to be encoded anew
}

/**
 * Go to an epoch, and redraw all that its model shows.
 * @param {Pad} pad
 * @param {number} to
 */
export function travel(pad, to) {
  goToEpoch(pad, to);
  pad.pinsChanged = true;
  drawJourney(pad);
  movePoints(pad, true);
  pad.answer = null;
  enable(pad);
  show(pad);
  askForDecoding(pad);
}

/**
 * Take what the server answered: an epoch, or a decoding.
 * @param {Pad} pad
 * @param {ComponentData} data
 */
export async function takeAnswer(pad, data) {
  /** @type {Answer} */
  const { frame, decoded_for: decodedFor } = data.meta;
  /** @type {AnswerArrays} */
  const arrays = unpackArrays(data);
  heardFromServer(pad);
  if (arrays.decoded && decodedFor === pad.asked) {
    pad.answer = arrays.decoded;
    show(pad);
  }
  if (!frame || !arrays.frame_codes || pad.frames.has(frame.epoch)) return;
  const { bundle } = pad;
  if (frame.packed && frame.base !== bundle.meta.id) {
    // Newer weights came in between: the difference is from others.
    if (pad.epoch === frame.epoch) askForEpoch(pad, frame.epoch);
    return;
  }
  const weights = bundle.arrays.w ? await unpackWeights(bundle.arrays.w, frame, arrays) : null;
  if (pad.bundle.meta.model.id !== bundle.meta.model.id) return;
  if (arrays.frame_codes.length !== pad.codes.length) return;
  const rounded = Boolean(frame.packed?.length);
  pad.frames.set(frame.epoch, { codes: arrays.frame_codes, spans: frame.spans, weights, rounded });
  fitView(pad, false);
  if (pad.epoch === frame.epoch) travel(pad, frame.epoch);
  show(pad);
}

/**
 * Start or stop the film of all epochs.
 * @param {Pad} pad
 */
export function toggleFilm(pad) {
  pad.film = pad.film ? null : { at: 0, index: -1 };
  pad.stale = true;
  show(pad);
}

/**
 * The next epoch of the film, once the shown one has come and stayed.
 * @param {Pad} pad
 * @param {number} now
 */
export function advanceFilm(pad, now) {
  const { time } = pad.bundle.meta;
  if (!pad.film || !time) return;
  const { at, index } = pad.film;
  const onItsWay = index >= 0 && pad.epoch !== null && !pad.frames.has(pad.epoch);
  if (now - at < FILM_EVERY || onItsWay) return;
  const next = index + 1;
  pad.film = next < time.available.length ? { at: now, index: next } : null;
  pad.stale = true;
  if (pad.film) travel(pad, time.available[next]);
}
