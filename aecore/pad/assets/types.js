// @ts-check
// What crosses between Python and JavaScript, and what the modules hand one another. No code.

/** @typedef {Float32Array | Float64Array | number[]} NumberArray */
/** @typedef {[number, number, number]} Grid channels, height, width */

// ---- a network: aecore/pad/layers.py and network.py write it

/**
 * One operation of a network; which of the fields it has depends on `op`.
 * @typedef {object} Operation
 * @property {string} op its name in operations.js
 * @property {number} writes how many values it gives
 * @property {number} w where its weights begin
 * @property {number} b where its biases begin
 * @property {Grid} in of a grid; of "linear" a number of values
 * @property {Grid} out likewise
 * @property {number} rows how often a "linear" or a "layer_norm" is applied, one row each
 * @property {[number, number][]} columns
 * @property {number} channels
 * @property {number} size
 * @property {number} groups
 * @property {[number, number]} kernel
 * @property {[number, number]} stride
 * @property {[number, number]} padding
 * @property {[number, number]} [dilation]
 * @property {boolean} count_padding
 * @property {number} eps
 * @property {string} kind of an activation or a pooling
 * @property {number} slope
 * @property {number} alpha
 * @property {string} approximate
 * @property {number} k
 * @property {number} beta
 * @property {number} threshold
 * @property {number | null} low
 * @property {number | null} high
 * @property {number} by
 * @property {number} at
 * @property {number} else
 * @property {number} divisor of an average; 0 for the number of values
 * @property {number} each how many values share a slope
 * @property {number} inner how far apart the values of a "softmax" are
 * @property {number} more how many values are joined
 * @property {boolean} first whether before the others
 */

/**
 * @typedef {object} NetworkMeta
 * @property {number[]} shape of x
 * @property {number} latent_dim
 * @property {boolean} variational
 * @property {Operation[]} encoder
 * @property {Operation[]} decoder
 * @property {number} weights how many there are
 * @property {number} [encoder_macs] multiply-adds of one example
 * @property {number} [decoder_macs]
 * @property {Stage[]} [stages] the encoder's, then the decoder's
 */

/**
 * What a person sees as one layer: aecore/pad/described.py.
 * @typedef {object} Stage
 * @property {"encoder" | "decoder"} part
 * @property {number} first its operations of that half: `first` to `end` - 1
 * @property {number} end
 * @property {number | null} sum the operation that gives the sums before the curve
 * @property {number[]} shape of its values: (n), or channels, height, width
 * @property {string} kind of the operation that it is named after; "block" of several layers
 * @property {string} title in words
 * @property {string} curve in words, "" for none
 * @property {number[]} [drawn] of a served one how much of `shape` is drawn
 * @property {number} [reach] and the largest activation over some examples
 * @property {Operation[] | null} [curves] and the curves behind its sums, null for none
 */

/**
 * A network over the browser's budget, which the server runs: aecore/pad/served.py.
 * @typedef {object} ServedMeta
 * @property {number[]} shape of x
 * @property {number} latent_dim
 * @property {boolean} variational
 * @property {Stage[]} stages
 */

/**
 * What the server answers to one choice, beside the arrays values, code, z, x_hat, looks and adds.
 * @typedef {object} ServedAnswer
 * @property {string} token of the question
 * @property {number} plain squared error per value with nothing silenced
 * @property {number} error
 * @property {number[]} scales by stage what 127 stands for
 * @property {number} drawn_scale what 32767 stands for in x_hat
 * @property {[[number, number, number][], boolean][]} links by stage: from, to, by; from map to map
 * @property {ServedUnit | null} open
 */
/**
 * How much each unit of a layer matters, beside the arrays tried and changes.
 * @typedef {object} TriedAnswer
 * @property {string} token of the question
 * @property {number} tried how many of them were
 * @property {number} plain squared error per value with all of them
 */
/**
 * @typedef {object} ServedUnit
 * @property {number} stage
 * @property {number} unit
 * @property {number} gives
 * @property {ServedSum | null} sum
 * @property {boolean} [exact]
 * @property {number} [looks_scale] what 127 stands for
 * @property {number} adds_scale
 */
/**
 * @typedef {object} ServedSum
 * @property {[number, number, number, number][]} terms from, weight, x, by: the largest
 * @property {number} rest
 * @property {number} count
 * @property {number} bias
 * @property {number} total
 */

/** @typedef {[number, number]} Place across and down */
/** @typedef {(offset: number, size: number) => Float32Array} Take a view of the weights */
/** @typedef {(x: NumberArray, y: Float32Array) => void} Run reads x, fills y */

/**
 * @typedef {object} Network ready to run; what it returns is overwritten by its next call
 * @property {boolean} variational
 * @property {(z: NumberArray) => Float32Array} decode
 * @property {(x: NumberArray) => { mu: Float32Array, logvar: Float32Array | null }} encode
 */

// ---- a bundle: aecore/pad/bundle.py and pad_meta.py write it

/**
 * How an example is drawn: as a picture, or as a graph from `low` to `high`.
 * @typedef {object} Drawing
 * @property {number} C channels of a picture
 * @property {number} H height in pixels
 * @property {number} W width in pixels
 * @property {boolean} graph
 * @property {number} low
 * @property {number} high
 * @property {Column[]} [columns] of a table: its graph is bars
 * @property {boolean} [names] whether there is room for them
 * @property {string} [color]
 */
/** @typedef {{ name: string, mean: number, std: number }} Column */
/** @typedef {Drawing & { large: Drawing, small: Drawing }} Layout */

/**
 * @typedef {object} Dimension
 * @property {number} index
 * @property {number} low
 * @property {number} high
 * @property {number} bar its score in percent of the best one's
 * @property {boolean} dead
 * @property {string} text says the score
 */

/**
 * @typedef {object} Epochs
 * @property {number[]} available ascending
 * @property {(number | null)[]} test_mse held-out error at each of them
 */

/**
 * @typedef {object} Meta
 * @property {string} id changes with the content
 * @property {{ id: string, lineage: string, name: string }} model lineage: what shares its z
 * @property {boolean} centred
 * @property {[number, number]} range of x
 * @property {number} latent_dim
 * @property {number} size of x
 * @property {boolean} variational
 * @property {NetworkMeta | null} network
 * @property {ServedMeta | null} [served] of a network over the budget, which is left out
 * @property {string} note
 * @property {string} thing "image" or "example"
 * @property {Layout} layout
 * @property {string[]} panels
 * @property {number} points
 * @property {number} images how many of the first points have one
 * @property {{ name: string, color: string }[]} classes
 * @property {Dimension[]} dimensions most informative first
 * @property {string[]} names of the dimensions
 * @property {number[]} mean code
 * @property {[number, number][]} spans of the codes, a dimension each
 * @property {number[]} errors quantiles of the held-out errors
 * @property {boolean} pca
 * @property {Epochs} [time]
 */

/**
 * @typedef {object} Arrays
 * @property {Float32Array} codes points * latent_dim
 * @property {Float32Array} [w]
 * @property {Int16Array} [labels]
 * @property {Uint8Array} [images]
 * @property {Float32Array} [pca] components, mean, matrix and offset from codes to scores
 */

/**
 * @typedef {object} Options what the page wants of the pad
 * @property {string[]} panels
 * @property {number} height of the map, in CSS pixels
 * @property {number[]} [start] a point to go to
 * @property {boolean} [pictures] whether the map begins with pictures over the decoded plane
 * @property {string[]} [walk] names of classes between which the point walks until it is touched
 * @property {boolean} [beside] whether panels stand between map and picture, where there is room
 * @property {string} [name] by which answers find this pad
 */

// ---- messages

/** @typedef {"epoch" | "decode" | "lost" | "asked" | "chosen" | "tried"} RequestName */
/**
 * @typedef {object} EpochRequest
 * @property {number} epoch
 * @property {string} token tells two questions apart
 */
/**
 * @typedef {object} DecodeRequest
 * @property {number[]} z
 * @property {number | null} epoch
 * @property {string} token
 */
/** @typedef {{ token: string }} LostRequest */
/** @typedef {{ stage: number, token: string }} FactsRequest what a layer's units do */
/**
 * @typedef {object} ChosenRequest what a person chose: network_question.py reads it
 * @property {number} index of the held-out example; -1 what was drawn, -2 a code alone
 * @property {string} drawn bytes of what was drawn, in base64
 * @property {string} by
 * @property {number[]} z
 * @property {number[]} eps
 * @property {[number, number][]} silent stage and unit
 * @property {[number, number][]} held latent number and value
 * @property {[number, number] | null} open stage and unit
 * @property {number} links
 * @property {number} [matter] the stage of which it is asked how much each unit matters
 * @property {string} token
 */
/**
 * @typedef {EpochRequest | DecodeRequest | LostRequest | FactsRequest | ChosenRequest} RequestValue
 */
/** @typedef {(name: RequestName, value: RequestValue) => void} Send */

/**
 * How an epoch's weights are packed, aecore/pad/epoch_frame.py: runs of weights that travel as
 * whole steps away from the newest ones; all others travel as they are.
 * @typedef {object} PackedRun
 * @property {number} at
 * @property {number} length
 * @property {number} block how many weights share a step
 */
/**
 * @typedef {object} EpochAnswer
 * @property {number} epoch
 * @property {string} base the id of the bundle whose weights it is packed against
 * @property {[number, number][]} spans
 * @property {PackedRun[] | null} packed null where no weights came
 */
/**
 * An answer's `meta`, beside its arrays.
 * @typedef {object} Answer
 * @property {string} [pad] the name of the pad that asked
 * @property {EpochAnswer | null} [frame] null where the epoch is not kept
 * @property {string} [token] of the question for it
 * @property {string} [decoded_for] the token of the question for a decoding
 */
/**
 * @typedef {object} AnswerArrays
 * @property {Float32Array} [decoded] x_hat
 * @property {Float32Array} [frame_codes]
 * @property {Float32Array} [frame_exact]
 * @property {Float32Array} [frame_steps]
 * @property {Uint8Array} [frame_counts] deflated int8
 */

/** @typedef {Record<string, any>} ComponentData meta, options, and arrays by their names */
/**
 * What Streamlit calls a component with.
 * @typedef {object} ComponentArguments
 * @property {ComponentData} data
 * @property {ParentNode} parentElement
 * @property {Send} [setTriggerValue]
 */

export {};
