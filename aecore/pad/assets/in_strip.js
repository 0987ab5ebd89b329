// @ts-check
// A strip of cards or pictures that is pushed sideways: the chosen one is not out of it.

/**
 * Push a strip until one of its children is in view; the page stays where it is.
 * @param {Element} strip that scrolls
 * @param {Element | null | undefined} chosen
 */
export function bringIntoStrip(strip, chosen) {
  if (!chosen) return;
  const frame = strip.getBoundingClientRect();
  const box = chosen.getBoundingClientRect();
  if (box.left < frame.left || box.right > frame.right)
    strip.scrollLeft += box.left + box.width / 2 - (frame.left + frame.width / 2);
  if (box.top < frame.top || box.bottom > frame.bottom)
    strip.scrollTop += box.top + box.height / 2 - (frame.top + frame.height / 2);
}
