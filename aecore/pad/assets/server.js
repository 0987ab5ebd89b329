// @ts-check
// What the pad asks of Python, and what it says to a person meanwhile.

/** @import { Pad } from "./state.js" */
/** @import { DecodeRequest, EpochRequest, RequestName } from "./types.js" */

const NEWS_STAYS = 6000; // milliseconds
export const ANSWER_IS_LATE = 5000;
export const LOOK_AGAIN = 3000;

/**
 * Say something over the map; passing news give way to what is wrong, if anything.
 * @param {Pad} pad
 * @param {string} text
 */
export function say(pad, text, passing = false) {
  const { note } = pad.elements;
  if (note.textContent !== text) note.textContent = text;
  note.hidden = !text;
  clearTimeout(pad.talking);
  if (passing) pad.talking = setTimeout(() => say(pad, pad.problem), NEWS_STAYS);
}

/**
 * Have Python decode the chosen code where the browser cannot.
 * @param {Pad} pad
 */
export function askForDecoding(pad) {
  if (pad.bundle.meta.network) return;
  pad.asked = `${Date.now()}`;
  request(pad, "decode", { z: [...pad.z], token: pad.asked, epoch: pad.epoch });
}

/**
 * Have Python send a past epoch.
 * @param {Pad} pad
 * @param {number} epoch
 */
export function askForEpoch(pad, epoch) {
  request(pad, "epoch", { epoch, token: `${Date.now()}` });
}

/**
 * Send a question; while the server is away, say so, and ask again once it is back.
 * @param {Pad} pad
 * @param {RequestName} name
 * @param {EpochRequest | DecodeRequest} value
 */
function request(pad, name, value) {
  if (!pad.send) return;
  pad.send(name, value);
  clearTimeout(pad.waiting);
  const look = async () => {
    const wasLost = pad.lost;
    pad.lost = await isServerAway();
    if (pad.lost) {
      const still = pad.network ? " What is here still works." : "";
      say(pad, `The connection to the server is lost.${still}`);
      pad.waiting = setTimeout(look, LOOK_AGAIN);
    } else if (wasLost) {
      say(pad, pad.problem);
      request(pad, name, value);
    }
  };
  pad.waiting = setTimeout(look, ANSWER_IS_LATE);
}

/** Whether the server does not answer at all. */
export function isServerAway() {
  return fetch("_stcore/health", { cache: "no-store" }).then(
    (response) => !response.ok,
    () => true,
  );
}

/**
 * The server is there: it has just said something.
 * @param {Pad} pad
 */
export function heardFromServer(pad) {
  clearTimeout(pad.waiting);
  if (!pad.lost) return;
  pad.lost = false;
  say(pad, pad.problem);
}
