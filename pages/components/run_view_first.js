// @ts-check
// The first frame of a run: the server answers when there is one.

/** @import { RunData } from "./run_view_types.js" */

/**
 * Null when the server does not answer or nobody waits any more: the page's next look brings it.
 * @param {string} address from the app's own
 * @param {AbortSignal} signal
 * @returns {Promise<RunData | null>}
 */
export async function firstFrame(address, signal) {
  try {
    for (;;) {
      const answer = await fetch(new URL(address, document.baseURI), { signal });
      if (answer.status !== 204) return answer.ok ? await answer.json() : null; // 204: not yet
    }
  } catch {
    return null;
  }
}
