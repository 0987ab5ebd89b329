// @ts-check
// What networks and filters make of the damage: at once, when the hand lets go, and by turns.

import { fitDrawing } from "../../aecore/pad/assets/ink.js";
import { paint, pen } from "../../aecore/pad/assets/pictures.js";
import { inkOn } from "../../aecore/pad/assets/strokes.js";
import { coverBy, hasHole, pasted, seenOf, squaredError } from "./scribble_damage.js";
import { bestOf, errorText, whoWon } from "./scribble_told.js";

/** @import { Scribble } from "./scribble_types.js" */

const HOLE_COLOR = "#2f5d8a";
const TURN_MS = 60; // between two rounds that one watches

/** @param {Scribble} scribble */
export function layInk(scribble) {
  if (!scribble.penAt) return;
  const { ink, damage, before, meta } = scribble;
  const { width, height } = ink.canvas;
  const { H: rows, W: columns } = meta.layout;
  const coverage = fitDrawing(inkOn(ink), width, height, rows, columns, false);
  if (coverage) coverBy(damage, before, coverage, scribble.pen);
}

/**
 * Answer with the next frame: a hand moves faster than networks answer.
 * @param {Scribble} scribble
 */
export function soon(scribble) {
  scribble.token = "";
  scribble.parts.said.ariaBusy = "true"; // it is read out when the hand lets go
  scribble.frame ||= requestAnimationFrame(() => {
    scribble.frame = 0;
    layInk(scribble);
    mendAll(scribble);
  });
}

/**
 * The hand has let go: the server is asked too, and holes are filled by turns.
 * @param {Scribble} scribble
 */
export function damaged(scribble) {
  const { damage, byTurns, meta, ask } = scribble;
  const token = `${Date.now()} ${Math.random()}`;
  scribble.token = token;
  scribble.parts.said.ariaBusy = "false";
  const turns = byTurns && hasHole(damage);
  const seen = mendAll(scribble, turns);
  const hole = turns ? inBase64(damage.hole) : "";
  ask({ token, hole, pixels: inBase64(Uint8Array.from(seen, (v) => Math.round(255 * v))) });
  if (!turns) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let round = 1;
  const next = () => {
    if (scribble.token !== token) return;
    do {
      for (const { mend, answer } of scribble.menders) {
        if (mend && answer) answer.set(pasted(damage, seen, mend(answer)));
      }
      round++;
    } while (still && round < meta.rounds);
    showAll(scribble, seen);
    if (round < meta.rounds) setTimeout(next, TURN_MS);
  };
  next();
}

/**
 * Every answer that can be had here. turns: known values stay.
 * @param {Scribble} scribble
 */
function mendAll(scribble, turns = false) {
  const { damage, menders } = scribble;
  const seen = seenOf(damage);
  for (const one of menders) {
    const answer = one.mend?.(seen).slice() ?? null;
    one.answer = answer && turns ? pasted(damage, seen, answer) : answer;
  }
  showAll(scribble, seen);
  return seen;
}

/**
 * @param {Scribble} scribble
 * @param {string} token of the question
 * @param {Float32Array | undefined} answers one after another
 */
export function takeAnswer(scribble, token, answers) {
  const { menders, meta, damage } = scribble;
  if (token !== scribble.token || !answers) return;
  for (const one of menders) {
    const { later } = one.meta;
    if (later !== undefined) {
      one.answer = answers.slice(later * meta.size, (later + 1) * meta.size);
    }
  }
  showAll(scribble, seenOf(damage));
}

/**
 * @param {Scribble} scribble
 * @param {Float32Array} seen
 */
function showAll(scribble, seen) {
  const { parts, meta, damage, menders } = scribble;
  paint(parts.paper, seen, meta.layout);
  const context = pen(parts.paper);
  context.fillStyle = HOLE_COLOR;
  for (const [i, missing] of damage.hole.entries()) {
    if (missing) context.fillRect(i % meta.layout.W, Math.floor(i / meta.layout.W), 1, 1);
  }
  const left = squaredError(seen, damage.original);
  const mended = menders.map(({ meta: { title, learnt }, answer }) => ({
    ...{ title, learnt, error: answer && squaredError(answer, damage.original) },
  }));
  const best = bestOf(mended, left);
  for (const [i, { answer, figure, canvas, text, meta: one }] of menders.entries()) {
    const { error } = mended[i];
    figure.classList.toggle("late", error === null);
    figure.classList.toggle("best", i === best);
    text.textContent = error === null ? "…" : errorText(error);
    if (answer) paint(canvas, answer, meta.layout);
    const known = error === null ? "not known yet" : error.toFixed(4);
    canvas.ariaLabel = `What ${one.title} makes of it: error ${known}`;
  }
  parts.given.textContent =
    left > 0 ? `As it is: error ${errorText(left)}` : "As it is: nothing is damaged";
  parts.noiseText.textContent = `Sprinkle noise: σ = ${damage.sigma.toFixed(2)}`;
  parts.noise.ariaValueText = `σ = ${damage.sigma.toFixed(2)}`;
  parts.turns.disabled = !hasHole(damage);
  parts.said.textContent = whoWon(mended, left);
}

/** @param {Uint8Array} bytes */
const inBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
