// @ts-check
// The chosen preset is in view among the others, in the list and, on a phone, in the strip.

import { bringIntoStrip } from "../../aecore/pad/assets/elements.js";

const SOON = 100; // milliseconds between two looks for Streamlit's radio

/**
 * Streamlit calls it again whenever another one is chosen, at first before the radio is there.
 * @param {{ data: { chosen: string } }} given
 */
export default function presetStrip({ data }) {
  const laidOut = new ResizeObserver(() => {
    const list = document.querySelector(".st-key-presets");
    const strip = list?.querySelector("[role=radiogroup]");
    const chosen = strip?.querySelector(":checked")?.closest("[role=radiogroup] > div");
    for (const scrolls of [list, strip]) if (scrolls) bringIntoStrip(scrolls, chosen);
  });
  const look = () => {
    const chosen = document.querySelector(".st-key-presets [role=radiogroup] :checked");
    const card = chosen?.closest("[role=radiogroup] > div");
    // It is told of the first size too, and when the page's style makes a strip of the list.
    if (card) laidOut.observe(card);
    else timer = setTimeout(look, SOON);
  };
  let timer = data.chosen ? setTimeout(look) : undefined;
  return () => {
    clearTimeout(timer);
    laidOut.disconnect();
  };
}
