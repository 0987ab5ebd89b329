// @ts-check
// Asks the server once, and tells Python when the run has taken its first step.

/**
 * @typedef {EventTarget & { waiting?: AbortController, asked?: string | null }} Host the element
 *   that the component lies in, with what it waits for
 */
/**
 * @typedef {object} StepArguments
 * @property {{ url: string | null }} data where to ask, from the app's address; null: not any more
 * @property {Element | ShadowRoot} parentElement
 * @property {(name: "come", value: true) => void} setTriggerValue
 */

/** @param {StepArguments} given */
export default function firstStep({ data, parentElement, setTriggerValue }) {
  /** @type {Host} */
  const host = parentElement instanceof ShadowRoot ? parentElement.host : parentElement;
  const stop = () => {
    host.waiting?.abort();
    host.asked = null;
  };
  if (host.asked === data.url) return stop;
  stop(); // called again for another run, or when none is waited for
  host.asked = data.url;
  if (data.url) {
    host.waiting = new AbortController();
    hasCome(new URL(data.url, document.baseURI), host.waiting.signal).then((come) => {
      if (come) setTriggerValue("come", true);
    });
  }
  return stop;
}

/**
 * Whether the step has come; false when the server does not answer or nobody waits any more.
 * @param {URL} url
 * @param {AbortSignal} signal
 */
async function hasCome(url, signal) {
  try {
    for (;;) {
      const { status } = await fetch(url, { signal });
      if (status !== 204) return status === 200; // 204: not yet, ask again
    }
  } catch {
    return false; // the page's next look notices it too
  }
}
