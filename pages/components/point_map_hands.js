// @ts-check
// Mouse, pen, fingers and keys on the map.

import { exampleNear, panBy, wholeView, zoomBy } from "./point_map_camera.js";

/** @import { Place, PointMap } from "./point_map_types.js" */

const CLICK_REACH = 6; // pixels that a hand may slip in a click
const [MOUSE_REACH, FINGER_REACH] = [12, 24]; // pixels from a pointer to a point
const LOOP_STEP = 4; // pixels from one corner of a lasso to the next

/**
 * What the map does with a hand's wishes.
 * @typedef {object} Deeds
 * @property {() => void} moved the view is another
 * @property {(example: number) => void} point at an example, -1 for none
 * @property {(example: number) => void} choose one, -1 for none
 * @property {() => void} looped a lasso is closed, or one is to be forgotten
 * @property {() => void} show what changed
 */

/**
 * @param {PointMap} map
 * @param {Deeds} deeds
 */
export function listenToHands(map, deeds) {
  const { over } = map.parts;
  over.onpointerdown = (event) => press(map, event);
  over.onpointermove = (event) => move(map, event, deeds);
  over.onpointerup = (event) => release(map, event, deeds);
  over.onpointercancel = (event) => release(map, event, deeds);
  over.onpointerleave = ({ pointerId }) => {
    if (!map.pointers.has(pointerId)) deeds.point(-1);
  };
  over.onwheel = (event) => {
    event.preventDefault();
    const speed = event.ctrlKey ? 0.01 : 0.0016;
    zoomBy(map, Math.exp(-event.deltaY * speed), { x: event.offsetX, y: event.offsetY });
    deeds.moved();
  };
  over.onkeydown = (event) => pressKey(map, event, deeds);
  over.onfocus = over.onblur = deeds.show;
}

/**
 * @param {PointMap} map
 * @param {PointerEvent} event
 */
function press(map, event) {
  const { pointerId, offsetX: x, offsetY: y, shiftKey } = event;
  map.parts.over.setPointerCapture(pointerId);
  map.pointers.set(pointerId, { x, y });
  map.press = { place: { x, y }, far: map.pointers.size > 1 };
  map.loop = (map.lassoing || shiftKey) && map.pointers.size === 1 ? [{ x, y }] : null;
}

/**
 * @param {PointMap} map
 * @param {PointerEvent} event
 * @param {Deeds} deeds
 */
function move(map, { pointerId, offsetX: x, offsetY: y, pointerType }, deeds) {
  const last = map.pointers.get(pointerId);
  if (!last) {
    const reach = pointerType === "mouse" ? MOUSE_REACH : FINGER_REACH;
    deeds.point(exampleNearHand(map, { x, y }, reach));
    return;
  }
  const { press: began } = map;
  if (began && Math.hypot(x - began.place.x, y - began.place.y) > CLICK_REACH) began.far = true;
  const other = [...map.pointers].find(([id]) => id !== pointerId)?.[1];
  map.pointers.set(pointerId, { x, y });
  if (other) {
    map.loop = null;
    pinch(map, last, { x, y }, other);
    deeds.moved();
  } else if (map.loop) {
    const corner = map.loop[map.loop.length - 1];
    if (Math.hypot(x - corner.x, y - corner.y) >= LOOP_STEP) map.loop.push({ x, y });
    deeds.point(-1);
  } else if (began?.far) {
    panBy(map, x - last.x, y - last.y);
    deeds.moved();
  }
}

/**
 * One with a picture within reach, else any.
 * @param {PointMap} map
 * @param {Place} place
 * @param {number} reach
 */
function exampleNearHand(map, place, reach) {
  const pictured = exampleNear(map, place, true, reach);
  return pictured >= 0 ? pictured : exampleNear(map, place, false, reach);
}

/**
 * Two fingers: the map goes along and grows with the distance between them.
 * @param {PointMap} map
 * @param {Place} last where the finger was
 * @param {Place} now
 * @param {Place} other finger
 */
function pinch(map, last, now, other) {
  /** @param {Place} place */
  const spread = (place) => Math.max(20, Math.hypot(place.x - other.x, place.y - other.y));
  zoomBy(map, spread(now) / spread(last), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  panBy(map, (now.x - last.x) / 2, (now.y - last.y) / 2);
}

/**
 * @param {PointMap} map
 * @param {PointerEvent} event
 * @param {Deeds} deeds
 */
function release(map, { pointerId, offsetX: x, offsetY: y, pointerType, type }, deeds) {
  const pressed = map.pointers.delete(pointerId) && type === "pointerup";
  const { press: began, loop } = map;
  if (!pressed || !began) {
    map.loop = null;
  } else if (!began.far && !map.pointers.size) {
    map.loop = null;
    const reach = pointerType === "mouse" ? MOUSE_REACH : FINGER_REACH;
    deeds.choose(exampleNearHand(map, { x, y }, reach));
  } else if (loop) {
    deeds.looped();
  }
  map.loop = null;
  deeds.show();
}

/** @type {Record<string, [number, number]>} */
const panKeys = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/**
 * @param {PointMap} map
 * @param {KeyboardEvent} event
 * @param {Deeds} deeds
 */
function pressKey(map, event, deeds) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const way = panKeys[event.key];
  const middle = { x: map.width / 2, y: map.height / 2 };
  if (way) {
    panBy(map, way[0] * 40, way[1] * 40);
  } else if (event.key === "+" || event.key === "=") {
    zoomBy(map, 1.25);
  } else if (event.key === "-") {
    zoomBy(map, 0.8);
  } else if (event.key === "0" || event.key === "Home") {
    map.camera = wholeView();
  } else if (event.key === "Enter") {
    deeds.choose(exampleNearHand(map, middle, 60));
  } else if (event.key === "Escape") {
    map.loop = null;
    deeds.looped();
    deeds.choose(-1);
  } else {
    return;
  }
  event.preventDefault();
  deeds.moved();
  deeds.point(exampleNearHand(map, middle, 30));
}
