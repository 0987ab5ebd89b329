// @ts-check
// Mouse, pen and fingers on the map.

import { choose, chooseImage } from "./choice.js";
import { setPath } from "./journeys.js";
import { codeAt, exampleAt, pan, zoom } from "./map_view.js";
import { play } from "./playing.js";
import { show } from "./state.js";
import { touched } from "./walk.js";

/** @import { Pad, Point } from "./state.js" */

const CLICK_REACH = 6; // pixels that a hand may slip in a click

/** @param {Pad} pad */
export function listenToPointers(pad) {
  const { overlay } = pad.elements;
  /** @type {(act: (pad: Pad, event: PointerEvent) => void) => (event: PointerEvent) => void} */
  const seen = (act) => (event) => {
    if (!pad.width) return;
    touched(pad);
    act(pad, event);
  };
  overlay.onpointerdown = seen(press);
  overlay.onpointermove = seen(move);
  overlay.onpointerup = seen(release);
  overlay.onpointercancel = seen(release);
  overlay.onpointerleave = seen(leave);
  overlay.oncontextmenu = () => false;
  overlay.onwheel = (event) => {
    event.preventDefault();
    const speed = event.ctrlKey ? 0.01 : 0.0016;
    zoom(pad, Math.exp(-event.deltaY * speed), event.offsetX, event.offsetY);
  };
}

/**
 * @param {Pad} pad
 * @param {PointerEvent} event
 */
function press(pad, event) {
  const { pointerId, offsetX: x, offsetY: y, button, shiftKey } = event;
  pad.elements.overlay.setPointerCapture(pointerId);
  pad.pointers.set(pointerId, { x, y });
  pad.gesture = { x, y, far: pad.pointers.size > 1, pan: button > 0 || shiftKey };
  if (pad.awaitingDrag && !pad.gesture.pan) pad.recording = [];
  if (pad.playing) play(pad, false);
  move(pad, event);
}

/**
 * @param {Pad} pad
 * @param {PointerEvent} event
 */
function move(pad, { pointerId, offsetX: x, offsetY: y }) {
  const { gesture, pointers } = pad;
  const last = pointers.get(pointerId);
  const other = [...pointers].find(([id]) => id !== pointerId)?.[1];
  if (last && Math.hypot(x - gesture.x, y - gesture.y) > CLICK_REACH) gesture.far = true;
  if (last && other) {
    pinch(pad, last, { x, y }, other);
  } else if (last && gesture.pan) {
    pad.hover = null;
    pan(pad, x - last.x, y - last.y);
  } else if (!pad.playing) {
    pad.hover = codeAt(pad, x, y);
    pad.recording?.push(pad.hover);
    show(pad);
  }
  if (last) pointers.set(pointerId, { x, y });
}

/**
 * Two fingers: the map goes along and grows with the distance between them.
 * @param {Pad} pad
 * @param {Point} last where the finger was
 * @param {Point} now
 * @param {Point} other finger
 */
function pinch(pad, last, now, other) {
  /** @param {Point} point */
  const spread = (point) => Math.max(20, Math.hypot(point.x - other.x, point.y - other.y));
  pad.hover = null;
  pad.recording = null;
  zoom(pad, spread(now) / spread(last), (now.x + other.x) / 2, (now.y + other.y) / 2);
  pan(pad, (now.x - last.x) / 2, (now.y - last.y) / 2);
}

/**
 * @param {Pad} pad
 * @param {PointerEvent} event
 */
function release(pad, { pointerId, offsetX: x, offsetY: y, pointerType, type }) {
  const { recording: drag, gesture } = pad;
  const pressed = pad.pointers.delete(pointerId) && type === "pointerup";
  if (drag && drag.length > 1) {
    setPath(pad, (share) => drag[Math.round(share * (drag.length - 1))], "A recorded drag");
    awaitDrag(pad, false);
  } else if (pressed && !gesture.pan && !pad.pointers.size) {
    const hit = gesture.far ? -1 : exampleAt(pad, x, y);
    if (hit >= 0) chooseImage(pad, hit);
    else if (!gesture.far) choose(pad, codeAt(pad, x, y));
    // Where a drag ends, the point stays; after two fingers, which moved the map, there is none.
    else if (pad.hover) choose(pad, pad.hover, null, false);
  }
  if (pointerType !== "mouse") pad.hover = null;
  pad.recording = null;
  show(pad);
}

/**
 * @param {Pad} pad
 * @param {PointerEvent} event
 */
function leave(pad, { pointerId }) {
  if (pad.pointers.has(pointerId) || pad.playing) return;
  pad.hover = null;
  show(pad);
}

/**
 * Whether the next drag becomes a journey.
 * @param {Pad} pad
 * @param {boolean} on
 */
export function awaitDrag(pad, on) {
  pad.awaitingDrag = on;
  pad.elements.path.ariaPressed = String(on);
}
