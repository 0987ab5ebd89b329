// @ts-check
// What crosses between Python and the map of points, and between its modules. No code.

/** @import { Layout } from "../../aecore/pad/assets/types.js" */

/** @typedef {{ name: string, color: string }} PointClass */
/**
 * What pages/components/point_map.py says beside its arrays.
 * @typedef {object} MapMeta
 * @property {string} id changes with the content
 * @property {string} key what the map shows of which model: another one is seen whole at first
 * @property {number} points
 * @property {[string, string]} titles of the two layouts: PCA's, the model's
 * @property {[[string, string], [string, string]]} axes across and up, PCA's and the model's
 * @property {PointClass[]} classes
 * @property {string} thing "image" or "example"
 * @property {number} heldOut how many of the first points are held out; the others are training's
 * @property {Layout} layout how an example is drawn
 * @property {[number, number]} range of its values
 * @property {number} size of x
 * @property {number} images how many of the first points have one
 * @property {number} neighbours how many each of those knows
 * @property {number} height of the map, in CSS pixels
 * @property {"" | "raster" | "gl"} renderer the one that a measurement wants
 */
/**
 * @typedef {object} MapArrays
 * @property {Int16Array} pca
 * @property {Int16Array} model
 * @property {Int16Array} [labels] -1 for none
 * @property {Uint8Array} [images]
 * @property {Float32Array} [neighbours] whole numbers
 */
/**
 * The points in the random order in which they are drawn: a slot each.
 * @typedef {object} Cloud
 * @property {MapMeta} meta
 * @property {number} n
 * @property {Int16Array} pca two numbers a slot, UNIT at the map's edge
 * @property {Int16Array} model
 * @property {Int16Array} classes of each slot; 0 for none, else one more than its class
 * @property {Uint8Array} states of each slot, as in STATES
 * @property {Int32Array} order slot -> example
 * @property {Int32Array} slots example -> slot
 * @property {Uint8Array} images
 * @property {Int32Array} neighbours examples
 * @property {boolean[]} hidden by class, as in `classes`
 * @property {Int32Array | null} caught examples within the lasso
 */
/**
 * What part of the map is seen: its middle, in map units (-1 to 1 is everything), and how large.
 * @typedef {{ x: number, y: number, zoom: number }} Camera
 */
/** @typedef {{ x: number, y: number }} Place in CSS pixels */
/**
 * From map units to pixels: px = u * across + left, py = v * up + top (up is negative).
 * @typedef {{ across: number, up: number, left: number, top: number }} Projection
 */
/**
 * @typedef {object} Renderer
 * @property {string} name
 * @property {HTMLCanvasElement} canvas
 * @property {CanvasRenderingContext2D | null} context of the canvas, where lines can be drawn on it
 * @property {number} cost milliseconds that the last whole drawing took
 * @property {(width: number, height: number, ratio: number) => void} resize
 * @property {(cloud: Cloud) => void} load what changes seldom: points, classes
 * @property {(cloud: Cloud) => void} mark which are hidden, faint or caught
 * @property {(scene: Scene) => void} draw
 * @property {() => void} destroy
 */
/**
 * What a drawing depends on.
 * @typedef {object} Scene
 * @property {Cloud} cloud
 * @property {Projection} projection in CSS pixels
 * @property {number} t 0 at PCA, 1 at the model
 * @property {number} diameter of a point, in CSS pixels
 * @property {number[]} paper red, green, blue of what is behind
 */
/** @typedef {{ level: number, index: number, line: number[] }} Contour places in map units */
/**
 * @typedef {object} MapElements
 * @property {HTMLElement} stage
 * @property {HTMLElement} points
 * @property {HTMLCanvasElement} linesOver with contours and names, where they have their own
 * @property {HTMLCanvasElement} over
 * @property {HTMLElement} tip
 * @property {HTMLCanvasElement} tipImage
 * @property {HTMLElement} tipText
 * @property {HTMLElement} caught
 * @property {HTMLElement} caughtText
 * @property {HTMLElement} counts
 * @property {HTMLCanvasElement} mosaic
 * @property {HTMLElement} legend
 * @property {HTMLInputElement} way
 * @property {HTMLButtonElement} toPca
 * @property {HTMLButtonElement} toModel
 * @property {HTMLButtonElement} play
 * @property {HTMLButtonElement} lasso
 * @property {HTMLButtonElement} lines
 * @property {HTMLElement} said
 */
/** @typedef {{ from: number, to: number, start: number | null }} Morph */
/** @typedef {{ indices: number[], count: number, token: string }} Choice */
/**
 * What a map tells Python: what is chosen; or that its arrays could not be fetched.
 * @typedef {(name: "chosen" | "lost", value: Choice | { token: string }) => void} Tell
 */
/**
 * @typedef {object} PointMap
 * @property {HTMLElement} root
 * @property {MapElements} parts
 * @property {CSSStyleDeclaration} style
 * @property {Cloud} cloud
 * @property {Renderer} renderer
 * @property {Camera} camera
 * @property {{ camera: Camera, t: number } | null} drawn what the points' canvas holds
 * @property {number} width in CSS pixels; 0 until it has a place
 * @property {number} height
 * @property {number} t where the points are: 0 at PCA, 1 at the model
 * @property {Morph | null} morph
 * @property {[Contour[], Contour[]] | null} contours PCA's and the model's
 * @property {[(Place | null)[], (Place | null)[]]} middles of the classes, in map units
 * @property {boolean} withLines whether contours are drawn
 * @property {boolean} overDrawn whether something lies over them
 * @property {boolean} stale whether the points are to be drawn anew
 * @property {number} touched when a hand last moved the map
 * @property {Map<number, Place>} pointers those that press
 * @property {{ place: Place, far: boolean } | null} press where it began
 * @property {boolean} lassoing whether a drag draws a lasso
 * @property {Place[] | null} loop the lasso under way
 * @property {number} near the example under the pointer, or -1
 * @property {number} chosen the example that was clicked, or -1
 * @property {number | null} pending
 * @property {string} ink
 * @property {Tell | undefined} send
 */

export {};
