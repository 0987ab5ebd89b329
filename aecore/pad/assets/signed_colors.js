// @ts-check
// What is above 0 and what is below it, in whatever is drawn: aecore/figures/palette.py has the same.

/** @typedef {[number, number, number]} Rgb */

export const ABOVE = /** @type {Rgb} */ ([224, 98, 0]);
export const BELOW = /** @type {Rgb} */ ([26, 122, 196]);
