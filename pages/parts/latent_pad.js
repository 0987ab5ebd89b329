/**
 * The live decoder: an engine for networks exported by aecore/export/browser.py, and the pad that
 * points into their latent space. The same text is the Streamlit component and the explorer file.
 */

// ---------------- engine

/** erf by a series of terms of one sign (Abramowitz and Stegun 7.1.6): nothing cancels. */
export function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-16 * Math.abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** Each activation: operation -> function of one number. */
const ACTIVATIONS = {
  relu: () => (x) => (x > 0 ? x : 0),
  leaky_relu: ({ slope }) => (x) => (x > 0 ? x : slope * x),
  elu: ({ alpha }) => (x) => (x > 0 ? x : alpha * Math.expm1(x)),
  gelu: ({ approximate }) => (approximate === "tanh"
    ? (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))
    : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2))),
  silu: () => (x) => x * sigmoid(x),
  tanh: () => Math.tanh,
  sigmoid: () => sigmoid,
};

const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

const SUMS = new Float64Array(4);

/**
 * y[at + o] = b[o] + row o of w (O x n) times x[from ...], four rows for each fetch of x.
 */
function multiply(w, b, n, O, x, from, y, at) {
  for (let o = 0, j = 0; o < O; o += 4, j += 4 * n) {
    const more = Math.min(4, O - o), j1 = more > 1 ? j + n : j, j2 = more > 2 ? j1 + n : j, j3 = more > 3 ? j2 + n : j;
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (let i = 0; i < n; i++) {
      const v = x[from + i];
      s0 += w[j + i] * v, s1 += w[j1 + i] * v, s2 += w[j2 + i] * v, s3 += w[j3 + i] * v;
    }
    SUMS[0] = s0, SUMS[1] = s1, SUMS[2] = s2, SUMS[3] = s3;
    for (let r = 0; r < more; r++) y[at + o + r] = SUMS[r] + (b ? b[o + r] : 0);
  }
}

/** For each place of the coarse grid: where the kernel lies on the fine one, -1 if outside. */
function windows({ kernel, stride, padding, dilation = [1, 1] }, [, P, Q], [, H, W]) {
  const places = [], at = (i, u, d) => i * stride[d] - padding[d] + u * dilation[d];
  for (let p = 0; p < P; p++) for (let q = 0; q < Q; q++) {
    for (let u = 0; u < kernel[0]; u++) for (let v = 0; v < kernel[1]; v++) {
      const r = at(p, u, 0), c = at(q, v, 1);
      places.push(r < 0 || c < 0 || r >= H || c >= W ? -1 : r * W + c);
    }
  }
  return Int32Array.from(places);
}

/**
 * A convolution reads a window of the fine grid for each place of the coarse one; its transpose
 * adds to it instead. Both are one product a place and group of channels.
 */
function convolution(op, take, forward) {
  const { in: [C], out: [O], groups } = op, [coarse, fine] = forward ? [op.out, op.in] : [op.in, op.out];
  const places = windows(op, coarse, fine), T = product(op.kernel), cg = C / groups, og = O / groups;
  const N = coarse[1] * coarse[2], M = fine[1] * fine[2], w = take(op.w, C * og * T), b = take(op.b, O);
  const rows = forward ? og : og * T, n = forward ? cg * T : cg;
  const weights = Array.from({ length: groups }, (_, g) => (forward ? w.subarray(g * rows * n, (g + 1) * rows * n)
    : Float32Array.from({ length: rows * n }, (_, i) => w[(g * n + i % n) * rows + Math.floor(i / n)])));
  const read = new Float64Array(n), found = new Float64Array(rows), sum = new Float64Array(O * product(op.out.slice(1)));
  return (x, y) => {
    for (let o = 0, size = sum.length / O; o < O; o++) sum.fill(b ? b[o] : 0, o * size, (o + 1) * size);
    for (let p = 0; p < N; p++) for (let g = 0; g < groups; g++) {
      const end = (p + 1) * T;
      for (let c = g * cg, i = 0; c < (g + 1) * cg; c++) {
        if (!forward) read[i++] = x[c * N + p];
        else for (let t = p * T; t < end; t++) read[i++] = places[t] < 0 ? 0 : x[c * M + places[t]];
      }
      multiply(weights[g], null, n, rows, read, 0, found, 0);
      for (let o = g * og, i = 0; o < (g + 1) * og; o++) {
        if (forward) sum[o * N + p] += found[i++];
        else for (let t = p * T; t < end; t++, i++) if (places[t] >= 0) sum[o * M + places[t]] += found[i];
      }
    }
    y.set(sum);
  };
}

/**
 * Each kind of operation: (op, take) -> (x, y) => void, which reads x and fills y.
 * take(offset, size) is a view of the weights, or null where the operation has none.
 * Sums are in float64 and rounded once: at least as exact as torch.
 */
const OPERATIONS = {
  linear(op, take) {
    const { rows, in: n, out: O } = op, w = take(op.w, n * O), b = take(op.b, O);
    return (x, y) => {
      for (let r = 0; r < rows; r++) multiply(w, b, n, O, x, r * n, y, r * O);
    };
  },

  conv2d: (op, take) => convolution(op, take, true),
  conv_transpose2d: (op, take) => convolution(op, take, false),

  affine({ channels, size, ...op }, take) {
    const w = take(op.w, channels), b = take(op.b, channels);
    return (x, y) => {
      for (let c = 0, i = 0; c < channels; c++) {
        for (const end = i + size; i < end; i++) y[i] = x[i] * w[c] + b[c];
      }
    };
  },

  layer_norm({ rows, size, eps, ...op }, take) {
    const w = take(op.w, size), b = take(op.b, size);
    return (x, y) => {
      for (let r = 0; r < rows; r++) {
        const start = r * size;
        let mean = 0, variance = 0;
        for (let i = 0; i < size; i++) mean += x[start + i] / size;
        for (let i = 0; i < size; i++) variance += (x[start + i] - mean) ** 2 / size;
        const scale = 1 / Math.sqrt(variance + eps);
        for (let i = 0; i < size; i++) {
          y[start + i] = (x[start + i] - mean) * scale * (w ? w[i] : 1) + (b ? b[i] : 0);
        }
      }
    };
  },

  activation(op) {
    if (!Object.hasOwn(ACTIVATIONS, op.kind)) throw new Error(`unknown activation ${op.kind}`);
    const f = ACTIVATIONS[op.kind](op);
    return (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = f(x[i]);
    };
  },

  top_k({ k, size }) {
    const sorted = new Float32Array(size);
    return (x, y) => {
      sorted.set(x.length === size ? x : x.subarray(0, size));
      const least = sorted.sort()[size - k];
      for (let i = 0; i < size; i++) y[i] = x[i] >= least ? x[i] : 0;
    };
  },

  interpolate({ in: [C, H, W], rows, columns }) {
    return (x, y) => {
      for (let c = 0, o = 0; c < C; c++) for (const [row, fy] of rows) {
        const i = (c * H + row) * W, down = fy ? W : 0;
        for (const [column, fx] of columns) {
          const j = i + column, right = fx ? 1 : 0;
          y[o++] = (1 - fy) * ((1 - fx) * x[j] + fx * x[j + right])
            + fy * ((1 - fx) * x[j + down] + fx * x[j + down + right]);
        }
      }
    };
  },

  pool2d(op) {
    const [C, H, W] = op.in, [, P, Q] = op.out, T = product(op.kernel), places = windows(op, op.out, op.in);
    return (x, y) => {
      for (let c = 0, o = 0; c < C; c++) for (let p = 0; p < P * Q; p++) {
        let best = -Infinity, sum = 0, count = 0;
        for (let t = p * T; t < (p + 1) * T; t++) if (places[t] >= 0) {
          const value = x[c * H * W + places[t]];
          best = Math.max(best, value), sum += value, count++;
        }
        y[o++] = op.kind === "max" ? best : sum / (op.count_padding ? T : count);
      }
    };
  },
};

/**
 * Prepare a list of operations. The returned function maps a Float32Array of `size` numbers to the
 * network's own output buffer, which the next call overwrites; it allocates nothing.
 */
export function compile(ops, weights, size) {
  const take = (offset, length) => {
    if (offset === undefined) return null;
    if (offset + length > weights.length) throw new Error("weights are missing");
    return weights.subarray(offset, offset + length);
  };
  const steps = ops.map((op) => {
    if (!Object.hasOwn(OPERATIONS, op.op)) throw new Error(`unknown operation ${op.op}`);
    return { run: OPERATIONS[op.op](op, take), y: new Float32Array(op.writes) };
  });
  const copy = new Float32Array(size);
  return (input) => {
    let x = input;
    if (!steps.length) copy.set(x), x = copy;
    for (const { run, y } of steps) run(x, y), x = y;
    return x;
  };
}

/**
 * A network from its exported description and weights.
 * decode(z) gives x_hat, encode(x) gives {mu, logvar}, logvar null unless variational.
 * Throws with a sentence for a person.
 */
export function createNetwork(meta, weights) {
  if (weights?.length !== meta.weights) {
    throw new Error(`The model has ${meta.weights} weights, but ${weights?.length} came.`);
  }
  if (!weights.every(Number.isFinite)) {
    throw new Error("The weights of this model contain NaN or infinity: it cannot decode.");
  }
  const k = meta.latent_dim, size = product(meta.shape);
  const encoder = compile(meta.encoder, weights, size), decoder = compile(meta.decoder, weights, k);
  return {
    variational: meta.variational,
    decode: decoder,
    encode(x) {
      const out = encoder(x);
      return { mu: out.subarray(0, k), logvar: meta.variational ? out.subarray(k, 2 * k) : null };
    },
  };
}

/** A standard normal number (Box and Muller). */
export const gaussian = (random = Math.random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** z = mu + exp(logvar / 2) * eps. */
export function reparameterize(mu, logvar, random = Math.random) {
  return Float32Array.from(mu, (m, d) => m + Math.exp(logvar[d] / 2) * gaussian(random));
}

/** A point of the way from a to b, t in [0, 1]; spherical keeps the length between theirs. */
export function interpolate(a, b, t, spherical = false) {
  let p = 1 - t, q = t;
  if (spherical) {
    const dot = a.reduce((sum, v, d) => sum + v * b[d], 0);
    const angle = Math.acos(dot / Math.hypot(...a) / Math.hypot(...b)), sine = Math.sin(angle);
    if (sine > 1e-4) p = Math.sin((1 - t) * angle) / sine, q = Math.sin(t * angle) / sine;
  }
  return Float32Array.from(a, (v, d) => p * v + q * b[d]);
}

/** Indices of the n rows of `codes` nearest to z, nearest first, and their distances. */
export function nearest(codes, k, count, z, n = 1) {
  const best = [];
  for (let i = 0, j = 0; i < count; i++) {
    let sum = 0;
    for (let d = 0; d < k; d++, j++) sum += (codes[j] - z[d]) ** 2;
    if (best.length < n || sum < best.at(-1).sum) {
      let at = best.length;
      while (at && best[at - 1].sum > sum) at--;
      best.splice(at, 0, { index: i, sum });
      if (best.length > n) best.pop();
    }
  }
  return best.map(({ index, sum }) => ({ index, distance: Math.sqrt(sum) }));
}

// ---------------- pictures

/** Mean of `ink` over boxes: (width, height) -> (w, h) from the rectangle (x0, y0, bw, bh). */
function shrink(ink, width, height, [x0, y0, bw, bh], w, h) {
  const out = new Float32Array(w * h);
  for (let r = 0; r < h; r++) for (let c = 0; c < w; c++) {
    const top = y0 + r * bh / h, bottom = y0 + (r + 1) * bh / h;
    const left = x0 + c * bw / w, right = x0 + (c + 1) * bw / w;
    let sum = 0;
    for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, bottom); y++) {
      const dy = Math.min(bottom, y + 1) - Math.max(top, y);
      for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, right); x++) {
        sum += ink[y * width + x] * dy * (Math.min(right, x + 1) - Math.max(left, x));
      }
    }
    out[r * w + c] = sum / ((bottom - top) * (right - left));
  }
  return out;
}

/**
 * A drawing as a picture of the data: ink (height * width, 0 to 1) -> (H * W).
 * centred, as MNIST was made: the ink's box becomes 20 of 28 pixels, its shape kept, and its
 * centre of mass goes to the middle (LeCun et al. 1998). Returns null for an empty drawing.
 */
export function fitDrawing(ink, width, height, H, W, centred = true) {
  const inked = [...ink.keys()].filter((i) => ink[i] >= 0.1), xs = inked.map((i) => i % width);
  if (!inked.length) return null;
  if (!centred) return shrink(ink, width, height, [0, 0, width, height], W, H);
  const left = Math.min(...xs), top = Math.floor(inked[0] / width);
  const bw = Math.max(...xs) - left + 1, bh = Math.floor(inked.at(-1) / width) - top + 1;
  const scale = Math.min(W * 20 / 28 / bw, H * 20 / 28 / bh);
  const w = Math.max(1, Math.round(bw * scale)), h = Math.max(1, Math.round(bh * scale));
  const small = shrink(ink, width, height, [left, top, bw, bh], w, h);
  let mass = 0, mx = 0, my = 0;
  small.forEach((v, i) => (mass += v, mx += v * (i % w + 0.5), my += v * (Math.floor(i / w) + 0.5)));
  const dx = Math.round(W / 2 - mx / mass), dy = Math.round(H / 2 - my / mass);
  const out = new Float32Array(H * W);
  small.forEach((v, i) => {
    const x = i % w + dx, y = Math.floor(i / w) + dy;
    if (x >= 0 && x < W && y >= 0 && y < H) out[y * W + x] = v;
  });
  return out;
}

/** A photograph's grey values (0 to 255) as ink (0 to 1): light paper is turned dark, noise cut. */
export function inkOfPhotograph(grey) {
  const paper = Float32Array.from(grey).sort()[grey.length >> 1], light = paper > 127;
  const ink = Float32Array.from(grey, (v) => Math.max(0, light ? paper - v : v - paper));
  const darkest = Float32Array.from(ink).sort()[Math.floor(ink.length * 0.99)] || 1;
  return ink.map((v) => Math.min(1, Math.max(0, v / darkest - 0.25) / 0.5));
}

/** An animated GIF. frames: arrays of palette indices (width * height); palette: 256 [r, g, b]. */
export function encodeGif(frames, width, height, palette, delay) {
  const out = [];
  const word = (v) => out.push(v & 255, v >> 8);
  const text = (s) => out.push(...[...s].map((c) => c.charCodeAt(0)));
  text("GIF89a");
  word(width), word(height);
  out.push(0xf7, 0, 0, ...palette.flat());
  text("!\xff\x0bNETSCAPE2.0\x03\x01"), word(0), out.push(0);
  for (const pixels of frames) {
    out.push(0x21, 0xf9, 4, 0), word(delay), out.push(0, 0, 0x2c), word(0), word(0);
    word(width), word(height), out.push(0, 8);
    const bytes = lzw(pixels);
    for (let i = 0; i < bytes.length; i += 255) {
      const part = bytes.slice(i, i + 255);
      out.push(part.length, ...part);
    }
    out.push(0);
  }
  out.push(0x3b);
  return Uint8Array.from(out);
}

/** GIF's variable-length LZW of 8-bit pixels. */
function lzw(pixels) {
  const bytes = [];
  let bits = 0, held = 0, size = 9, next = 258, table = new Map();
  const emit = (code) => {
    held |= code << bits;
    for (bits += size; bits >= 8; bits -= 8, held >>= 8) bytes.push(held & 255);
  };
  emit(256);
  let prefix = pixels[0];
  for (let i = 1; i < pixels.length; i++) {
    const key = prefix << 8 | pixels[i], code = table.get(key);
    if (code !== undefined) {
      prefix = code;
      continue;
    }
    emit(prefix);
    if (next === 4096) {
      emit(256), size = 9, next = 258, table = new Map();
    } else {
      if (next === 1 << size) size++;
      table.set(key, next++);
    }
    prefix = pixels[i];
  }
  emit(prefix);
  if (next === 1 << size && size < 12) size++; // the reader has added one code more by now
  emit(257);
  if (bits) bytes.push(held & 255);
  return bytes;
}

/**
 * How an example is drawn: as a picture (C, H, W), else as a graph, bars of a table's columns or a
 * curve; `large` and `small` are the graph's layouts where there is room for names.
 */
function layoutOf({ shape, kind, range: [low, high], columns }) {
  const [C, H, W] = shape.length === 2 ? [1, ...shape] : shape;
  if (kind === "image" && shape.length > 1 && shape.length < 4 && (C === 1 || C === 3)) {
    const picture = { C, H, W };
    return { ...picture, large: picture, small: picture };
  }
  const graph = { C: 1, H: 80, W: 120, graph: true, low, high, columns }, names = true;
  const tall = columns ? 30 * columns.length : 320;
  return { ...graph, large: { ...graph, W: 640, H: tall, names }, small: { ...graph, W: 340, H: tall, names } };
}

/** Draw values into cell `at` of a canvas made for `cells` of them. */
function paint(canvas, values, layout, { at = 0, cells = 1 } = {}) {
  const { C, H, W } = layout;
  if (canvas.width !== W * cells || canvas.height !== H) {
    canvas.width = W * cells, canvas.height = H;
  }
  const ctx = pen(canvas);
  if (layout.graph) return paintGraph(ctx, values, layout, at * W);
  if (canvas.picture?.width !== W || canvas.picture.height !== H) canvas.picture = ctx.createImageData(W, H);
  const { data } = canvas.picture, plane = H * W;
  for (let i = 0, o = 0; i < plane; i++, o += 4) {
    for (let c = 0; c < 3; c++) data[o + c] = values[C === 3 ? c * plane + i : i] * 255;
    data[o + 3] = 255;
  }
  ctx.putImageData(canvas.picture, at * W, 0);
}

/** Bars from the columns' means, with names and the values in their units; or a curve. */
function paintGraph(ctx, values, { W, H, low, high, columns, names, color = "#7fc4f5" }, left) {
  const share = (v) => Math.max(0, Math.min(1, (v - low) / (high - low)));
  ctx.clearRect(left, 0, W, H);
  ctx.strokeStyle = ctx.fillStyle = color;
  ctx.lineWidth = names ? 3 : 2;
  if (!columns) {
    ctx.beginPath();
    values.forEach((v, i) => v != null && ctx.lineTo(left + (i + 0.5) / values.length * W, H - 4 - (H - 8) * share(v)));
    return ctx.stroke();
  }
  const row = H / columns.length, reach = W * (names ? 0.4 : 1), bars = left + (names ? 0.42 * W : 0);
  ctx.font = "22px sans-serif";
  columns.forEach(({ name, mean, std }, i) => {
    const from = bars + share(0) * reach, to = bars + share(values[i]) * reach, text = (i + 0.75) * row;
    ctx.fillStyle = color;
    ctx.fillRect(Math.min(from, to), (i + 0.15) * row, Math.max(1, Math.abs(to - from)), 0.7 * row);
    if (!names) return;
    ctx.fillStyle = "#e4e7ea";
    ctx.textAlign = "left", ctx.fillText(name, left + 8, text, 0.4 * W - 8);
    ctx.textAlign = "right", ctx.fillText(+(values[i] * std + mean).toPrecision(3), left + W - 8, text, 0.17 * W - 8);
  });
}

const newCanvas = () => document.createElement("canvas");
const pen = (canvas) => canvas.getContext("2d");

function wipe(canvas) {
  pen(canvas).clearRect(0, 0, canvas.width, canvas.height);
}

const number = (v) => (Math.abs(v) < 0.005 ? "0.00" : v.toFixed(2)).replace("-", "\u2212");

/** A bundle's typed arrays; Streamlit sends them as Arrow tables. */
function unpack(data) {
  const arrays = {};
  for (const [name, value] of Object.entries(data)) {
    if (ArrayBuffer.isView(value)) arrays[name] = value;
    else if (value?.getChild) arrays[name] = value.getChild("value").toArray();
  }
  return arrays;
}

// ---------------- the pad

const OPEN_SLIDERS = 4, FOLDED_SLIDERS = 92, STRIP = 9, JOURNEY = 40, TAP = 6, PAPER = 140;

/** One pad in one place of a page. `update` takes new data; `destroy` ends it. */
class Pad {
  constructor(root) {
    this.root = root;
    this.el = {};
    for (const node of root.querySelectorAll("[data-el]")) this.el[node.dataset.el] = node;
    this.frames = new Map(); // epoch -> {codes, weights, network}
    this.pointers = new Map();
    this.sliders = new Map();
    this.abort = new AbortController();
    this.listen();
    this.resizes = new ResizeObserver(() => this.resize());
    this.resizes.observe(this.el.map);
  }

  destroy() {
    this.abort.abort();
    this.resizes.disconnect();
    cancelAnimationFrame(this.pending);
    for (const timer of [this.waiting, this.reporting, this.talking]) clearTimeout(timer);
  }

  // ---------------- data

  /** Take a bundle; cheap when it is the one already shown. */
  update({ data, setStateValue, setTriggerValue }) {
    this.send = { state: setStateValue, trigger: setTriggerValue };
    if (!data.meta) return this.say("There is no model to decode yet.");
    const arrays = unpack(data);
    this.options = data.options;
    if (arrays.decoded && data.options.decoded_for === this.asked) {
      this.answer = Float32Array.from(arrays.decoded);
      this.answered();
    }
    if (data.meta.id === this.meta?.id) return this.show(); // a rerun that changed nothing
    const before = this.meta;
    this.meta = data.meta;
    this.arrays = arrays;
    const same = before && before.model.id === this.meta.model.id
      && before.latent_dim === this.meta.latent_dim && before.points === this.meta.points;
    this.k = this.meta.latent_dim;
    this.layout = layoutOf(this.meta);
    this.thing = this.meta.kind === "image" ? "image" : "example";
    this.size = product(this.meta.shape);
    this.dimensions = [...this.meta.dimensions].sort((a, b) => a.index - b.index);
    this.mean = Float32Array.from(this.dimensions, (d) => d.mean);
    this.answer = null;
    if (!same) this.forget();
    this.problem = this.readNetwork();
    this.readFrames();
    this.makePca();
    this.build(!same);
    this.say(this.problem);
    if (before && !same) this.say(`The model changed: this is ${this.meta.model.name}. ${this.problem}`, true);
    this.fit(!same);
    this.glide(same);
    this.show();
  }

  /** Another model: positions, pins and epochs of the one before mean nothing now. */
  forget() {
    this.z = this.mean.slice();
    this.hover = this.anchor = this.path = null;
    this.undos = [], this.pins = [], this.playing = false;
    this.frames.clear();
    this.epoch = null;
    this.userView = false;
    const informative = this.meta.dimensions.map((d) => d.index);
    this.axes = this.k > 1 ? [informative[0], informative[1]].sort((a, b) => a - b) : [0, -1];
  }

  /** Prepare the newest weights; returns a sentence when the browser cannot decode. */
  readNetwork() {
    this.network = this.newest = null;
    const { meta, arrays } = this;
    if (!meta.network) {
      return `${meta.why_no_network || "This model does not run in the browser."} `
        + (this.send.trigger ? "The server decodes when you click." : "");
    }
    try {
      this.network = createNetwork(meta.network, arrays.w);
    } catch (error) {
      this.broken = true;
      return error.message;
    }
    this.broken = false;
    this.newest = this.network;
    if (this.layout.graph && meta.kind === "image") {
      return `Data of shape (${meta.shape.join(", ")}) is no picture: it is drawn as a curve.`;
    }
    return "";
  }

  readFrames() {
    const { meta, arrays } = this, time = meta.time;
    this.codes = arrays.codes;
    if (!time) return this.follow();
    const n = meta.points * this.k, count = meta.network?.weights ?? 0;
    time.frames.forEach((epoch, i) => this.frames.set(epoch, {
      codes: arrays.frame_codes.subarray(i * n, (i + 1) * n),
      weights: arrays.frame_w?.subarray(i * count, (i + 1) * count),
    }));
    for (const [epoch, frame] of this.frames) {
      if (frame.codes.length !== n || !time.available.includes(epoch)) this.frames.delete(epoch);
    }
    if (this.epoch !== null) this.goToEpoch(this.epoch);
    else this.follow();
  }

  makePca() {
    const { k, size, arrays: { pca } } = this;
    let at = 0;
    const take = (length) => pca.subarray(at, at += length);
    this.pca = pca && { components: take(k * size), mean: take(size), matrix: take(k * k), offset: take(k) };
  }

  /** PCA's decoding: of an example's own scores, or of the scores that fit the code z. */
  pcaDecode(z, x) {
    const { components, mean, matrix, offset } = this.pca, { k, size } = this, out = mean.slice();
    for (let j = 0; j < k; j++) {
      const component = components.subarray(j * size, (j + 1) * size);
      const score = x ? component.reduce((sum, c, i) => sum + c * (x[i] - mean[i]), 0)
        : z.reduce((sum, v, d) => sum + matrix[j * k + d] * v, offset[j]);
      component.forEach((c, i) => (out[i] += score * c));
    }
    return out;
  }

  codeOf = (i) => this.codes.slice(i * this.k, (i + 1) * this.k);

  /** Example i of the map; its bytes span the range of the data. */
  imageOf(i) {
    const [low, high] = this.meta.range;
    return Float32Array.from(this.arrays.images.subarray(i * this.size, (i + 1) * this.size),
      (v) => low + v / 255 * (high - low));
  }

  // ---------------- state

  /** The z on show: under the pointer, else where it was left. */
  get current() {
    return this.hover ?? this.z;
  }

  remember() {
    this.undos.push({ z: this.z, anchor: this.anchor });
    if (this.undos.length > 100) this.undos.shift();
  }

  undo() {
    const last = this.undos.pop();
    if (last) Object.assign(this, last), this.moved();
  }

  /** Go to z and stay there. anchor: the example it is the code of, {index, x, mu, logvar}. */
  choose(z, anchor = null, keep = true) {
    this.remember();
    this.z = Float32Array.from(z);
    this.anchor = anchor;
    this.hover = null;
    if (keep) {
      this.pins = [...this.pins.slice(-5), { z: this.z, index: anchor?.index ?? -1 }];
      this.drawPins();
    }
    this.moved();
  }

  chooseImage(index) {
    const mu = this.codeOf(index);
    this.choose(mu, { index, x: index < this.meta.images ? this.imageOf(index) : null, mu });
  }

  /** Mean and log variance of q(z|x) of the chosen example, or null. */
  posterior() {
    const { anchor, network } = this;
    if (!anchor?.x || !network?.variational) return null;
    anchor.logvar ??= network.encode(anchor.x).logvar.slice();
    return anchor;
  }

  resample() {
    const q = this.posterior();
    if (!q) return;
    this.remember();
    this.z = reparameterize(q.mu, q.logvar);
    this.moved();
  }

  /** After z or the anchor changed by an act, not by hovering. */
  moved() {
    if (this.playing) this.play(false);
    this.enable();
    this.show();
    this.askServer();
    clearTimeout(this.reporting);
    if (this.options.report) {
      this.reporting = setTimeout(() => this.send.state?.("pin", {
        z: [...this.z], index: this.anchor?.index ?? -1, model: this.meta.model.id,
      }), 250);
    }
  }

  /** Say something over the map; passing news make room again for what is wrong, if anything. */
  say(text, passing) {
    if (this.el.note.textContent !== text) this.el.note.textContent = text;
    this.el.note.hidden = !text;
    clearTimeout(this.talking);
    if (passing) this.talking = setTimeout(() => this.say(this.problem), 6000);
  }

  // ---------------- the server

  /** Ask Python to decode z, where the browser cannot. */
  askServer() {
    if (this.meta.network) return;
    this.asked = `${Date.now()}`;
    this.answer = null;
    this.request("decode", { z: [...this.z], token: this.asked });
  }

  /** Trigger a rerun, and say so if no answer comes. */
  request(name, value) {
    if (!this.send.trigger) return;
    this.send.trigger(name, value);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(async () => {
      this.lost = await fetch("_stcore/health", { cache: "no-store" }).then((r) => !r.ok, () => true);
      if (this.lost) this.say("The connection to the server is lost. What is here still works.");
    }, 5000);
  }

  answered() {
    clearTimeout(this.waiting);
    if (this.lost) this.say(this.problem);
    this.lost = false;
  }

  // ---------------- time

  /** Show the model as it was after `epoch`; null follows the newest. */
  goToEpoch(epoch) {
    const { available } = this.meta.time;
    this.epoch = epoch === available.at(-1) ? null : epoch;
    const frame = this.frames.get(epoch);
    if (this.epoch === null) {
      this.codes = this.arrays.codes;
      this.network = this.newest;
    } else if (frame) {
      this.answered();
      this.codes = frame.codes;
      if (frame.weights) {
        try {
          frame.network ??= createNetwork(this.meta.network, frame.weights);
        } catch (error) {
          this.say(error.message);
        }
        this.network = frame.network ?? null;
      }
    } else {
      this.request("epoch", epoch);
    }
    this.follow();
    this.drawLosses();
  }

  /** The chosen and pinned images keep their identity: their codes are those of now. */
  follow() {
    this.pins = this.pins.map((pin) => (pin.index < 0 ? pin : { ...pin, z: this.codeOf(pin.index) }));
    if (!(this.anchor?.index >= 0)) return;
    const { index, x } = this.anchor;
    this.z = this.codeOf(index);
    this.anchor = { index, x, mu: this.z };
  }

  travel(epoch) {
    this.goToEpoch(epoch);
    this.glide(true);
    this.show();
  }

  /** Move the points from where they are to the new codes within 0.3 s, so the eye can follow. */
  glide(smooth) {
    const { k, axes: [ax, ay] } = this, n = this.meta.points;
    const target = new Float32Array(2 * n);
    for (let i = 0; i < n; i++) {
      target[2 * i] = this.codes[i * k + ax];
      target[2 * i + 1] = ay < 0 ? ((i * 0.618034) % 1) - 0.5 : this.codes[i * k + ay];
    }
    const gliding = smooth && this.positions?.length === target.length
      && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.tween = gliding ? { from: this.positions, to: target, start: performance.now() } : null;
    if (!gliding) this.positions = target;
    this.stale = true;
  }

  // ---------------- the map

  resize() {
    const { clientWidth: width, clientHeight: height } = this.el.map;
    if (!width || !this.meta) return;
    const dpr = devicePixelRatio || 1;
    for (const canvas of [this.el.points, this.el.overlay]) {
      canvas.width = width * dpr, canvas.height = height * dpr;
      pen(canvas).setTransform(dpr, 0, 0, dpr, 0, 0);
    }
    this.width = width, this.height = height;
    this.stale = true;
    this.show();
  }

  /** Show all points of all epochs at hand, unless the person has chosen a view. */
  fit(always = true) {
    if (this.userView && !always) return;
    this.userView = false;
    const codes = [this.arrays.codes, ...[...this.frames.values()].map((frame) => frame.codes)];
    const span = (d) => {
      if (d < 0) return { low: -1, high: 1 };
      let low = Infinity, high = -Infinity;
      for (const some of codes) {
        const sorted = some.filter((v, i) => i % this.k === d && Number.isFinite(v)).sort();
        low = Math.min(low, sorted[Math.floor(sorted.length * 0.003)] ?? -1);
        high = Math.max(high, sorted[Math.ceil(sorted.length * 0.997) - 1] ?? 1);
      }
      const margin = (high - low || 1) * 0.08;
      return { low: low - margin, high: high + margin };
    };
    this.view = this.axes.map(span);
    this.stale = true;
  }

  /** Between a value along axis i of the map and its share (0 to 1) of the view, and pixels. */
  share = (v, i) => (v - this.view[i].low) / (this.view[i].high - this.view[i].low);
  value = (share, i) => this.view[i].low + share * (this.view[i].high - this.view[i].low);
  toX = (v) => this.share(v, 0) * this.width;
  toY = (v) => (1 - this.share(v, 1)) * this.height;
  fromX = (x) => this.value(x / this.width, 0);
  fromY = (y) => this.value(1 - y / this.height, 1);

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const at = [this.fromX(x), this.fromY(y)];
    this.look((low, i) => at[i] + (low - at[i]) / factor);
  }

  pan(dx, dy) {
    const by = [this.fromX(0) - this.fromX(dx), this.fromY(0) - this.fromY(dy)];
    this.look((edge, i) => edge + by[i]);
  }

  /** Move every edge of the view, unless nothing could be seen in it. */
  look(move) {
    const view = this.view.map(({ low, high }, i) => ({ low: move(low, i), high: move(high, i) }));
    if (view.some(({ low, high }) => !(high - low > 1e-4 && high - low < 1e6))) return;
    this.view = view;
    this.userView = this.stale = true;
    this.show();
  }

  colorOf(i) {
    return this.meta.classes[this.arrays.labels?.[i]]?.color ?? "#8a8f98";
  }

  drawPoints() {
    const ctx = pen(this.el.points), at = this.positions;
    const style = getComputedStyle(this.root), css = (name) => style.getPropertyValue(name).trim();
    this.inkColor = css("--ink"), this.paperColor = css("--paper"), this.accent = css("--accent");
    ctx.clearRect(0, 0, this.width, this.height);
    this.cross(ctx, this.toX(0), this.toY(0), 0.2);
    ctx.globalAlpha = 0.8;
    ctx.fillStyle = this.inkColor;
    ctx.font = "12px sans-serif";
    ctx.fillText(`${this.nameOf(this.axes[0])} \u2192`, this.width - 44, this.height - 6);
    if (this.k > 1) ctx.fillText(`${this.nameOf(this.axes[1])} \u2191`, 6, 14);
    const n = at.length / 2, images = this.thumbnails && !this.layout.graph;
    const side = n > 2500 ? 3 : n > 800 ? 4 : 6, taken = new Set(), cell = 30;
    ctx.globalAlpha = images ? 1 : 0.75;
    for (let i = 0; i < n; i++) {
      const x = this.toX(at[2 * i]), y = this.toY(at[2 * i + 1]);
      if (x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) continue;
      if (!images) {
        ctx.fillStyle = this.colorOf(i);
        ctx.fillRect(x - side / 2, y - side / 2, side, side);
      } else if (i < this.meta.images) {
        const key = `${Math.round(x / cell)},${Math.round(y / cell)}`;
        if (taken.has(key)) continue;
        taken.add(key);
        ctx.drawImage(this.thumbnail(i), x - cell / 2, y - cell / 2, cell - 2, cell - 2);
      }
    }
    ctx.globalAlpha = 1;
    if (!images) this.drawClassNames(ctx);
  }

  /** Example i as a small picture, its ink in the colour of its class. */
  thumbnail(i) {
    if (!this.thumbs.has(i)) {
      const canvas = newCanvas();
      paint(canvas, this.imageOf(i), this.layout);
      if (this.layout.C === 1) {
        const { data } = canvas.picture, ctx = pen(canvas);
        for (let o = 0; o < data.length; o += 4) data[o + 3] = data[o];
        ctx.putImageData(canvas.picture, 0, 0);
        ctx.globalCompositeOperation = "source-in";
        ctx.fillStyle = this.colorOf(i), ctx.fillRect(0, 0, canvas.width, canvas.height);
      }
      this.thumbs.set(i, canvas);
    }
    return this.thumbs.get(i);
  }

  cross(ctx, x, y, alpha) {
    ctx.globalAlpha = alpha;
    ctx.fillStyle = this.inkColor;
    ctx.fillRect(x, 0, 1, this.height);
    if (this.k > 1) ctx.fillRect(0, y, this.width, 1);
    ctx.globalAlpha = 1;
  }

  /** The class's name in the middle of its points: a second channel beside the colour. */
  drawClassNames(ctx) {
    const places = this.meta.classes.map(() => [[], []]);
    this.arrays.labels?.forEach((label, i) => {
      places[label]?.[0].push(this.positions[2 * i]), places[label]?.[1].push(this.positions[2 * i + 1]);
    });
    ctx.save();
    ctx.font = "bold 14px sans-serif";
    ctx.textAlign = "center", ctx.textBaseline = "middle";
    ctx.lineWidth = 4;
    ctx.strokeStyle = this.paperColor, ctx.fillStyle = this.inkColor;
    places.forEach(([xs, ys], c) => {
      if (!xs.length) return;
      const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
      const x = this.toX(middle(xs)), y = this.toY(middle(ys)), { name } = this.meta.classes[c];
      ctx.strokeText(name, x, y), ctx.fillText(name, x, y);
    });
    ctx.restore();
  }

  drawOverlay() {
    const ctx = pen(this.el.overlay), z = this.current, [ax, ay] = this.axes;
    const place = (code) => [this.toX(code[ax]), ay < 0 ? this.height / 2 : this.toY(code[ay])];
    ctx.clearRect(0, 0, this.width, this.height);
    const [x, y] = place(z);
    this.cross(ctx, x, y, 0.5);
    ctx.lineWidth = 2;
    const line = this.recording ?? this.path;
    if (line) {
      ctx.strokeStyle = this.accent;
      ctx.beginPath();
      for (const code of line) ctx.lineTo(...place(code));
      ctx.stroke();
    }
    const ring = ([u, v], color, width, height = width) => {
      ctx.strokeStyle = color;
      ctx.beginPath(), ctx.ellipse(u, v, width, height, 0, 0, 7), ctx.stroke();
    };
    this.pins.forEach((pin) => ring(place(pin.z), this.inkColor, 5));
    const q = this.posterior(), [u, v] = this.view.map(({ low, high }) => high - low);
    if (q && ay >= 0) for (const deviations of [1, 2]) {
      const radius = (d) => deviations * Math.exp(q.logvar[d] / 2);
      ring(place(q.mu), this.accent, radius(ax) / u * this.width, radius(ay) / v * this.height);
    }
    if (this.near) ring(place(this.codes.subarray(this.near.index * this.k)), this.accent, 7);
    ctx.fillStyle = this.accent;
    ctx.beginPath(), ctx.arc(x, y, 5, 0, 7), ctx.fill();
  }

  // ---------------- one frame

  /** Draw what changed, at the next frame. */
  show() {
    this.pending ??= requestAnimationFrame((now) => {
      this.pending = null;
      if (this.meta && this.root.isConnected) this.frame(now);
    });
  }

  frame(now) {
    if (!this.width) this.resize();
    if (!this.width) return;
    if (this.playing) this.step(now);
    if (this.filming) this.film(now);
    if (this.tween) this.move(now);
    if (this.stale) this.drawPoints(), this.stale = false;
    this.drawDecoded();
    this.drawOverlay();
    const key = this.current.join();
    if (key !== this.stripKey) this.stripKey = key, this.stripsAt = now + 120, this.stripQueue = null;
    this.drawStrips(now);
    if (this.playing || this.filming || this.tween || this.stripsAt) this.show();
  }

  move(now) {
    const { from, to, start } = this.tween, t = Math.min(1, (now - start) / 300), s = t * t * (3 - 2 * t);
    this.positions = t < 1 ? to.map((v, i) => from[i] + s * (v - from[i])) : to;
    if (t === 1) this.tween = null;
    this.stale = true;
  }

  drawDecoded() {
    const z = this.current, { el, layout, k, thing } = this, anchored = !this.hover && this.anchor;
    const still = anchored?.x && anchored.mu.every((v, d) => v === z[d]);
    const x_hat = this.network ? this.network.decode(z) : z === this.z ? this.answer : null;
    const drawable = x_hat?.every(Number.isFinite);
    wipe(el.big);
    if (drawable) paint(el.big, x_hat, layout.large);
    el.bigText.textContent = drawable ? (still ? "Its reconstruction" : "Decoded from this point")
      : x_hat ? "The decoding is not a number here." : this.broken ? "Nothing to decode."
        : this.hover ? "Click to decode here." : "Waiting for the server.";
    this.near = null;
    if (this.meta.images) {
      [this.near] = still && anchored.index >= 0 ? [{ index: anchored.index, distance: 0 }]
        : nearest(this.codes, k, this.meta.images, z);
      const { index, distance } = this.near, name = this.meta.classes[this.arrays.labels?.[index]]?.name;
      paint(el.near, this.imageOf(index), layout.small);
      el.nearText.textContent = `${distance ? "Nearest real" : "The chosen"} ${thing}${name ? ` (${name})` : ""}`
        + (distance ? `, ${number(distance)} away` : "");
    }
    if (this.pca) {
      paint(el.pca, this.pcaDecode(z, still ? anchored.x : null), layout.small);
      el.pcaText.textContent = still ? `PCA of it, ${k} numbers` : `PCA, ${k} numbers, here`;
    }
    const shown = k <= 3 ? [...z.keys()] : this.axes;
    el.where.textContent = shown.map((d) => `${this.nameOf(d)} = ${number(z[d])}`).join("   ")
      + (k > 3 ? `   ${k - 2} others unchanged` : "");
    this.drawSliderValues(z);
  }

  nameOf = (d) => `z${[...String(d + 1)].map((c) => String.fromCharCode(0x2080 + +c)).join("")}`;

  // ---------------- hands

  listen() {
    const on = (node, types, act) => types.split(" ").forEach((type) =>
      node.addEventListener(type, act, { signal: this.abort.signal, passive: false }));
    const { overlay, axisX, axisY, epoch, fold, paper, file, centre } = this.el;
    on(this.root, "click", (event) => {
      const act = event.target.closest("[data-do]")?.dataset.do;
      if (act && this.meta) (this.actions[act] ?? this[act]).call(this, event);
    });
    const hands = { pointerdown: "down", pointermove: "point", pointerup: "up", pointercancel: "up", pointerleave: "leave" };
    for (const type in hands) on(overlay, type, (event) => this.view && this.width && this[hands[type]](event));
    on(this.root, "keydown", (event) => this.view && this.key(event));
    on(overlay, "contextmenu", (event) => event.preventDefault());
    on(overlay, "wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.offsetX, event.offsetY);
    });
    for (const axis of [axisX, axisY]) on(axis, "change", () => this.setAxes());
    on(epoch, "input", () => this.travel(this.meta.time.available[+epoch.value]));
    on(fold, "toggle", () => fold.open && this.makeSliders());
    on(paper, "pointerdown pointermove", (event) => this.ink(event));
    on(file, "change", () => this.readFile());
    on(centre, "change", () => this.encodeDrawing());
  }

  actions = {
    reset() { this.choose(this.mean, null, false); },
    prior() { this.choose(this.mean.map(() => gaussian()), null, false); },
    random() { this.chooseImage(Math.floor(Math.random() * this.meta.images)); },
    dots() { this.thumbnails = this.press("dots", !this.thumbnails); this.stale = true; this.show(); },
    zoomIn() { this.zoom(1.5); },
    zoomOut() { this.zoom(1 / 1.5); },
    fit() { this.fit(); this.show(); },
    clear() { this.paperInk(true); this.encodeDrawing(); },
    path() { this.awaitingDrag = this.press("path", !this.awaitingDrag); },
    play() { this.play(!this.playing); },
    png() { this.el.strip.toBlob((blob) => this.save(blob, "journey.png")); },
    film() { this.filming = this.filming ? null : { at: 0, index: -1 }; this.drawLosses(); this.show(); },
    tab(event) { this.openTab(event.target.dataset.tab); },
    pin(event) { const pin = this.pins[event.target.closest("button").dataset.pin]; this.choose(pin.z, null, false); },
  };

  press(name, state) {
    this.el[name].setAttribute("aria-pressed", state);
    return state;
  }

  /** The code under a place of the map: two coordinates from it, the others as they are. */
  codeAt(x, y) {
    const z = this.z.slice(), [ax, ay] = this.axes;
    z[ax] = this.fromX(x);
    if (ay >= 0) z[ay] = this.fromY(y);
    return z;
  }

  down(event) {
    this.el.overlay.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.gesture = { x: event.offsetX, y: event.offsetY, far: this.pointers.size > 1,
      pan: event.button > 0 || event.shiftKey };
    if (this.awaitingDrag && !this.gesture.pan) this.recording = [];
    if (this.playing) this.play(false);
    this.point(event);
  }

  point(event) {
    const last = this.pointers.get(event.pointerId), { offsetX: x, offsetY: y } = event;
    if (last && this.gesture && Math.hypot(x - this.gesture.x, y - this.gesture.y) > TAP) this.gesture.far = true;
    if (last && this.pointers.size > 1) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
      const spread = (p) => Math.max(20, Math.hypot(p.x - other.x, p.y - other.y));
      this.hover = this.recording = null;
      this.zoom(spread({ x, y }) / spread(last), (x + other.x) / 2, (y + other.y) / 2);
      this.pan((x - last.x) / 2, (y - last.y) / 2);
    } else if (last && this.gesture?.pan) {
      this.hover = null;
      this.pan(x - last.x, y - last.y);
    } else if (!this.playing) {
      this.hover = this.codeAt(x, y);
      this.recording?.push(this.hover);
      this.show();
    }
    if (last) last.x = x, last.y = y;
  }

  up(event) {
    const tapped = this.gesture && !this.gesture.far && !this.gesture.pan && event.type === "pointerup";
    this.pointers.delete(event.pointerId);
    const drag = this.recording;
    if (drag?.length > 1) {
      this.setPath((t) => drag[Math.round(t * (drag.length - 1))], "A recorded drag");
      this.awaitingDrag = this.press("path", false);
    } else if (tapped && !this.pointers.size) {
      const hit = this.hit(event.offsetX, event.offsetY);
      if (hit >= 0) this.chooseImage(hit);
      else this.choose(this.codeAt(event.offsetX, event.offsetY));
    }
    this.recording = null;
    if (event.pointerType !== "mouse") this.hover = null;
    this.show();
  }

  leave(event) {
    if (this.pointers.has(event.pointerId) || this.playing) return;
    this.hover = null;
    this.show();
  }

  /** The example within a few pixels of a place, or -1; one with a picture, where there are any. */
  hit(x, y) {
    let best = -1, least = this.thumbnails ? 16 : 8;
    for (let i = 0; i < (this.meta.images || this.meta.points); i++) {
      const far = Math.hypot(this.toX(this.positions[2 * i]) - x, this.toY(this.positions[2 * i + 1]) - y);
      if (far < least) least = far, best = i;
    }
    return best;
  }

  key(event) {
    const slider = event.target.closest?.(".lp-slider"), onMap = event.target === this.el.overlay;
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === this.el.epoch) return;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.key === "Escape") this.undo();
    else if (/^[1-9]$/.test(event.key)) this.chooseDimension(+event.key - 1);
    else if (event.key === "Home" && slider) this.setValue(+slider.dataset.d, this.mean[slider.dataset.d]);
    else if (event.key === "Home" && onMap) this.actions.reset.call(this);
    else if (onMap && arrow) this.nudge(arrow);
    else if (onMap && event.key === "Enter" && this.near) this.chooseImage(this.near.index);
    else return;
    event.preventDefault();
  }

  nudge(arrow) {
    const z = this.z.slice();
    this.axes.forEach((d, i) => d >= 0 && (z[d] += arrow[i] * (this.view[i].high - this.view[i].low) / 50));
    this.choose(z, null, false);
  }

  /** Dimension d by its number: to its slider. */
  chooseDimension(d) {
    if (d >= this.k || !this.panels.includes("sliders")) return;
    this.openTab("sliders");
    if (!this.sliders.has(d)) this.el.fold.open = true, this.makeSliders();
    this.sliders.get(d)?.input.focus();
  }

  setAxes() {
    this.axes = [+this.el.axisX.value, +this.el.axisY.value];
    this.fit();
    this.glide(true);
    this.show();
  }

  // ---------------- sliders

  makeSlider({ index: d, low, high, score, dead }) {
    const row = this.el.slider.content.firstElementChild.cloneNode(true);
    const [label, input, strip] = ["label", "input", "canvas"].map((tag) => row.querySelector(tag));
    const best = this.meta.dimensions[0].score || 1, { W, H } = this.layout;
    row.classList.toggle("lp-dead", dead);
    row.dataset.d = d;
    label.textContent = this.nameOf(d), label.htmlFor = input.id = `lp-z${d}`;
    Object.assign(input, { min: low, max: high, step: (high - low) / 400 });
    strip.width = STRIP * W, strip.height = H;
    strip.setAttribute("aria-label", `What ${this.nameOf(d)} changes, from low to high`);
    row.querySelector("i").style.width = `${Math.max(0, Math.min(100, 100 * score / best))}%`;
    row.querySelector("small").textContent = dead ? "dead: carries nothing"
      : this.meta.score === "KL" ? `KL ${score.toFixed(2)} nat` : `variance ${score.toPrecision(2)}`;
    input.addEventListener("pointerdown", () => this.remember());
    input.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && !event.repeat && this.remember());
    input.addEventListener("input", () => this.setValue(d, +input.value, false));
    input.addEventListener("change", () => this.moved());
    this.sliders.set(d, { row, input, low, high, strip, output: row.querySelector("output") });
    return row;
  }

  makeSliders() {
    const { dimensions } = this.meta, { foldedSliders } = this.el;
    if (foldedSliders.childElementCount) return;
    const rest = dimensions.slice(OPEN_SLIDERS, OPEN_SLIDERS + FOLDED_SLIDERS);
    foldedSliders.replaceChildren(...rest.map((d) => this.makeSlider(d)));
    this.stripKey = "";
    this.show();
  }

  setValue(d, value, done = true) {
    if (done) this.remember();
    this.z = this.z.slice();
    this.z[d] = value;
    this.anchor = this.hover = null;
    if (done || this.playing) this.moved();
    this.show();
  }

  drawSliderValues(z) {
    for (const [d, { input, output }] of this.sliders) {
      if (+input.value !== z[d]) input.value = z[d];
      const text = number(z[d]);
      if (output.textContent !== text) output.textContent = text;
    }
  }

  /** Filmstrips follow when the hand rests, a few decodings a frame. */
  drawStrips(now) {
    if (!this.stripsAt || now < this.stripsAt) return;
    this.stripQueue ??= [...this.sliders.values()].filter(({ row }) => row.offsetParent)
      .flatMap((slider) => Array.from({ length: STRIP }, (_, i) => ({ slider, i })));
    const start = performance.now(), z = this.current.slice();
    while (this.network && this.stripQueue.length && performance.now() - start < 5) {
      const { slider: { row, low, high, strip }, i } = this.stripQueue.shift(), d = row.dataset.d, kept = z[d];
      z[d] = low + (high - low) * i / (STRIP - 1);
      paint(strip, this.network.decode(z), this.layout, { at: i, cells: STRIP });
      z[d] = kept;
    }
    if (!this.network || !this.stripQueue.length) this.stripsAt = null;
  }

  // ---------------- draw your own

  paperInk(clear) {
    const ctx = this.el.paper.getContext("2d", { willReadFrequently: true });
    if (clear) ctx.clearRect(0, 0, PAPER, PAPER);
    return ctx;
  }

  ink(event) {
    event.preventDefault();
    const { paper } = this.el, ctx = this.paperInk(), scale = PAPER / paper.clientWidth;
    if (event.type === "pointerdown") paper.setPointerCapture(event.pointerId), this.pen = null;
    else if (!event.buttons) return;
    ctx.strokeStyle = "#fff";
    ctx.lineWidth = PAPER / 12, ctx.lineCap = ctx.lineJoin = "round";
    ctx.beginPath();
    const to = [event.offsetX * scale, event.offsetY * scale];
    ctx.moveTo(...this.pen ?? to), ctx.lineTo(...to);
    this.pen = to;
    ctx.stroke();
    this.drawing ??= requestAnimationFrame(() => (this.drawing = null, this.encodeDrawing()));
  }

  async readFile() {
    const [file] = this.el.file.files;
    this.el.file.value = "";
    const picture = file && await createImageBitmap(file).catch(() => null);
    if (!picture) return file && this.say(`${file.name} is not a picture that this browser can read.`, true);
    const scale = PAPER / Math.max(picture.width, picture.height), ctx = this.paperInk(true);
    const w = Math.ceil(picture.width * scale), h = Math.ceil(picture.height * scale);
    const x = (PAPER - w) >> 1, y = (PAPER - h) >> 1;
    ctx.drawImage(picture, x, y, w, h);
    const pixels = ctx.getImageData(x, y, w, h), { data } = pixels;
    const grey = Float32Array.from({ length: w * h }, (_, i) => (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3);
    inkOfPhotograph(grey).forEach((v, i) => data.set([255, 255, 255, 255 * v], 4 * i));
    this.paperInk(true).putImageData(pixels, x, y);
    this.say(this.problem);
    this.encodeDrawing();
  }

  /** Encode what is on the paper; its code becomes the chosen point. */
  encodeDrawing() {
    const { el, layout } = this, { H, W } = layout;
    const { data } = this.paperInk().getImageData(0, 0, PAPER, PAPER), ink = new Float32Array(PAPER * PAPER);
    for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3] / 255;
    const grey = fitDrawing(ink, PAPER, PAPER, H, W, el.centre.checked);
    if (!grey || !this.network) {
      [el.seen, el.redrawn, el.neighbours].forEach(wipe);
      el.drawText.textContent = grey ? this.problem : this.hint ??= el.drawText.textContent;
      return;
    }
    const q = this.network.encode(grey), mu = q.mu.slice();
    this.hover = null;
    if (this.anchor?.index !== -1) this.remember();
    this.anchor = { index: -1, x: grey, mu, logvar: q.logvar?.slice() };
    this.z = mu;
    this.moved();
    const x_hat = this.network.decode(mu), { errors } = this.meta;
    paint(el.seen, grey, layout), paint(el.redrawn, x_hat, layout);
    const error = grey.reduce((sum, v, i) => sum + (v - x_hat[i]) ** 2, 0) / this.size;
    const rank = errors.findIndex((e) => e > error);
    el.drawText.textContent = `Error ${error.toFixed(4)} (mean squared, per value)${errors.length
      ? `: larger than ${rank < 0 ? 100 : Math.max(0, rank - 1)} % of the held-out images' errors.` : "."}`;
    nearest(this.codes, this.k, this.meta.images, mu, 5).forEach(({ index }, at) =>
      paint(el.neighbours, this.imageOf(index), layout, { at, cells: 5 }));
  }

  // ---------------- journeys

  drawPins() {
    const button = ({ z, index }, i, all) => {
      const node = document.createElement("button"), canvas = newCanvas(), fromEnd = all.length - i;
      node.dataset.do = "pin", node.dataset.pin = i, node.type = "button";
      node.title = `Pinned ${index < 0 ? "point" : this.thing} ${i + 1}`;
      const x_hat = index >= 0 && index < this.meta.images ? this.imageOf(index) : this.network?.decode(z);
      if (x_hat) paint(canvas, x_hat, this.layout);
      node.append(canvas, fromEnd === 2 ? "A" : fromEnd === 1 ? "B" : "");
      return node;
    };
    this.el.pins.replaceChildren(...(this.pins.length ? this.pins.map(button)
      : ["Click the map to pin points. The last two are A and B."]));
    this.el.between.disabled = this.pins.length < 2;
  }

  between() {
    const [a, b] = this.pins.slice(-2).map((pin) => pin.z), kind = this.el.line.value;
    this.setPath((t) => interpolate(a, b, t, kind === "spherical"), `From A to B, ${kind}`);
  }

  /** at: a share of the way (0 to 1) -> z. */
  setPath(at, text) {
    this.path = Array.from({ length: JOURNEY }, (_, i) => at(i / (JOURNEY - 1)));
    this.pathText = text;
    this.drawJourney();
    this.play(true);
  }

  play(playing) {
    this.playing = playing, this.started = null;
    if (!playing) this.hover = null;
    this.el.play.textContent = playing ? "Stop" : "Play";
    this.show();
  }

  drawJourney() {
    const { el, path } = this, decodes = path && this.network;
    [el.play, el.gif, el.png].forEach((button) => (button.disabled = !decodes));
    el.journeyText.textContent = path ? this.pathText : "No journey yet.";
    if (decodes) path.filter((_, i) => i % 4 === 0).forEach((z, at, all) =>
      paint(el.strip, this.network.decode(z), this.layout, { at, cells: all.length }));
    else wipe(el.strip);
  }

  step(now) {
    this.started ??= now;
    const phase = (now - this.started) / 3000 % 2;
    this.hover = this.path[Math.round((phase < 1 ? phase : 2 - phase) * (this.path.length - 1))];
  }

  gif() {
    const { H, W, C, graph } = this.layout, scale = graph ? 2 : Math.max(1, Math.round(140 / Math.max(H, W)));
    const palette = Array.from({ length: 256 }, (_, i) => (C === 1 ? [i, i, i]
      : [Math.floor(i / 42) % 6 * 51, Math.floor(i / 6) % 7 * 42.5 | 0, i % 6 * 51]));
    const canvas = newCanvas();
    const frames = [...this.path, ...this.path.slice(1, -1).reverse()].map((z) => {
      wipe(canvas), paint(canvas, this.network.decode(z), this.layout);
      const { data } = pen(canvas).getImageData(0, 0, W, H), level = (v, n) => Math.round(v / 255 * n);
      return Uint8Array.from({ length: H * W * scale * scale }, (_, i) => {
        const o = 4 * (Math.floor(i / (W * scale) / scale) * W + Math.floor(i % (W * scale) / scale));
        return C === 1 ? data[o + 1] : level(data[o], 5) * 42 + level(data[o + 1], 6) * 6 + level(data[o + 2], 5);
      });
    });
    this.save(new Blob([encodeGif(frames, W * scale, H * scale, palette, 7)], { type: "image/gif" }), "journey.gif");
  }

  save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob), link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // ---------------- the film of epochs

  /** From the first epoch to the last, 0.6 s each. */
  film(now) {
    const { available } = this.meta.time, { at, index } = this.filming;
    if (now - at < 600 || (index >= 0 && this.epoch !== null && !this.frames.has(this.epoch))) return;
    if (index + 1 >= available.length) this.filming = null, this.drawLosses();
    else this.filming = { at: now, index: index + 1 }, this.travel(available[index + 1]);
  }

  drawLosses() {
    const { el, meta: { time } } = this;
    if (!time) return;
    const { available, test_mse: losses } = time, now = this.epoch ?? available.at(-1), at = available.indexOf(now);
    el.epoch.max = available.length - 1, el.epoch.value = at;
    el.film.textContent = this.filming ? "Stop" : "Play";
    el.epochText.textContent = `epoch ${now}${this.epoch === null ? " (newest)" : ""}`
      + (losses[at] == null ? "" : `, held-out error ${losses[at].toFixed(4)}`);
    const { losses: canvas } = el, { width: W, height: H } = canvas;
    const ctx = pen(canvas), known = losses.filter((v) => v != null);
    if (known.length < 2) return;
    const low = Math.min(...known), high = Math.max(...known, low + 1e-9);
    paintGraph(ctx, losses, { W, H, low, high, names: true, color: this.accent }, 0);
    ctx.globalAlpha = 0.3;
    ctx.fillRect((at + 0.5) / losses.length * W - 2, 0, 4, H);
    ctx.globalAlpha = 1;
  }

  // ---------------- the page around it

  /** Fit the page to the model. */
  build(anew) {
    const { el, meta, k, thing, layout: { graph, C, large, small } } = this;
    const fits = { sliders: true, draw: !graph && C === 1 && meta.network, journey: true, time: meta.time };
    const panels = this.options.panels.filter((name) => fits[name]);
    this.root.style.setProperty("--map-height", `${this.options.height}px`);
    el.axes.hidden = k < 3;
    el.pcaBox.hidden = !meta.pca;
    el.near.parentNode.hidden = !meta.images;
    this.root.classList.toggle("lp-graph", !!graph);
    el.dots.hidden = !meta.images || graph;
    el.resample.hidden = el.prior.hidden = !meta.variational;
    el.random.disabled = !meta.images;
    el.random.textContent = `Any ${thing}`;
    for (const [canvas, { W, H }] of [[el.big, large], [el.near, small], [el.pca, small]]) canvas.width = W, canvas.height = H;
    this.thumbs = new Map();
    el.legend.replaceChildren(...meta.classes.map(({ name, color }) => {
      const node = document.createElement("span"), dot = document.createElement("i");
      dot.style.background = color;
      node.append(dot, name);
      return node;
    }));
    el.overlay.setAttribute("aria-label", `Map of ${meta.points} held-out codes of ${meta.model.name}`);
    if (k > 2 && (anew || el.axisX.childElementCount !== k)) for (const select of [el.axisX, el.axisY]) {
      select.replaceChildren(...meta.dimensions.map(({ index, dead }) =>
        new Option(this.nameOf(index) + (dead ? " (dead)" : ""), index)));
    }
    [el.axisX.value, el.axisY.value] = this.axes;
    const order = meta.dimensions.map((d) => d.index).join();
    if (panels.includes("sliders") && (anew || order !== this.order)) {
      this.order = order;
      this.sliders = new Map();
      el.openSliders.replaceChildren(...meta.dimensions.slice(0, OPEN_SLIDERS).map((d) => this.makeSlider(d)));
      el.foldedSliders.replaceChildren();
      const rest = Math.min(FOLDED_SLIDERS, k - OPEN_SLIDERS);
      el.fold.hidden = rest <= 0;
      const dead = meta.dimensions.filter((d) => d.dead).length;
      el.foldText.textContent = `${rest} more dimensions${dead ? `; ${dead} of all ${k} are dead` : ""}`;
      if (el.fold.open && rest > 0) this.makeSliders();
    }
    if (panels.join() !== this.panels?.join()) {
      this.panels = panels;
      el.tabs.hidden = panels.length < 2;
      for (const button of el.tabs.children) button.hidden = !panels.includes(button.dataset.tab);
      this.openTab(panels.includes(this.tab) ? this.tab : panels[0]);
    }
    if (anew) this.paperInk(true), this.encodeDrawing();
    this.drawPins();
    this.drawJourney();
    this.drawLosses();
    this.enable();
    this.stripKey = "";
  }

  enable() {
    this.el.undo.disabled = !this.undos.length;
    this.el.resample.disabled = !this.posterior();
  }

  openTab(name) {
    this.tab = name;
    for (const panel of this.root.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== name;
    for (const button of this.el.tabs.children) button.setAttribute("aria-selected", button.dataset.tab === name);
    if (name === "time") this.drawLosses();
    this.stripKey = "";
    this.show();
  }
}

/** The component: Streamlit calls it again whenever data change; the same pad takes them. */
export default function latentPad(args) {
  const root = args.parentElement.querySelector(".lp");
  root.pad ??= new Pad(root);
  root.pad.update({ ...args, data: args.data ?? {} });
  return () => {
    root.pad?.destroy();
    root.pad = null;
  };
}
