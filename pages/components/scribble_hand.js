// @ts-check
// What a hand does to the example: which one, which pen, strokes, a block, noise.

import { make, paint } from "../../aecore/pad/assets/pictures.js";
import { strokeTo } from "../../aecore/pad/assets/strokes.js";
import { hideBlock, undamaged } from "./scribble_damage.js";
import { damaged, layInk, soon } from "./scribble_mending.js";

/** @import { PenName } from "./scribble_damage.js" */
/** @import { Scribble, ScribbleRoot } from "./scribble_types.js" */

const THIN = 0.045; // of the example's side
const THICK = 0.12;
const BLOCK = 0.36; // of the shorter side

/** @param {Scribble} scribble */
export function buildExamples(scribble) {
  const { parts, meta, examples } = scribble;
  const buttons = meta.captions.map((caption, i) => {
    const [button, canvas] = [make("button"), make("canvas")];
    paint(canvas, examples[i], meta.layout);
    button.role = "option";
    button.ariaLabel = caption;
    button.append(canvas);
    button.onclick = () => chooseExample(scribble, i);
    return button;
  });
  parts.strip.replaceChildren(...buttons);
  /** @param {number} step */
  const go = (step) =>
    chooseExample(scribble, (scribble.example + step + buttons.length) % buttons.length);
  parts.before.onclick = () => go(-1);
  parts.after.onclick = () => go(1);
  parts.strip.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    go(step);
    buttons[scribble.example].focus();
  };
}

/**
 * @param {Scribble} scribble
 * @param {number} example
 */
export function chooseExample(scribble, example) {
  const { parts, examples, meta } = scribble;
  scribble.example = example;
  scribble.damage = undamaged(examples[example], scribble.damage.sigma);
  for (const [i, button] of [...parts.strip.children].entries()) {
    button.ariaSelected = String(i === example);
    button.tabIndex = i === example ? 0 : -1;
  }
  const chosen = parts.strip.children[example];
  parts.strip.scrollLeft = chosen.offsetLeft - (parts.strip.clientWidth - chosen.clientWidth) / 2;
  parts.paper.ariaLabel = `${meta.captions[example]}: draw over it with mouse, pen or finger`;
  damaged(scribble);
}

/**
 * @param {ScribbleRoot} root
 * @param {Scribble} scribble
 */
export function listenToTools(root, scribble) {
  const { parts, meta } = scribble;
  const pens = /** @type {HTMLButtonElement[]} */ ([...root.querySelectorAll("[role=radio]")]);
  /** @param {HTMLButtonElement} chosen */
  const choosePen = (chosen) => {
    scribble.pen = /** @type {PenName} */ (chosen.name);
    for (const one of pens) {
      one.ariaChecked = String(one === chosen);
      one.tabIndex = one === chosen ? 0 : -1;
    }
  };
  for (const one of pens) one.onclick = () => choosePen(one);
  parts.pens.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const now = pens.findIndex(({ name }) => name === scribble.pen);
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step || !pens.includes(/** @type {any} */ (event.target))) return;
    event.preventDefault();
    const next = pens[(now + step + pens.length) % pens.length];
    choosePen(next);
    next.focus();
  };
  choosePen(pens[0]);
  parts.thick.onclick = () => {
    scribble.thick = !scribble.thick;
    parts.thick.ariaPressed = String(scribble.thick);
  };
  parts.block.onclick = () => {
    const { W: width, H: height } = meta.layout;
    const side = Math.max(1, Math.round(BLOCK * Math.min(width, height)));
    // As mending.py has it: most examples have nothing at their edges.
    const at = (/** @type {number} */ n) =>
      Math.floor((n - side) / 4) + Math.floor(Math.random() * ((n - side) / 2 + 1));
    hideBlock(scribble.damage, width, side, at(height), at(width));
    damaged(scribble);
  };
  parts.turns.onclick = () => {
    scribble.byTurns = !scribble.byTurns;
    parts.turns.ariaPressed = String(scribble.byTurns);
    damaged(scribble);
  };
  parts.clean.onclick = () => {
    parts.noise.value = "0";
    scribble.damage.sigma = 0;
    chooseExample(scribble, scribble.example);
  };
  parts.noise.oninput = () => {
    scribble.damage.sigma = Number(parts.noise.value) / 100;
    soon(scribble);
  };
  parts.noise.onchange = () => damaged(scribble);
  parts.paper.onpointerdown = (/** @type {PointerEvent} */ event) => scrawl(scribble, event);
  parts.paper.onpointermove = (/** @type {PointerEvent} */ event) => scrawl(scribble, event);
  parts.paper.onpointerup = () => letGo(scribble);
  parts.paper.onpointercancel = () => letGo(scribble);
}

/**
 * @param {Scribble} scribble
 * @param {PointerEvent} event
 */
function scrawl(scribble, event) {
  const { ink, parts, damage, thick } = scribble;
  const { width, height } = ink.canvas;
  if (event.type === "pointerdown") {
    ink.clearRect(0, 0, width, height);
    const { drawn, hole } = damage;
    scribble.before = { ...damage, drawn: drawn.slice(), hole: hole.slice() };
  }
  const wide = (thick ? THICK : THIN) * Math.min(width, height);
  const at = strokeTo(ink, event, parts.paper, scribble.penAt, wide);
  if (!at) return;
  scribble.penAt = at;
  soon(scribble);
}

/** @param {Scribble} scribble */
function letGo(scribble) {
  if (!scribble.penAt) return;
  layInk(scribble);
  scribble.penAt = null;
  damaged(scribble);
}
