// @ts-check
// Reads a run's stream, line by line, and comes back where it was when it breaks.

/** @import { RunLine } from "./run_view_types.js" */
/**
 * @typedef {object} Heard
 * @property {(line: RunLine) => void} line something new
 * @property {(reaches: boolean) => void} reach whether the stream gets here, when that changes
 */

const SILENT_MS = 25_000; // without a sign of life; the server gives one each ten seconds
const FIRST_MS = 6000; // until its first, which it gives at once
const CHECK_MS = 1000;
const WAITS_MS = [300, 1000, 3000, 5000]; // before it is asked for again
const HIDDEN_MS = 8000; // out of sight until it is left: nobody looks
const FAILURES = 2; // one after another, until it is said not to reach this browser

/**
 * Follow a run until it is over; returns how to leave it.
 * @param {string} address from the app's own
 * @param {Heard} heard
 */
export function followRun(address, heard) {
  let left = false;
  let after = "";
  let failures = 0;
  /** @type {AbortController | null} */
  let reading = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding;

  const seen = () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(() => reading?.abort(), HIDDEN_MS);
  };
  document.addEventListener("visibilitychange", seen);

  const follow = async () => {
    while (!left) {
      while (document.hidden && !left) await signal(60_000);
      if (left) return;
      reading = new AbortController();
      try {
        const url = new URL(address, document.baseURI);
        if (after) url.searchParams.set("after", after);
        for await (const text of linesOf(url, reading)) {
          if (left) return;
          failures = 0;
          heard.reach(true);
          if (!text) continue;
          /** @type {RunLine} */
          const line = JSON.parse(text);
          after = line.after;
          heard.line(line);
          if (line.end) return;
        }
      } catch {
        // Refused, broken, silent or out of sight: asked for again below.
        if (!left && !document.hidden) failures += 1;
      }
      if (failures >= FAILURES && !left) heard.reach(false);
      await signal(WAITS_MS[Math.min(failures, WAITS_MS.length - 1)]);
    }
  };
  follow();
  return () => {
    left = true;
    clearTimeout(hiding);
    document.removeEventListener("visibilitychange", seen);
    reading?.abort();
  };
}

/**
 * The lines of an answer as they come. Throws where there is none, or no sign of life any more.
 * @param {URL} url
 * @param {AbortController} control
 */
async function* linesOf(url, control) {
  let due = Date.now() + FIRST_MS;
  // By the clock on the wall: a computer that slept notices at once, whatever its timers did.
  const watch = setInterval(() => Date.now() > due && control.abort(), CHECK_MS);
  try {
    const answer = await fetch(url, { signal: control.signal, cache: "no-store" });
    if (!answer.ok || !answer.body) throw new Error(`the stream answers ${answer.status}`);
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      due = Date.now() + SILENT_MS;
      const texts = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = texts.pop() ?? "";
      yield* texts;
    }
  } finally {
    clearInterval(watch);
    control.abort(); // also where the reader stops in between
  }
}

/**
 * Until some time has passed, or the page comes into sight or the network back.
 * @param {number} milliseconds
 */
function signal(milliseconds) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", go);
      removeEventListener("online", go);
      resolve(undefined);
    };
    const timer = setTimeout(go, milliseconds);
    document.addEventListener("visibilitychange", go);
    addEventListener("online", go);
  });
}
