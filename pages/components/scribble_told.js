// @ts-check
// Who mends best, in a sentence, and what stands under each picture.

import { decibels } from "./scribble_damage.js";

/** @typedef {{ title: string, learnt: boolean, error: number | null }} Mended */

const SAME = 1e-6; // squared error of what bytes cannot hold

/** @param {number} error */
export const errorText = (error) => `${error.toFixed(4)} · ${decibels(error).toFixed(1)} dB`;

/** @param {Mended[]} some */
const leastOf = (some) =>
  some.reduce(
    (/** @type {Mended | null} */ best, one) =>
      one.error !== null && (best?.error ?? Infinity) > one.error ? one : best,
    null,
  );

/**
 * The position of the one that errs least, -1 where it is best left as it is.
 * @param {Mended[]} mended
 * @param {number} left error as it is
 */
export function bestOf(mended, left) {
  const best = leastOf(mended);
  return best?.error != null && best.error < left ? mended.indexOf(best) : -1;
}

/**
 * @param {Mended[]} mended
 * @param {number} left error as it is
 */
export function whoWon(mended, left) {
  const best = leastOf(mended);
  if (best?.error == null) return "";
  if (left < SAME) {
    return (
      `Nothing is damaged yet, and whoever mends it errs: ${best.title} ` +
      `${best.error.toFixed(4)}, the least. Draw on the example, hide a block, add noise.`
    );
  }
  if (best.error >= left) {
    return (
      `Best left as it is: that errs ${left.toFixed(4)}, and ${best.title}, the best of all, ` +
      `${best.error.toFixed(4)}.`
    );
  }
  const other = leastOf(mended.filter(({ learnt }) => learnt !== best.learnt));
  const beside =
    other?.error == null
      ? ""
      : `; ${other.title}, the best ${other.learnt ? "network" : "way without a network"}, ` +
        `errs ${other.error.toFixed(4)}`;
  return (
    `${best.title} wins here: it errs ${best.error.toFixed(4)}, where the damaged one errs ` +
    `${left.toFixed(4)}${beside}.`
  );
}
