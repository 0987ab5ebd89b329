// @ts-check
// What was asked of a server that runs the network, and what it said.

/** @import { View } from "./flow_state.js" */
/** @import { ServedAnswer } from "./types.js" */

/**
 * @typedef {{ meta: ServedAnswer, looks: Float32Array | null, adds: Float32Array | null }} Answered
 */
/**
 * @typedef {object} Question
 * @property {string} text what was chosen
 * @property {string} token
 * @property {boolean} waiting for the answer
 * @property {boolean} lost whether the server is away
 * @property {number} looks how often it was looked whether it is
 * @property {ReturnType<typeof setTimeout> | undefined} timer
 */

/** @returns {Question} nothing was asked yet */
export const newQuestion = () => ({
  text: "",
  token: "",
  waiting: false,
  lost: false,
  looks: 0,
  timer: undefined,
});

/**
 * What the server said of the unit that is open, once it has.
 * @param {View} view
 */
export function openAnswer({ answer, open }) {
  const said = answer?.meta.open;
  return open && said?.stage === open.stage && said.unit === open.unit ? said : null;
}
