// @ts-check
// What is above 0 and what below, wherever signed values are drawn: as aecore/figures/palette.py.

/** @typedef {[number, number, number]} Rgb */

export const ABOVE_ZERO = /** @type {Rgb} */ ([224, 98, 0]);
export const BELOW_ZERO = /** @type {Rgb} */ ([26, 122, 196]);
