// @ts-check
// Everything that a pad remembers, in one list.

/** @import { Bundle } from "./bundle.js" */
/** @import { Elements } from "./elements.js" */
/** @import { Network, Options, Send } from "./types.js" */

/**
 * An example: of the map by its index, or a drawing with index -1.
 * @typedef {object} Example
 * @property {number} index
 * @property {Float32Array | null} x null where its image did not travel
 * @property {Float32Array} mu
 * @property {Float32Array | null} [logvar] encoded when it is needed
 */
/** @typedef {{ z: Float32Array, anchor: Example | null }} Place anchor: what z is the code of */
/** @typedef {{ low: number, high: number }} Interval */
/** @typedef {{ index: number, distance: number }} Neighbour */
/**
 * @typedef {object} Frame the model as it was after an epoch
 * @property {Float32Array} codes
 * @property {[number, number][]} spans
 * @property {Float32Array | null} weights
 * @property {boolean} rounded whether they came as whole steps, so that drawings are nearly those
 * @property {Network} [network]
 */
/**
 * @typedef {object} Slider
 * @property {number} dimension
 * @property {HTMLElement} row
 * @property {HTMLInputElement} input
 * @property {HTMLOutputElement} output
 * @property {HTMLCanvasElement} strip
 * @property {number} low
 * @property {number} high
 */
/** @typedef {{ slider: Slider, cell: number }} StripCell one decoding of a slider's filmstrip */
/** @typedef {{ x: number, y: number }} Point */
/** @typedef {Point & { far: boolean, pan: boolean }} Gesture where it began, and what it became */
/** @typedef {{ from: Float32Array, to: Float32Array, start: number }} Glide points on their way */
/** @typedef {{ stops: Float32Array[], since: number | null }} Walk on its way by itself */
/**
 * @typedef {object} Plane what is decoded all over the map
 * @property {string} key what it is a plane of
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLCanvasElement} cell on which each is painted first
 * @property {Interval[]} view of the map that it covers
 * @property {number} columns
 * @property {number} rows
 * @property {number} next the cell to draw
 */
/** @typedef {{ shown: Plane | null, coming: Plane | null, key: string, since: number }} Planes */
/** @typedef {{ at: number, index: number }} Film when the shown epoch began, and which it is */

/**
 * @typedef {object} Pad
 * @property {HTMLElement} root
 * @property {Elements} elements
 * @property {CSSStyleDeclaration} style
 *
 * What is shown:
 * @property {Bundle} bundle
 * @property {Options} options
 * @property {Network | null} newest the network of the newest weights
 * @property {Network | null} network the one that decodes now
 * @property {Float32Array} codes of the points now
 * @property {string} problem what a person is told of the newest weights, or nothing
 * @property {Map<number, Frame>} frames past epochs that are at hand
 * @property {number | null} epoch the past one that is shown; null follows the newest
 *
 * Where a hand is:
 * @property {Float32Array} z the chosen code
 * @property {Example | null} anchor the example that z is the code of
 * @property {Float32Array | null} hover the code under the pointer
 * @property {Neighbour | null} near the real example nearest to what is decoded
 * @property {Place[]} undos
 * @property {Place[]} pins
 * @property {string | undefined} begun the point that the page said to begin at
 *
 * The map:
 * @property {[number, number]} axes the dimensions across and up; -1 where there is none
 * @property {Interval[]} view along the two axes
 * @property {boolean} userView whether a person chose it
 * @property {number} width in CSS pixels; 0 until the map has a place
 * @property {number} height
 * @property {Float32Array} positions of the points, two numbers each
 * @property {Glide | null} glide
 * @property {boolean} thumbnails whether points are drawn as images
 * @property {Map<number, HTMLCanvasElement>} thumbs
 * @property {Planes} planes what lies beneath these, faint
 *
 * Hands on the map:
 * @property {Walk | null} walk
 * @property {boolean} touched whether anybody has touched the pad
 * @property {string} told the code that the page's other parts were told last
 * @property {Map<number, Point>} pointers those that press
 * @property {Gesture} gesture
 * @property {boolean} awaitingDrag whether the next drag becomes a journey
 * @property {Float32Array[] | null} recording that drag
 *
 * Panels:
 * @property {string[] | null} panels those offered; null before the first bundle is shown
 * @property {string} tab the one that is open
 * @property {Map<number, Slider>} sliders by dimension
 * @property {string} sliderOrder the dimensions that they were made for
 * @property {string} stripKey the code that the filmstrips are drawn for; "" draws them anew
 * @property {number | null} stripsAt when to draw them
 * @property {StripCell[] | null} stripQueue what is left to draw
 * @property {[number, number] | null} penAt where the pen on the paper is
 * @property {boolean} drawingChanged whether the paper is to be encoded at the next frame
 * @property {string} drawHint
 * @property {boolean} pinsChanged whether their buttons are to be made anew
 * @property {Float32Array[] | null} path the codes of a journey
 * @property {string} pathText
 * @property {boolean} playing
 * @property {number | null} playingSince
 * @property {Film | null} film
 *
 * The server:
 * @property {Send | undefined} send
 * @property {string} asked the token of the last question
 * @property {Float32Array | null} answer what the server decoded for z
 * @property {boolean} lost whether no answer came
 * @property {number | undefined} waiting timer of the look whether the server is there
 * @property {number | undefined} talking timer of passing news
 *
 * The next frame:
 * @property {number | null} pending
 * @property {boolean} stale whether the points are to be drawn anew
 * @property {string} ink the colour of text, light or dark
 * @property {(now: number) => void} drawFrame
 */

/**
 * A pad before anything was chosen in it.
 * @param {HTMLElement} root
 * @param {Elements} elements
 * @param {Bundle} bundle
 * @param {Options} options
 * @param {(pad: Pad, now: number) => void} drawFrame
 * @returns {Pad}
 */
export function createState(root, elements, bundle, options, drawFrame) {
  /** @type {Pad} */
  const pad = {
    root,
    elements,
    style: getComputedStyle(root),

    bundle,
    options,
    newest: null,
    network: null,
    codes: bundle.arrays.codes,
    problem: "",
    frames: new Map(),
    epoch: null,

    z: bundle.mean.slice(),
    anchor: null,
    hover: null,
    near: null,
    undos: [],
    pins: [],
    begun: undefined,

    axes: firstAxes(bundle),
    view: [],
    userView: false,
    width: 0,
    height: 0,
    positions: new Float32Array(),
    glide: null,
    thumbnails: Boolean(options.pictures),
    thumbs: new Map(),
    planes: { shown: null, coming: null, key: "", since: 0 },

    walk: null,
    touched: false,
    told: "",
    pointers: new Map(),
    gesture: { x: 0, y: 0, far: false, pan: false },
    awaitingDrag: false,
    recording: null,

    panels: null,
    tab: "",
    sliders: new Map(),
    sliderOrder: "",
    stripKey: "",
    stripsAt: null,
    stripQueue: null,
    penAt: null,
    drawingChanged: false,
    drawHint: elements.drawText.textContent ?? "",
    pinsChanged: true,
    path: null,
    pathText: "",
    playing: false,
    playingSince: null,
    film: null,

    send: undefined,
    asked: "",
    answer: null,
    lost: false,
    waiting: undefined,
    talking: undefined,

    pending: null,
    stale: true,
    ink: "",
    drawFrame: (now) => drawFrame(pad, now),
  };
  return pad;
}

/**
 * The two most informative dimensions, in their order.
 * @param {Bundle} bundle
 * @returns {[number, number]}
 */
export function firstAxes({ meta, latentDim }) {
  if (latentDim === 1) return [0, -1];
  const [one, other] = meta.dimensions.slice(0, 2).map(({ index }) => index);
  return [Math.min(one, other), Math.max(one, other)];
}

/**
 * The code of example i of the map, as the shown epoch encodes it.
 * @param {Pad} pad
 * @param {number} i
 */
export function codeOf({ codes, bundle: { latentDim } }, i) {
  return codes.slice(i * latentDim, (i + 1) * latentDim);
}

/**
 * Draw what changed, at the next frame.
 * @param {Pad} pad
 */
export function show(pad) {
  pad.pending ??= requestAnimationFrame((now) => {
    pad.pending = null;
    if (pad.root.isConnected) pad.drawFrame(now);
  });
}

/**
 * A number as the pad writes it.
 * @param {number} value
 */
export const shownNumber = (value) =>
  (Math.abs(value) < 0.005 ? "0.00" : value.toFixed(2)).replace("-", "\u2212");
