// @ts-check
// What crosses between Python and the wipe, and what its modules hand one another. No code.

/** @import { Drawing } from "../../aecore/pad/assets/types.js" */

/**
 * What pages/components/wipe.py says beside its arrays.
 * @typedef {object} WipeMeta
 * @property {string} id changes with the content
 * @property {number} examples
 * @property {number} size of x
 * @property {Drawing} layout
 * @property {string[]} captions of the examples
 * @property {string[]} versions names; the first is the original, the second the model's
 * @property {number[]} modelErrors of each example
 * @property {number[]} stops numbers that PCA may have
 * @property {number[][]} pcaErrors of each stop, of each example
 * @property {string[]} pcaAll held-out error at each stop, in words
 * @property {string} modelAll held-out error of the model, in words
 * @property {number} same the stop with as many numbers as the model has
 * @property {number} match the first stop at which PCA is as good, or -1
 * @property {string} needs says that in words
 */
/** @typedef {{ versions: Uint8Array, pca: Uint8Array }} WipeArrays */
/** @typedef {{ left: number, right: number, name: string }} Pair versions; PCA is -1 */
/**
 * @typedef {object} Wipe
 * @property {HTMLElement} root
 * @property {Record<string, any>} parts
 * @property {WipeMeta} meta
 * @property {WipeArrays} arrays
 * @property {Pair[]} pairs
 * @property {number} pair
 * @property {number} example
 * @property {number} stop
 * @property {number} at where the handle is, 0 to 1
 * @property {boolean} errors whether the right one's errors are drawn
 */

export {};
