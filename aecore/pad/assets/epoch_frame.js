// @ts-check
// The weights of a past epoch as they travel: steps away from the newest ones.

/** @import { AnswerArrays, EpochAnswer } from "./types.js" */

/**
 * Unpack what aecore/pad/epoch_frame.py packed.
 * @param {Float32Array} newest the weights that it was packed against
 * @param {EpochAnswer} frame
 * @param {AnswerArrays} arrays
 */
export async function unpackWeights(newest, frame, arrays) {
  const { frame_exact: exact, frame_steps: steps, frame_counts: deflated } = arrays;
  if (!frame.packed || !exact) return null;
  const counts = new Int8Array(deflated ? await inflate(deflated) : []);
  const weights = newest.slice();
  let [read, counted, stepped, end] = [0, 0, 0, 0];
  /** @param {number} to */
  const takeExact = (to) => {
    weights.set(exact.subarray(read, read + to - end), end);
    read += to - end;
  };
  for (const { at, length, block } of frame.packed) {
    takeExact(at);
    end = at + length;
    for (let from = at; from < end; from += block) {
      const step = steps ? steps[stepped++] : 0;
      for (let i = from; i < Math.min(from + block, end); i++) {
        weights[i] += counts[counted++] * step;
      }
    }
  }
  takeExact(weights.length);
  return weights;
}

/** @param {Uint8Array} bytes */
function inflate(bytes) {
  // A copy: the bytes may be a view of a much larger message.
  const stream = new Blob([bytes.slice()]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}
