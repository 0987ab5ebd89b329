// @ts-check
// A journey that plays: the code under the pointer goes along its path, there and back.

import { show } from "./state.js";

/** @import { Pad } from "./state.js" */

const ONE_WAY = 3000; // milliseconds

/**
 * Start or stop.
 * @param {Pad} pad
 * @param {boolean} on
 */
export function play(pad, on) {
  pad.playing = on;
  pad.playingSince = null;
  if (!on) pad.hover = null;
  pad.elements.play.textContent = on ? "Stop" : "Play";
  show(pad);
}

/**
 * Where the journey is at this frame.
 * @param {Pad} pad
 * @param {number} now
 */
export function advanceJourney(pad, now) {
  if (!pad.path) return;
  pad.playingSince ??= now;
  const phase = ((now - pad.playingSince) / ONE_WAY) % 2;
  const share = phase < 1 ? phase : 2 - phase;
  pad.hover = pad.path[Math.round(share * (pad.path.length - 1))];
}
