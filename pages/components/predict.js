// @ts-check
// What a person expects, drawn by hand before it is measured: points over an axis that are dragged
// up and down. A stroke across all of them draws the whole curve; arrow keys move one.

/**
 * @typedef {object} Asked as predict.py makes it
 * @property {boolean} bars
 * @property {string[]} names under the axis
 * @property {number[]} places across, 0 to 1
 * @property {number} low
 * @property {number} high
 * @property {boolean} log
 * @property {[number, string][]} ticks
 * @property {string} across
 * @property {string} up
 */

const PREDICT_BOX = { left: 58, right: 12, top: 10, bottom: 42, height: 300 };
const PREDICT_HIGH = PREDICT_BOX.height - PREDICT_BOX.top - PREDICT_BOX.bottom;
const PREDICT_STEPS = 50; // of the arrow keys over the whole span

/** @param {string} name @param {Record<string, string | number>} attributes @param {string} text */
function predictPiece(name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, `${value}`);
  if (text) element.textContent = text;
  return element;
}

/** A value's share of the span, 0 to 1. @param {Asked} asked @param {number} value */
function shareOfGuess(asked, value) {
  if (!asked.log) return (value - asked.low) / (asked.high - asked.low);
  return Math.log(value / asked.low) / Math.log(asked.high / asked.low);
}

/** The value at a share of the span. @param {Asked} asked @param {number} share */
function guessAt(asked, share) {
  const s = Math.min(1, Math.max(0, share));
  const { low, high } = asked;
  const value = asked.log ? low * (high / low) ** s : low + s * (high - low);
  return Math.min(high, Math.max(low, Number(value.toPrecision(3))));
}

/** The drawing of one prediction, and what is drawn of it. */
class PredictDrawing {
  /**
   * @param {HTMLElement} place @param {Asked} asked @param {(guess: number[]) => void} tell
   */
  constructor(place, asked, tell) {
    this.place = place;
    this.asked = asked;
    this.tell = tell;
    this.drawn = false;
    /** @type {number[]} */
    this.values = asked.places.map(() => guessAt(asked, 0.5));
    this.svg = predictPiece("svg", { role: "group", "aria-label": `Your prediction: ${asked.up}` });
    place.replaceChildren(this.svg);
    this.listen();
    this.observer = new ResizeObserver(() => this.layOut());
    this.observer.observe(place);
    this.layOut();
  }

  /** Everything anew, at the width that there is. */
  layOut() {
    const { left, right, top } = PREDICT_BOX;
    const focused = this.dots?.indexOf(/** @type {any} */ (this.place.getRootNode()).activeElement);
    this.width = Math.max(200, this.place.clientWidth - left - right);
    const parts = [];
    for (const [value, text] of this.asked.ticks) {
      const y = this.y(value);
      const ends = { x1: left, x2: left + this.width, y1: y, y2: y };
      parts.push(predictPiece("line", { class: "pr-grid", ...ends }));
      parts.push(predictPiece("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, text));
    }
    parts.push(...this.names());
    const up = { x: 13, y: top + PREDICT_HIGH / 2, "text-anchor": "middle" };
    const turn = { transform: `rotate(-90 ${up.x} ${up.y})` };
    parts.push(predictPiece("text", { ...up, ...turn }, this.asked.up));
    const across = { x: left + this.width / 2, y: PREDICT_BOX.height - 6, "text-anchor": "middle" };
    parts.push(predictPiece("text", across, this.asked.across));
    this.bars = this.values.map(() => predictPiece("rect", { class: "pr-bar" }));
    this.line = predictPiece("polyline", { class: "pr-line" });
    this.dots = this.values.map((_, i) => this.dot(i));
    parts.push(...(this.asked.bars ? this.bars : [this.line]), ...this.dots);
    this.svg.replaceChildren(...parts);
    this.show();
    if (focused !== undefined && focused >= 0) this.dots[focused].focus();
  }

  /** Names under the axis, those that have room. */
  names() {
    let end = Number.NEGATIVE_INFINITY;
    return this.asked.names.flatMap((name, i) => {
      const half = 3.4 * name.length;
      if (this.x(i) - half < end + 4) return [];
      end = this.x(i) + half;
      const at = { x: this.x(i), y: PREDICT_BOX.top + PREDICT_HIGH + 16, "text-anchor": "middle" };
      return [predictPiece("text", at, name)];
    });
  }

  /** @param {number} i */
  dot(i) {
    const about = { class: "pr-dot", r: 6, tabindex: 0, role: "slider", cx: this.x(i) };
    const dot = predictPiece("circle", { ...about, "aria-label": this.asked.names[i] });
    dot.setAttribute("aria-valuemin", `${this.asked.low}`);
    dot.setAttribute("aria-valuemax", `${this.asked.high}`);
    dot.setAttribute("aria-orientation", "vertical");
    dot.addEventListener("keydown", (event) => this.key(/** @type {KeyboardEvent} */ (event), i));
    return /** @type {SVGElement} */ (dot);
  }

  /** @param {number} i */
  x(i) {
    return PREDICT_BOX.left + this.asked.places[i] * (this.width ?? 0);
  }

  /** @param {number} value */
  y(value) {
    return PREDICT_BOX.top + (1 - shareOfGuess(this.asked, value)) * PREDICT_HIGH;
  }

  /** Put marks where the values are. */
  show() {
    this.place.classList.toggle("pr-undrawn", !this.drawn);
    const points = this.values.map((value, i) => `${this.x(i)},${this.y(value)}`);
    this.line?.setAttribute("points", points.join(" "));
    const wide = (0.6 * (this.width ?? 0)) / this.values.length;
    this.values.forEach((value, i) => {
      const y = this.y(value);
      this.dots?.[i].setAttribute("cy", `${y}`);
      this.dots?.[i].setAttribute("aria-valuenow", `${value}`);
      const bottom = PREDICT_BOX.top + PREDICT_HIGH;
      const box = { x: this.x(i) - wide / 2, y, width: wide, height: Math.max(0, bottom - y) };
      for (const [name, at] of Object.entries(box)) this.bars?.[i].setAttribute(name, `${at}`);
    });
  }

  /** @param {number} i @param {number} value */
  set(i, value) {
    this.values[i] = value;
    this.drawn = true;
    this.show();
  }

  /** @param {KeyboardEvent} event @param {number} i */
  key(event, i) {
    const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const share = shareOfGuess(this.asked, this.values[i]) + step / PREDICT_STEPS;
    this.set(i, guessAt(this.asked, share));
    this.tell([...this.values]);
  }

  /** Whoever drags over points moves them, also those that were passed between two looks. */
  listen() {
    /** @type {{i: number, value: number} | null} */
    let before = null;
    const svg = /** @type {SVGSVGElement} */ (this.svg);
    /** @param {PointerEvent} event */
    const move = (event) => {
      const box = svg.getBoundingClientRect();
      const share = 1 - (event.clientY - box.top - PREDICT_BOX.top) / PREDICT_HIGH;
      const far = this.values.map((_, i) => Math.abs(this.x(i) - (event.clientX - box.left)));
      const i = far.indexOf(Math.min(...far));
      const value = guessAt(this.asked, share);
      if (before && Math.abs(before.i - i) > 1) this.between(before, { i, value });
      this.set(i, value);
      before = { i, value };
    };
    svg.addEventListener("pointerdown", (event) => {
      svg.setPointerCapture(event.pointerId);
      before = null;
      move(event);
    });
    svg.addEventListener("pointermove", (event) => {
      if (svg.hasPointerCapture(event.pointerId)) move(event);
    });
    svg.addEventListener("pointerup", () => this.tell([...this.values]));
  }

  /**
   * The points between two on a straight line.
   * @param {{i: number, value: number}} from @param {{i: number, value: number}} to
   */
  between(from, to) {
    const way = Math.sign(to.i - from.i);
    const [start, end] = [from, to].map(({ value }) => shareOfGuess(this.asked, value));
    for (let i = from.i + way; i !== to.i; i += way) {
      const along = (this.x(i) - this.x(from.i)) / (this.x(to.i) - this.x(from.i));
      this.values[i] = guessAt(this.asked, start + along * (end - start));
    }
  }
}

/** @type {WeakMap<Element, {text: string, drawing: PredictDrawing}>} */
const predictShown = new WeakMap();

/**
 * @param {{data: Asked, parentElement: HTMLElement | ShadowRoot,
 *   setStateValue: (name: string, value: unknown) => void}} given
 */
export default function predict({ data, parentElement, setStateValue }) {
  const place = /** @type {HTMLElement} */ (parentElement.querySelector(".pr-place"));
  const text = JSON.stringify(data);
  const known = predictShown.get(place);
  /** @param {number[]} guess */
  const tell = (guess) => setStateValue("guess", guess);
  if (known?.text === text) {
    known.drawing.tell = tell;
    return;
  }
  known?.drawing.observer.disconnect();
  predictShown.set(place, { text, drawing: new PredictDrawing(place, data, tell) });
}
