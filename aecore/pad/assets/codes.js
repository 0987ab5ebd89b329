// @ts-check
// What is done with latent codes alone: drawing them, going between them, finding the nearest.

/** @import { NumberArray } from "./types.js" */

/** A standard normal number (Box and Muller). */
export const gaussian = (random = Math.random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/**
 * z = mu + exp(logvar / 2) * eps.
 * @param {Float32Array} mu
 * @param {Float32Array} logvar
 */
export function reparameterize(mu, logvar, random = Math.random) {
  return Float32Array.from(mu, (m, d) => m + Math.exp(logvar[d] / 2) * gaussian(random));
}

/**
 * A point of the way from a to b, t in [0, 1], as aecore/evaluation/latent.py goes it.
 *
 * Spherical keeps to the arc between the two directions (Shoemake 1985), lengths interpolated;
 * codes that are nearly parallel or opposite, or of no length, fall back to the straight line.
 * @param {NumberArray} a
 * @param {NumberArray} b
 * @param {number} t
 */
export function interpolate(a, b, t, spherical = false) {
  let [shareOfA, shareOfB] = [1 - t, t];
  const [lengthOfA, lengthOfB] = [Math.hypot(...a), Math.hypot(...b)];
  if (spherical && Math.min(lengthOfA, lengthOfB) > 1e-6) {
    let dot = 0;
    for (let d = 0; d < a.length; d++) dot += a[d] * b[d];
    const angle = Math.acos(Math.max(-1, Math.min(1, dot / (lengthOfA * lengthOfB))));
    const sine = Math.sin(angle);
    if (sine > 1e-4) {
      const length = (1 - t) * lengthOfA + t * lengthOfB;
      shareOfA = ((Math.sin((1 - t) * angle) / sine) * length) / lengthOfA;
      shareOfB = ((Math.sin(t * angle) / sine) * length) / lengthOfB;
    }
  }
  return Float32Array.from(a, (value, d) => shareOfA * value + shareOfB * b[d]);
}

/**
 * Indices of the n of `count` rows of `codes` nearest to z, nearest first, and their distances.
 * @param {NumberArray} codes one row of `latentDim` numbers after another
 * @param {number} latentDim
 * @param {number} count
 * @param {NumberArray} z
 */
export function nearest(codes, latentDim, count, z, n = 1) {
  /** @type {{ index: number, sum: number }[]} */
  const best = [];
  let furthest = Infinity;
  for (let i = 0, j = 0; i < count; i++) {
    let sum = 0;
    for (let d = 0; d < latentDim; d++, j++) {
      const difference = codes[j] - z[d];
      sum += difference * difference;
    }
    if (best.length === n && sum >= furthest) continue;
    let at = best.length;
    while (at && best[at - 1].sum > sum) at--;
    best.splice(at, 0, { index: i, sum });
    if (best.length > n) best.pop();
    furthest = best[best.length - 1].sum;
  }
  return best.map(({ index, sum }) => ({ index, distance: Math.sqrt(sum) }));
}

/**
 * The median of each dimension of some codes, of which there is at least one.
 * @param {Float32Array[]} codes
 */
export function middleOf(codes) {
  return codes[0].map((_, d) => {
    const values = Float32Array.from(codes, (code) => code[d]).sort();
    return values[values.length >> 1];
  });
}
