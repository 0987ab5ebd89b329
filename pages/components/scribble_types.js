// @ts-check
// What the page of damage done by hand is made of.

/** @import { Waiting } from "../../aecore/pad/assets/parts.js" */
/** @import { Drawing, NetworkMeta, Place } from "../../aecore/pad/assets/types.js" */
/** @import { Damage, PenName } from "./scribble_damage.js" */
/**
 * Who mends: a network or the median here, a filter of the server, `later` its place in answers.
 * @typedef {{ title: string, learnt: boolean, network?: NetworkMeta, later?: number }} MenderMeta
 */
/**
 * What scribble.py says beside its arrays.
 * @typedef {object} ScribbleMeta
 * @property {string} id changes with the content
 * @property {Drawing} layout
 * @property {number} size of an example
 * @property {string[]} captions of the examples
 * @property {MenderMeta[]} menders
 * @property {number} rounds in which holes are filled
 * @property {string} note
 */
/**
 * @typedef {object} MenderHere
 * @property {MenderMeta} meta
 * @property {((x: Float32Array) => Float32Array) | null} mend its answer is overwritten by the next
 * @property {Float32Array | null} answer null while the server is asked
 * @property {HTMLElement} figure
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLElement} text
 */
/**
 * @typedef {object} Scribble
 * @property {Record<string, any>} parts
 * @property {ScribbleMeta} meta
 * @property {Float32Array[]} examples
 * @property {number} example
 * @property {Damage} damage
 * @property {Damage} before the damage when the stroke began
 * @property {CanvasRenderingContext2D} ink of the stroke
 * @property {PenName} pen
 * @property {boolean} thick
 * @property {Place | null} penAt
 * @property {boolean} byTurns
 * @property {number} frame under way, 0 for none
 * @property {string} token of the newest question
 * @property {MenderHere[]} menders
 * @property {(value: object) => void} ask
 */
/**
 * @typedef {Waiting & { scribble?: Scribble, answered?: (event: any) => void }} ScribbleRoot
 */

export {};
