// @ts-check
// What the server answers to a pad's question; shown nowhere, handed to the pad of that name.
// Apart from the pad, so that an answer of a few kilobytes does not bring megabytes again.

/** @import { ComponentArguments } from "../../aecore/pad/assets/types.js" */

/**
 * Streamlit calls it again whenever the answer changes.
 * @param {ComponentArguments} given
 */
export default function padAnswer({ data }) {
  document.dispatchEvent(new CustomEvent("aecore-pad-answer", { detail: data }));
}
