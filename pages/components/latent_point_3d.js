// @ts-check
// Tells Python which point of a 3-D Plotly chart was clicked; Streamlit itself reports 2-D only.
// The chart may come later than this component and is made anew at times: it is looked for again.

/**
 * @typedef {HTMLElement & {
 *   on?: (name: string, act: (event: PlotlyClick) => void) => void,
 *   removeListener?: (name: string, act: (event: PlotlyClick) => void) => void,
 * }} PlotlyChart
 */
/** @typedef {{ points: { customdata?: unknown }[] }} PlotlyClick */
/** @typedef {EventTarget & { stop?: () => void }} Host the element that the component lies in */
/**
 * @typedef {object} PointArguments
 * @property {{ chart: string }} data the chart's key
 * @property {Element | ShadowRoot} parentElement
 * @property {(name: "point", index: number) => void} setTriggerValue
 */

const LOOK_EVERY = 300; // milliseconds

/** @param {PointArguments} given */
export default function latentPoint3d({ data, parentElement, setTriggerValue }) {
  /** @type {Host} */
  const host = parentElement instanceof ShadowRoot ? parentElement.host : parentElement;
  /** @type {PlotlyChart | null} */
  let chart = null;
  /** @param {PlotlyClick} event */
  const clicked = ({ points: [point] }) => {
    const index = Array.isArray(point?.customdata) ? point.customdata[0] : point?.customdata;
    if (Number.isInteger(index)) setTriggerValue("point", index);
  };
  const attach = () => {
    const selector = `.st-key-${CSS.escape(data.chart)} .js-plotly-plot`;
    /** @type {PlotlyChart | null} */
    const found = document.querySelector(selector);
    if (found === chart || (found && !found.on)) return; // not drawn yet: come again
    chart?.removeListener?.("plotly_click", clicked);
    chart = found;
    chart?.on?.("plotly_click", clicked);
  };
  host.stop?.(); // called again with other data
  const timer = setInterval(attach, LOOK_EVERY);
  host.stop = () => {
    clearInterval(timer);
    chart?.removeListener?.("plotly_click", clicked);
  };
  attach();
  return () => host.stop?.();
}
