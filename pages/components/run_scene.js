// @ts-check
// Has its part of the page run again when what that depends on changes; shown nowhere.
// Apart from the canvas, so that a new scene does not bring the canvas's code again.

/** @import { RunNews } from "./run_view_types.js" */
/** @typedef {{ run: string, scene: string, polls: boolean }} SceneData */

const PATIENCE_MS = 4000; // until a rerun that was asked for and brought nothing is asked for again

/**
 * @typedef {object} Scene
 * @property {SceneData} data
 * @property {string} asked
 * @property {number} at when
 * @property {(name: string, value: string) => void} send
 * @property {(event: Event) => void} hear
 */

/** @type {WeakMap<Node, Scene>} */
const scenes = new WeakMap();

/**
 * @param {Scene} scene
 * @param {string} name
 * @param {string} value
 */
function askFor(scene, name, value) {
  if (scene.asked === name + value && Date.now() < scene.at + PATIENCE_MS) return;
  scene.asked = name + value;
  scene.at = Date.now();
  scene.send(name, value);
}

/**
 * @param {Scene} scene
 * @param {RunNews} news
 */
function compare(scene, { run, scene: now, stream }) {
  const { data } = scene;
  if (run !== data.run) return;
  if (stream && (stream === "none") !== data.polls) askFor(scene, "stream", stream);
  else if (now && now !== data.scene) askFor(scene, "scene", now);
}

/**
 * The component; Streamlit calls it again whenever data change.
 * @param {{
 *   data: SceneData,
 *   parentElement: Node,
 *   setTriggerValue: (name: string, value: string) => void,
 * }} given
 */
export default function runScene({ data, parentElement, setTriggerValue }) {
  let scene = scenes.get(parentElement);
  if (!scene) {
    const made = {
      data,
      asked: "",
      at: 0,
      send: setTriggerValue,
      hear: (/** @type {Event} */ _) => {},
    };
    made.hear = (event) => compare(made, /** @type {CustomEvent<RunNews>} */ (event).detail);
    document.addEventListener("aecore-run", made.hear);
    scenes.set(parentElement, made);
    scene = made;
  }
  Object.assign(scene, { data, send: setTriggerValue });
  document.dispatchEvent(new CustomEvent("aecore-run-ask")); // what was said before this listened
  const { hear } = scene;
  return () => {
    document.removeEventListener("aecore-run", hear);
    scenes.delete(parentElement);
  };
}
