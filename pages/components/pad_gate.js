// @ts-check
// Asks for the pad when somebody comes to its place, and for a newer one after a while; shown
// nowhere, it stands where the pad begins.

/** @import { RunNews } from "./run_view_types.js" */
/**
 * @typedef {object} GateData
 * @property {string} run
 * @property {number} shown counts the checkpoints up to the pad's; 0 without a pad
 * @property {number} saved and up to the newest, when the page ran
 * @property {number} wait seconds from one pad to the next
 * @property {number} preparing a newer one is being made, as this moment says; else 0
 */
/**
 * @typedef {object} Gate
 * @property {GateData} data
 * @property {number} saved
 * @property {boolean} reached
 * @property {number} next when a newer pad may be asked for
 * @property {ReturnType<typeof setTimeout> | undefined} timer
 * @property {(name: string, value: number) => void} send
 * @property {() => void} close
 */

const MADE_MS = 600; // until one that is being made is asked for again
const IN_SIGHT = "0px 0px -80px 0px"; // a stage that just fits leaves a line of it at the bottom
const AGAIN_MS = 20_000; // until a pad that was asked for and did not come is asked for again

/** @type {WeakMap<Node, Gate>} */
const gates = new WeakMap();

/** @param {Gate} gate */
function consider(gate) {
  clearTimeout(gate.timer);
  if (!gate.reached || document.hidden || gate.saved <= gate.data.shown) return;
  const left = gate.next - Date.now();
  if (left > 0) {
    gate.timer = setTimeout(consider, left, gate);
    return;
  }
  gate.next = Date.now() + AGAIN_MS;
  gate.send("wanted", gate.saved);
}

/**
 * @param {Element} place
 * @param {GateData} data
 * @returns {Gate}
 */
function openGate(place, data) {
  /** @type {Gate} */
  const gate = {
    data,
    saved: 0,
    reached: false,
    next: 0,
    timer: undefined,
    send: () => {},
    close: () => {},
  };
  // Whoever has scrolled past it has reached it: the pad is beneath.
  const observer = new IntersectionObserver(
    ([entry]) => {
      gate.reached = entry.isIntersecting || entry.boundingClientRect.top < 0;
      consider(gate);
    },
    { rootMargin: IN_SIGHT },
  );
  const hear = (/** @type {Event} */ event) => {
    const { run, saved } = /** @type {CustomEvent<RunNews>} */ (event).detail;
    if (run !== gate.data.run || !saved) return;
    gate.saved = saved;
    consider(gate);
  };
  const seen = () => consider(gate);
  observer.observe(place);
  document.addEventListener("aecore-run", hear);
  document.addEventListener("visibilitychange", seen);
  gate.close = () => {
    clearTimeout(gate.timer);
    observer.disconnect();
    document.removeEventListener("aecore-run", hear);
    document.removeEventListener("visibilitychange", seen);
  };
  return gate;
}

/**
 * The component; Streamlit calls it again whenever data change.
 * @param {{
 *   data: GateData,
 *   parentElement: ParentNode & Node,
 *   setTriggerValue: (name: string, value: number) => void,
 * }} given
 */
export default function padGate({ data, parentElement, setTriggerValue }) {
  const place = parentElement.querySelector(".gate");
  if (!place) throw new Error("The gate's markup is missing.");
  const gate = gates.get(parentElement) ?? openGate(place, data);
  gates.set(parentElement, gate);
  if (data.run !== gate.data.run) gate.saved = 0;
  if (data.shown !== gate.data.shown || data.run !== gate.data.run) {
    gate.next = Date.now() + 1000 * data.wait;
  }
  if (data.preparing) gate.next = Date.now() + MADE_MS;
  gate.data = data;
  gate.saved = Math.max(gate.saved, data.saved);
  gate.send = setTriggerValue;
  document.dispatchEvent(new CustomEvent("aecore-run-ask"));
  consider(gate);
  return () => {
    gate.close();
    gates.delete(parentElement);
  };
}
