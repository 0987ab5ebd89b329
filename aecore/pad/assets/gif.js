// @ts-check
// Animated GIFs, written byte by byte.

/** @param {number[]} values each as two bytes, the lower one first */
const words = (...values) => values.flatMap((value) => [value & 255, value >> 8]);

/** @param {string} characters */
const ascii = (characters) => [...characters].map((character) => character.charCodeAt(0));

const LOOPS_FOR_EVER = "!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0";

/**
 * An animated GIF that loops.
 * @param {Uint8Array[]} frames palette indices, width * height each
 * @param {number} width
 * @param {number} height
 * @param {number[][]} palette 256 [r, g, b]
 * @param {number} delay hundredths of a second between two frames
 */
export function encodeGif(frames, width, height, palette, delay) {
  const out = [...ascii("GIF89a"), ...words(width, height), 0xf7, 0, 0];
  out.push(...palette.flat(), ...ascii(LOOPS_FOR_EVER));
  for (const pixels of frames) {
    out.push(0x21, 0xf9, 4, 0, ...words(delay), 0, 0); // how long it stays
    out.push(0x2c, ...words(0, 0, width, height), 0, 8); // where it lies, bits of a pixel
    const bytes = compressed(pixels);
    for (let i = 0; i < bytes.length; i += 255) {
      const part = bytes.slice(i, i + 255);
      out.push(part.length, ...part);
    }
    out.push(0);
  }
  return Uint8Array.from([...out, 0x3b]);
}

/**
 * GIF's variable-length LZW of 8-bit pixels.
 * @param {Uint8Array} pixels
 */
function compressed(pixels) {
  /** @type {number[]} */
  const bytes = [];
  const table = new Map();
  let bits = 0;
  let held = 0;
  let prefix = pixels[0];
  /** @param {number} code */
  const emit = (code) => {
    held |= code << bits;
    bits += Math.min(12, 32 - Math.clz32(257 + table.size));
    for (; bits >= 8; bits -= 8, held >>= 8) bytes.push(held & 255);
  };
  emit(256); // an empty table
  for (const pixel of pixels.subarray(1)) {
    const key = (prefix << 8) | pixel;
    const known = table.get(key);
    prefix = known ?? pixel;
    if (known !== undefined) continue;
    emit(key >> 8);
    if (table.size < 4096 - 258) {
      table.set(key, 258 + table.size);
    } else {
      emit(256);
      table.clear();
    }
  }
  emit(prefix);
  table.set(-1, 0); // the reader has added one code more by now
  emit(257); // the end
  return bits ? [...bytes, held & 255] : bytes;
}
