// @ts-check
// What the server's filters make of the damage; shown nowhere, handed to the drawing that asked.
// Apart from it, so that the drawing waits for nobody.

/** @import { ComponentArguments } from "../../aecore/pad/assets/types.js" */

/**
 * Streamlit calls it again whenever the answer changes.
 * @param {ComponentArguments} given
 */
export default function scribbleAnswer({ data }) {
  document.dispatchEvent(new CustomEvent("aecore-scribble-answer", { detail: data }));
}
