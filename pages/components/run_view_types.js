// @ts-check
// What run_view.py sends, and what the parts of the view share. No code.

/** @typedef {[number, number]} Reading images seen, error */

/**
 * @typedef {object} Figure as st.metric shows one
 * @property {string} label
 * @property {string} value
 * @property {string} [note]
 * @property {"good" | "bad"} [tone] of the note: below PCA's error or above
 * @property {string} [help]
 */

/**
 * @typedef {object} LayerLook a layer on one example, LayerLook of aecore/training/events.py
 * @property {"input" | "encoder" | "decoder"} part
 * @property {number[]} shape of what is shown
 * @property {number} of units or feature maps that there are
 * @property {string} values uint8, from low to high
 * @property {number} low
 * @property {number} high
 * @property {number | null} change of its weights since the look before, a share
 * @property {string} [moved] uint8, of a single step, the furthest unit 255
 * @property {number} [share_moved] of its weights
 */

/**
 * @typedef {object} RunData everything that is drawn; arrays as base64
 * @property {"image" | "lines" | "bars"} kind
 * @property {number[]} shape
 * @property {string} run with its launch
 * @property {Figure[]} figures
 * @property {string} words beneath them
 * @property {Reading[]} heldout of the first `probed` of all `held_out` examples
 * @property {number} [probed]
 * @property {number} [held_out]
 * @property {boolean} [live]
 * @property {boolean} damaged whether all errors are from damaged examples, PCA's too
 * @property {[number, string][]} changes images seen when something was changed, and what
 * @property {Reading[]} whole of all
 * @property {Reading[]} train
 * @property {string[]} colors of the classes
 * @property {[number, number] | null} passed images and seconds when PCA was passed
 * @property {number} [total] images to be seen
 * @property {number | null} pca its error
 * @property {string} pca_name
 * @property {number | null} [mean] error of the mean example
 * @property {[number, number]} [range]
 * @property {string} [sample] uint8
 * @property {string} [pca_sample] uint8
 * @property {string} [x_hat] uint8
 * @property {number} [count] examples in the sample
 * @property {string} [labels] uint8
 * @property {string} [map] int16, two numbers a point: steps of `map_scale` from the middle
 * @property {[number, number]} [map_middle]
 * @property {number} [map_scale]
 * @property {number} [pictured] of the sample, the example that the network is drawn with
 * @property {LayerLook | null} [entering] it, as it enters
 * @property {LayerLook[]} [layers]
 * @property {number} [step] how many are done
 * @property {[number, number, number] | null} [alone] the last step that was asked for alone, and
 *   the loss on its batch before and after
 * @property {[number, number, number] | null} [best] epoch: images seen, error and its number
 * @property {boolean} [back] whether one can go back to it
 */

/**
 * @typedef {Partial<RunData> & {
 *   after: string, reset?: boolean, scene?: string, saved?: number, end?: boolean
 * }} RunLine what is new: points of series are added, all else takes the place of what was
 */

/**
 * @typedef {object} RunNews said to the page's other parts, as "aecore-run"
 * @property {string} run
 * @property {string} [scene]
 * @property {number} [saved] counts the checkpoints that there are
 * @property {"read" | "none" | ""} stream whether it reaches this browser; "" while that is open
 */

/**
 * @typedef {object} PageData what the page brings
 * @property {string} run
 * @property {RunData["kind"]} kind
 * @property {boolean} mine whether who looks may steer the run
 * @property {string | null} stream address from the app's own; null for a run that is over
 * @property {RunLine} [frame] everything, where no stream brings it
 */

/**
 * @typedef {object} Figures the canvases that stay in place
 * @property {HTMLElement} root
 * @property {HTMLElement} row of figures
 * @property {HTMLElement} words beneath them
 * @property {string} kind
 * @property {string} thing "image" or "example"
 * @property {string} title of the chart
 * @property {HTMLElement} about what the chart's line and dots are of
 * @property {HTMLCanvasElement} network
 * @property {HTMLElement} networkText
 * @property {HTMLButtonElement} back to the best epoch
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
 * @typedef {object} Pulse through the network at a step
 * @property {number} step that was drawn last
 * @property {number | null} since when it goes; null while none does
 * @property {number} frame of the animation
 */

/**
 * @typedef {object} RunView
 * @property {RunData} data
 * @property {RunNews} news the newest that was said
 * @property {Figures} figures
 * @property {MapState} map
 * @property {Pulse} pulse
 * @property {boolean} mine whether who looks may steer the run
 * @property {((name: string, value: any) => void) | undefined} send to the page
 * @property {ResizeObserver} observer of the place's width
 * @property {string} followed the run whose stream is read
 * @property {(() => void) | null} leave the stream
 */

export {};
