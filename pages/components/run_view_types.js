// @ts-check
// What run_view.py sends, and what the parts of the view share. No code.

/** @typedef {[number, number]} Reading images seen, error */

/**
 * @typedef {object} RunData arrays as base64
 * @property {"image" | "lines" | "bars"} kind
 * @property {number[]} shape
 * @property {string} run
 * @property {string | null} first where the first frame can be waited for; null once it is there
 * @property {Reading[]} heldout of the first `probed` of all `held_out` examples
 * @property {number | null} probed
 * @property {number | null} held_out
 * @property {boolean} damaged whether all errors are from damaged examples, PCA's too
 * @property {[number, string][]} changes images seen when something was changed, and what
 * @property {Reading[]} whole of all
 * @property {Reading[]} train
 * @property {string[]} colors of the classes
 * @property {[number, number] | null} passed images and seconds when PCA was passed
 * @property {number | null} total images to be seen
 * @property {number | null} pca its error
 * @property {string} pca_name
 * @property {number} [mean] error of the mean example
 * @property {[number, number]} [range]
 * @property {string} [sample] uint8
 * @property {string} [pca_sample] uint8
 * @property {string} [x_hat] uint8
 * @property {number} [count] examples in the sample
 * @property {string} [labels] uint8
 * @property {string} [map] float32, two numbers a point
 */

/**
 * @typedef {object} Figures the canvases that stay in place
 * @property {HTMLElement} root
 * @property {string} kind
 * @property {string} thing "image" or "example"
 * @property {string} title of the chart
 * @property {HTMLElement} about what the chart's line and dots are of
 * @property {HTMLCanvasElement} chart
 * @property {HTMLCanvasElement} map
 * @property {HTMLCanvasElement} examples
 */

/**
 * @typedef {object} MapState
 * @property {Float32Array | null} from where the points were
 * @property {Float32Array | null} to where they go
 * @property {Uint8Array} labels
 * @property {number} frame of the animation
 */

/**
 * @typedef {object} RunView
 * @property {RunData} data
 * @property {Figures} figures
 * @property {MapState} map
 * @property {ResizeObserver} observer of the place's width
 * @property {AbortController | null} waiting for the first frame
 * @property {string} awaited the run whose first frame was asked for
 */

export {};
