/**
 * Ask the server once, and tell Python when the run has taken its first step.
 * @param {{data: {url: string | null}, parentElement: Element | ShadowRoot,
 *   setTriggerValue: (name: string, value: boolean) => void}} component
 */
export default function firstStep({ data, parentElement, setTriggerValue }) {
  const host = parentElement.host ?? parentElement;
  const stop = () => {
    host.waiting?.abort();
    host.asked = null;
  };
  if (host.asked === data.url) return stop;
  stop(); // called again for another run, or when none is waited for
  host.asked = data.url;
  if (data.url) {
    host.waiting = new AbortController();
    wait(new URL(data.url, document.baseURI), host.waiting.signal).then((come) => {
      if (come) setTriggerValue("come", true);
    });
  }
  return stop;
}

/** Whether the step has come; false when the server does not answer or nobody waits any more. */
async function wait(url, signal) {
  try {
    for (;;) {
      const { status } = await fetch(url, { signal });
      if (status !== 204) return status === 200; // 204: not yet, ask again
    }
  } catch {
    return false; // the page's next look notices it too
  }
}
