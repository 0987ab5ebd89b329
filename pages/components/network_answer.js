// @ts-check
// What the server answers to the drawing of a network; shown nowhere, handed to the one of that
// name. Apart from the drawing: an answer of a few kilobytes does not bring megabytes again.

/** @import { ComponentArguments } from "../../aecore/pad/assets/types.js" */

/**
 * Streamlit calls it again whenever the answer changes.
 * @param {ComponentArguments} given
 */
export default function networkAnswer({ data }) {
  document.dispatchEvent(new CustomEvent("aecore-flow-answer", { detail: data }));
}
