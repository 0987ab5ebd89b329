// @ts-check
// What the dial of beta knows, for all of its modules.

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { Drawing, Operation } from "../../aecore/pad/assets/types.js" */
/**
 * What beta_dial.py says beside its arrays. Of means, of codes with their noise: [means, fed].
 * @typedef {object} BetaMeta
 * @property {string} id changes with the content
 * @property {Drawing} layout of a digit
 * @property {number} size of a digit
 * @property {string[]} captions of the digits to choose from
 * @property {string[]} stops beta of each
 * @property {number} start the stop at first
 * @property {{ name: string, color: string }[]} classes
 * @property {string} ring the colour of N(0, I)
 * @property {number[]} hole how much red, green and blue of a drawing in a hole is left, to 1
 * @property {[[number, number], [number, number]][]} windows low and high corner at each stop
 * @property {number} grid pictures along each side
 * @property {Operation[]} decoder the same at all stops but for its weights
 * @property {{ error: string, rate: string }} charts SVG with a mark a stop
 * @property {{ name: string, values: [string[], string[]] }[]} figures by stop, in words
 * @property {[string[], string[]]} says a sentence a stop
 * @property {[string, string]} words beneath the map
 * @property {string} note
 */
/**
 * x: of the digits; mu, std: of held-out codes by stop, noise: one draw each, labels: their
 * classes; digitMu, digitStd: of the digits by stop; holes: by stop, of means, then fed; weights:
 * of the decoders, one after another.
 * @typedef {{ x: Uint8Array, mu: Float32Array, std: Float32Array, noise: Float32Array,
 *   labels: Uint8Array, digitMu: Float32Array, digitStd: Float32Array, holes: Uint8Array,
 *   weights: Float32Array }} BetaArrays
 */
/**
 * @typedef {object} BetaDial
 * @property {Record<string, any>} parts
 * @property {BetaMeta} meta
 * @property {BetaArrays} arrays
 * @property {number} stop
 * @property {number} example
 * @property {number} fed 1 with the codes' noise, else 0
 * @property {[number, number]} point the code under the hand
 * @property {((z: number[]) => Float32Array)[]} decode by stop
 * @property {Map<number, Uint8Array>} mosaics what fills the window of a stop, once it was drawn
 */
/** @typedef {Waiting & { betaDial?: BetaDial, watched?: boolean }} BetaRoot */

export {};
