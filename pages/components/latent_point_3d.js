/**
 * Tell Python which point of a 3-D Plotly chart was clicked; Streamlit itself reports 2-D only.
 * The chart may come later than this component and is made anew at times, so it is looked for again.
 */
export default function latentPoint3d({ data, parentElement, setTriggerValue }) {
  const host = parentElement.host ?? parentElement;
  let chart = null;
  const clicked = ({ points: [point] }) => {
    const index = Array.isArray(point?.customdata) ? point.customdata[0] : point?.customdata;
    if (Number.isInteger(index)) setTriggerValue("point", index);
  };
  const attach = () => {
    const found = document.querySelector(`.st-key-${CSS.escape(data.chart)} .js-plotly-plot`);
    if (found === chart || (found && !found.on)) return; // not drawn yet: come again
    chart?.removeListener?.("plotly_click", clicked);
    chart = found;
    chart?.on("plotly_click", clicked);
  };
  host.stop?.(); // called again with other data
  const timer = setInterval(attach, 300);
  host.stop = () => {
    clearInterval(timer);
    chart?.removeListener?.("plotly_click", clicked);
  };
  attach();
  return () => host.stop?.();
}
