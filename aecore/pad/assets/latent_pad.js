/**
 * The live decoder: an engine for networks exported by aecore/export/browser.py, and the pad that
 * points into their latent space. The same text is the Streamlit component and the explorer file.
 */

const { abs, ceil, exp, floor, hypot, max, min, PI, round, sin, sqrt } = Math;

// ---- engine

/** erf by a series of terms of one sign (Abramowitz and Stegun 7.1.6): nothing cancels. */
export function erf(x) {
	if (abs(x) > 6) return Math.sign(x);
	let term = x, sum = x;
	for (let n = 1; abs(term) > 1e-16 * abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
	return 2 / sqrt(PI) * exp(-x * x) * sum;
}

const sigmoid = (x) => 1 / (1 + exp(-x));

/** Each activation: operation -> function of one number. */
const ACTIVATIONS = {
	relu: () => (x) => (x > 0 ? x : 0),
	leaky_relu: ({ slope }) => (x) => (x > 0 ? x : slope * x),
	elu: ({ alpha }) => (x) => (x > 0 ? x : alpha * Math.expm1(x)),
	gelu: ({ approximate }) => (approximate === "tanh"
		? (x) => 0.5 * x * (1 + Math.tanh(sqrt(2 / PI) * (x + 0.044715 * x * x * x)))
		: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2))),
	silu: () => (x) => x * sigmoid(x),
	tanh: () => Math.tanh,
	sigmoid: () => sigmoid,
};

const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

const SUMS = new Float64Array(4);

/** y[at + o] += row o of w (O x n) times x[from ...]; four rows for each fetch of x. */
function multiply(w, n, O, x, from, y, at) {
	for (let o = 0, j = 0; o < O; o += 4, j += 4 * n) {
		const more = min(4, O - o), j1 = more > 1 ? j + n : j, j2 = more > 2 ? j1 + n : j, j3 = more > 3 ? j2 + n : j;
		let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
		for (let i = 0; i < n; i++) {
			const v = x[from + i];
			s0 += w[j + i] * v, s1 += w[j1 + i] * v, s2 += w[j2 + i] * v, s3 += w[j3 + i] * v;
		}
		SUMS[0] = s0, SUMS[1] = s1, SUMS[2] = s2, SUMS[3] = s3;
		for (let r = 0; r < more; r++) y[at + o + r] += SUMS[r];
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
	const N = coarse[1] * coarse[2], M = fine[1] * fine[2], b = take(op.b, O);
	const rows = forward ? og : og * T, n = forward ? cg * T : cg;
	const weights = Array.from({ length: groups }, (_, g) => take(op.w + g * rows * n, rows * n));
	const read = new Float64Array(n), found = new Float64Array(rows), sum = new Float64Array(O * product(op.out.slice(1)));
	return (x, y) => {
		for (let o = 0, size = sum.length / O; o < O; o++) sum.fill(b[o], o * size, (o + 1) * size);
		for (let p = 0; p < N; p++) for (let g = 0; g < groups; g++) {
			const end = (p + 1) * T;
			for (let c = g * cg, i = 0; c < (g + 1) * cg; c++) {
				if (!forward) read[i++] = x[c * N + p];
				else for (let t = p * T; t < end; t++) read[i++] = places[t] < 0 ? 0 : x[c * M + places[t]];
			}
			multiply(weights[g], n, rows, read, 0, found.fill(0), 0);
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
 * take(offset, size) is a view of the weights.
 * Sums are in float64 and rounded once: at least as exact as torch.
 */
const OPERATIONS = {
	linear({ rows, in: n, out: O, ...op }, take) {
		const w = take(op.w, n * O), b = take(op.b, O);
		return (x, y) => {
			for (let r = 0; r < rows; r++) y.set(b, r * O), multiply(w, n, O, x, r * n, y, r * O);
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
				const scale = 1 / sqrt(variance + eps);
				for (let i = 0; i < size; i++) y[start + i] = (x[start + i] - mean) * scale * w[i] + b[i];
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
			sorted.set(x);
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
					best = max(best, value), sum += value, count++;
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
		if (!(offset + length <= weights.length)) throw new Error("weights are missing");
		return weights.subarray(offset, offset + length);
	};
	const steps = ops.map((op) => {
		if (!Object.hasOwn(OPERATIONS, op.op)) throw new Error(`unknown operation ${op.op}`);
		return { run: OPERATIONS[op.op](op, take), y: new Float32Array(op.writes) };
	});
	const copy = new Float32Array(size);
	return (input) => {
		let x = copy;
		x.set(input);
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
	sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * PI * random());

/** z = mu + exp(logvar / 2) * eps. */
export function reparameterize(mu, logvar, random = Math.random) {
	return Float32Array.from(mu, (m, d) => m + exp(logvar[d] / 2) * gaussian(random));
}

/** A point of the way from a to b, t in [0, 1]; spherical keeps the length between theirs. */
export function interpolate(a, b, t, spherical = false) {
	let p = 1 - t, q = t;
	if (spherical) {
		const dot = a.reduce((sum, v, d) => sum + v * b[d], 0);
		const angle = Math.acos(dot / hypot(...a) / hypot(...b)), sine = sin(angle);
		if (sine > 1e-4) p = sin((1 - t) * angle) / sine, q = sin(t * angle) / sine;
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
	return best.map(({ index, sum }) => ({ index, distance: sqrt(sum) }));
}

// ---- pictures

/** Each row of `width` values becomes n means over equal parts of [from, from + span); transposed. */
function shrink(values, width, from, span, n) {
	const rows = values.length / width, out = new Float32Array(n * rows);
	for (let i = 0; i < n; i++) {
		const start = from + i * span / n, end = min(width, start + span / n);
		for (let x = floor(start); x < end; x++) {
			const share = (min(end, x + 1) - max(start, x)) * n / span;
			for (let r = 0; r < rows; r++) out[i * rows + r] += share * values[r * width + x];
		}
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
	if (!centred) return shrink(shrink(ink, width, 0, width, W), height, 0, height, H);
	const left = min(...xs), top = floor(inked[0] / width);
	const bw = max(...xs) - left + 1, bh = floor(inked.at(-1) / width) - top + 1;
	const scale = min(W * 20 / 28 / bw, H * 20 / 28 / bh);
	const w = max(1, round(bw * scale)), h = max(1, round(bh * scale));
	const small = shrink(shrink(ink, width, left, bw, w), height, top, bh, h);
	let mass = 0, mx = 0, my = 0;
	small.forEach((v, i) => (mass += v, mx += v * (i % w + 0.5), my += v * (floor(i / w) + 0.5)));
	const dx = round(W / 2 - mx / mass), dy = round(H / 2 - my / mass);
	const out = new Float32Array(H * W);
	small.forEach((v, i) => {
		const x = i % w + dx, y = floor(i / w) + dy;
		if (x >= 0 && x < W && y >= 0 && y < H) out[y * W + x] = v;
	});
	return out;
}

/** A photograph's grey values (0 to 255) as ink (0 to 1): light paper is turned dark, noise cut. */
export function inkOfPhotograph(grey) {
	const paper = Float32Array.from(grey).sort()[grey.length >> 1], light = paper > 127;
	const ink = Float32Array.from(grey, (v) => max(0, light ? paper - v : v - paper));
	const darkest = Float32Array.from(ink).sort()[floor(ink.length * 0.99)] || 1;
	return ink.map((v) => min(1, max(0, v / darkest - 0.25) / 0.5));
}

/** An animated GIF. frames: arrays of palette indices (width * height); palette: 256 [r, g, b]. */
export function encodeGif(frames, width, height, palette, delay) {
	const words = (...values) => values.flatMap((v) => [v & 255, v >> 8]);
	const text = (s) => [...s].map((c) => c.charCodeAt(0));
	const out = [...text("GIF89a"), ...words(width, height), 0xf7, 0, 0, ...palette.flat(),
		...text("!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0")];
	for (const pixels of frames) {
		out.push(0x21, 0xf9, 4, 0, ...words(delay), 0, 0, 0x2c, ...words(0, 0, width, height), 0, 8);
		const bytes = lzw(pixels);
		for (let i = 0; i < bytes.length; i += 255) {
			const part = bytes.slice(i, i + 255);
			out.push(part.length, ...part);
		}
		out.push(0);
	}
	return Uint8Array.from([...out, 0x3b]);
}

/** GIF's variable-length LZW of 8-bit pixels. */
function lzw(pixels) {
	const bytes = [], table = new Map();
	let bits = 0, held = 0, prefix = pixels[0];
	const emit = (code) => {
		held |= code << bits;
		bits += min(12, 32 - Math.clz32(257 + table.size));
		for (; bits >= 8; bits -= 8, held >>= 8) bytes.push(held & 255);
	};
	emit(256);
	for (const pixel of pixels.subarray(1)) {
		const key = prefix << 8 | pixel, known = table.get(key);
		prefix = known ?? pixel;
		if (known !== undefined) continue;
		emit(key >> 8);
		if (table.size < 4096 - 258) table.set(key, 258 + table.size);
		else emit(256), table.clear();
	}
	emit(prefix);
	table.set(-1); // the reader has added one code more by now
	emit(257);
	return bits ? [...bytes, held & 255] : bytes;
}

/** Draw values, a picture or a graph as the layout says, into cell `at` of a canvas made for `cells` of them. */
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
	const share = (v) => max(0, min(1, (v - low) / (high - low)));
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
		ctx.fillRect(min(from, to), (i + 0.15) * row, max(1, abs(to - from)), 0.7 * row);
		if (!names) return;
		ctx.fillStyle = "#e4e7ea";
		ctx.textAlign = "left", ctx.fillText(name, left + 8, text, 0.4 * W - 8);
		ctx.textAlign = "right", ctx.fillText(+(values[i] * std + mean).toPrecision(3), left + W - 8, text, 0.17 * W - 8);
	});
}

const make = (tag) => document.createElement(tag);
const pen = (canvas) => canvas.getContext("2d");

function wipe(canvas) {
	pen(canvas).clearRect(0, 0, canvas.width, canvas.height);
}

const number = (v) => (abs(v) < 0.005 ? "0.00" : v.toFixed(2)).replace("-", "\u2212");

/** A bundle's typed arrays; Streamlit sends them as Arrow tables. */
function unpack(data) {
	const arrays = {};
	for (const [name, value] of Object.entries(data)) {
		if (ArrayBuffer.isView(value)) arrays[name] = value;
		else if (value?.getChild) arrays[name] = value.getChild("value").toArray();
	}
	return arrays;
}

// ---- the pad

const OPEN = 4, FOLDED = 92, STRIP = 9, JOURNEY = 41, PAPER = 140;

/** One pad in one place of a page: `update` takes new data, `destroy` ends it. */
function createPad(root) {
	const el = {}, pointers = new Map(), style = getComputedStyle(root);
	const frames = new Map(); // epoch -> {codes, weights, network}
	for (const node of root.querySelectorAll("[id]")) el[node.id] = node;
	let options, send, meta, arrays, k, size, layout, mean, network, newest, problem, codes;
	// hover: the z under the pointer; anchor: the example {index, x, mu, logvar} that z is the code of
	let z, hover, anchor, axes, epoch, view, userView, thumbnails, panels, tab, undos = [], pins = [];
	let width, height, positions, tween, stale, pending, ink, near;
	let thumbs, sliders, order, stripKey, stripsAt, stripQueue;
	let gesture, awaitingDrag, recording, penAt, drawing, hint, path, pathText, playing, started, filming, begun;
	// asked: the token of the last question to the server; lost: whether no answer came
	let asked, answer, lost, waiting, talking;

	function destroy() {
		resizes.disconnect();
		cancelAnimationFrame(pending);
		[waiting, talking].forEach(clearTimeout);
	}

	// ---- data

	/** Take a bundle; cheap when it is the one already shown. */
	function update({ data, setTriggerValue }) {
		send = setTriggerValue;
		if (!data.meta) return say("There is no model to decode yet.");
		const before = meta, came = unpack(data);
		options = data.options;
		if (came.decoded && options.decoded_for === asked) answer = came.decoded;
		clearTimeout(waiting);
		if (lost) lost = say(problem);
		if (data.meta.id === before?.id) return begin(); // a rerun that changed nothing
		meta = data.meta, arrays = came;
		const kin = before?.model.lineage === meta.model.lineage;
		const same = kin && before.model.id === meta.model.id && before.points === meta.points;
		k = meta.latent_dim, size = meta.size;
		layout = meta.layout, mean = Float32Array.from(meta.mean);
		if (!same) forget(kin);
		problem = readNetwork();
		readFrames();
		build(!same);
		say(problem);
		if (before && !same) say(`The model changed: this is ${meta.model.name}. ${problem}`, true);
		fit(!same);
		glide(same);
		begin();
		ask();
	}

	/** Go where the page says, each time that it says so anew. */
	function begin() {
		const at = options.start?.join();
		if (at && at !== begun) choose(options.start, null, false);
		begun = at;
		show();
	}

	/** Another model: what was chosen means nothing now, but z to one of its kin, told another label. */
	function forget(kin) {
		if (!kin) z = mean.slice();
		play(false);
		hover = anchor = path = epoch = near = filming = null;
		userView = awaitingDrag = el.path.ariaPressed = false;
		undos = [], pins = [];
		frames.clear();
		axes = k > 1 ? meta.dimensions.slice(0, 2).map((d) => d.index).sort((a, b) => a - b) : [0, -1];
	}

	/** Prepare the newest weights; returns a sentence when the browser cannot decode. */
	function readNetwork() {
		network = newest = null;
		if (!meta.network) return meta.note + (send ? " The server decodes when you click." : "");
		try {
			network = newest = createNetwork(meta.network, arrays.w);
		} catch (error) {
			return error.message;
		}
		return meta.note;
	}

	function readFrames() {
		const { time } = meta, n = meta.points * k, count = meta.network?.weights ?? 0;
		codes = arrays.codes;
		if (!time) return follow();
		time.frames.forEach(({ epoch: at, spans }, i) => frames.set(at, {
			spans,
			codes: arrays.frame_codes.subarray(i * n, (i + 1) * n),
			weights: arrays.frame_w?.subarray(i * count, (i + 1) * count),
		}));
		for (const [at, frame] of frames) {
			if (frame.codes.length !== n || !time.available.includes(at)) frames.delete(at);
		}
		if (epoch === null) return follow();
		goToEpoch(time.available.findLast((at) => at <= epoch) ?? time.available[0]);
	}

	/** PCA's decoding: of an example's own scores, or of the scores that fit a code. */
	function pcaDecode(code, x) {
		const take = (from, length) => arrays.pca.subarray(from, from + length), D = k * size;
		const components = take(0, D), center = take(D, size), out = center.slice(), scores = new Float64Array(k);
		if (x) x.forEach((v, i) => scores.forEach((_, j) => (scores[j] += components[i * k + j] * (v - center[i]))));
		else {
			scores.set(take(D + size + k * k, k));
			multiply(take(D + size, k * k), k, k, code, 0, scores, 0);
		}
		multiply(components, k, size, scores, 0, out, 0);
		return out;
	}

	const codeOf = (i) => codes.slice(i * k, (i + 1) * k);

	/** Example i of the map; its bytes span the range of the data. */
	function imageOf(i) {
		const [low, high] = meta.range;
		return Float32Array.from(arrays.images.subarray(i * size, (i + 1) * size), (v) => low + v / 255 * (high - low));
	}

	const classOf = (i) => meta.classes[arrays.labels?.[i]];
	const nameOf = (d) => meta.names[d];

	// ---- state

	function remember() {
		undos = [...undos.slice(-99), { z, anchor }];
	}

	function undo() {
		({ z, anchor } = undos.pop() ?? { z, anchor });
		moved();
	}

	/** Go to a code and stay there; `example` is the one that it is the code of. */
	function choose(code, example = null, keep = true) {
		remember();
		z = Float32Array.from(code), anchor = example, hover = null;
		if (keep) {
			pins = [...pins.slice(-5), { z, anchor }];
			drawPins();
		}
		moved();
	}

	function chooseImage(index) {
		const mu = codeOf(index);
		choose(mu, { index, x: index < meta.images ? imageOf(index) : null, mu });
	}

	/** The chosen example with mean and log variance of its q(z|x), or null. */
	function posterior() {
		if (!anchor?.x || !network?.variational) return null;
		anchor.logvar ??= network.encode(anchor.x).logvar.slice();
		return anchor;
	}

	function resample() {
		const { mu, logvar } = posterior();
		remember();
		z = reparameterize(mu, logvar);
		moved();
	}

	/** After z or the anchor changed by an act, not by hovering. */
	function moved() {
		if (playing) play(false);
		answer = null;
		enable();
		show();
		ask();
	}

	function enable() {
		el.undo.disabled = !undos.length;
		el.resample.disabled = !posterior();
		el.path.disabled = !network;
		el.between.disabled = !network || pins.length < 2;
	}

	/** Say something over the map; passing news give way to what is wrong, if anything. */
	function say(text, passing) {
		if (el.note.textContent !== text) el.note.textContent = text;
		el.note.hidden = !text;
		clearTimeout(talking);
		if (passing) talking = setTimeout(() => say(problem), 6000);
	}

	/** Have Python decode where the browser cannot. */
	function ask() {
		if (meta.network) return;
		asked = `${Date.now()}`;
		request("decode", { z: [...z], token: asked, epoch });
	}

	/** Trigger a rerun; while the server is away, say so, and ask again once it is back. */
	function request(name, value) {
		if (!send) return;
		send(name, value);
		clearTimeout(waiting);
		const look = async () => {
			const before = lost;
			lost = await fetch("_stcore/health", { cache: "no-store" }).then((r) => !r.ok, () => true);
			if (lost) {
				say(`The connection to the server is lost.${network ? " What is here still works." : ""}`);
				waiting = setTimeout(look, 3000);
			} else if (before) say(problem), request(name, value);
		};
		waiting = setTimeout(look, 5000);
	}

	// ---- time

	/** Show the model as it was after an epoch; the last one follows the newest. */
	function goToEpoch(to) {
		const frame = frames.get(to);
		let trouble = problem;
		epoch = to === meta.time.available.at(-1) ? null : to;
		if (epoch === null) codes = arrays.codes, network = newest;
		else if (!frame) request("epoch", to);
		else {
			codes = frame.codes;
			if (frame.weights) try {
				network = frame.network ??= createNetwork(meta.network, frame.weights);
				trouble = meta.note;
			} catch (error) {
				network = null, trouble = error.message;
			}
		}
		if (!lost) say(trouble);
		follow();
	}

	/** Images keep their identity, wherever they are held: their codes are those of now. */
	function follow() {
		const now = (place) => {
			if (!(place.anchor?.index >= 0)) return place;
			const mu = codeOf(place.anchor.index);
			return { z: mu, anchor: { ...place.anchor, mu, logvar: null } };
		};
		pins = pins.map(now), undos = undos.map(now);
		({ z, anchor } = now({ z, anchor }));
		drawing = anchor?.index === -1; // to be encoded anew
	}

	function travel(to) {
		goToEpoch(to);
		drawPins();
		drawJourney();
		glide(true);
		answer = null;
		enable();
		show();
		ask();
	}

	/** Move the points to the new codes within 0.3 s, so the eye can follow. */
	function glide(smooth) {
		const [ax, ay] = axes, to = new Float32Array(2 * meta.points);
		for (let i = 0; i < meta.points; i++) {
			to[2 * i] = codes[i * k + ax];
			to[2 * i + 1] = ay < 0 ? i * 0.618034 % 1 - 0.5 : codes[i * k + ay];
		}
		tween = smooth && positions?.length === to.length && !matchMedia("(prefers-reduced-motion: reduce)").matches
			? { from: positions, to, start: performance.now() } : null;
		if (!tween) positions = to;
		stale = true;
	}

	// ---- the map

	function resize() {
		if (meta) ({ clientWidth: width, clientHeight: height } = el.map);
		if (!width) return;
		const dpr = devicePixelRatio || 1;
		for (const canvas of [el.points, el.overlay]) {
			canvas.width = width * dpr, canvas.height = height * dpr;
			pen(canvas).setTransform(dpr, 0, 0, dpr, 0, 0);
		}
		stale = true;
		show();
	}

	/** Show all points of all epochs at hand, unless a person chose a view. */
	function fit(always = true) {
		if (userView && !always) return;
		const all = [meta.spans, ...[...frames.values()].map(({ spans }) => spans)];
		view = axes.map((d) => (d < 0 ? { low: -1, high: 1 } : {
			low: min(...all.map((spans) => spans[d][0])), high: max(...all.map((spans) => spans[d][1])),
		}));
		userView = false;
		stale = true;
	}

	/** Between values along the axes of the map and its pixels. */
	const span = (i) => view[i].high - view[i].low;
	const toX = (v) => (v - view[0].low) / span(0) * width, toY = (v) => (view[1].high - v) / span(1) * height;
	const fromX = (x) => view[0].low + x / width * span(0), fromY = (y) => view[1].high - y / height * span(1);

	function zoom(factor, x = width / 2, y = height / 2) {
		const at = [fromX(x), fromY(y)];
		look((edge, i) => at[i] + (edge - at[i]) / factor);
	}

	function pan(dx, dy) {
		const by = [fromX(0) - fromX(dx), fromY(0) - fromY(dy)];
		look((edge, i) => edge + by[i]);
	}

	/** Move every edge of the view, unless nothing could be seen in it. */
	function look(move) {
		const next = view.map(({ low, high }, i) => ({ low: move(low, i), high: move(high, i) }));
		if (!next.every(({ low, high }) => high - low > 1e-4 && high - low < 1e6)) return;
		view = next;
		userView = stale = true;
		show();
	}

	const colorOf = (i) => classOf(i)?.color ?? "#8a8f98";

	function drawPoints() {
		const ctx = pen(el.points);
		ctx.clearRect(0, 0, width, height);
		cross(ctx, toX(0), toY(0), 0.2);
		ctx.globalAlpha = 0.8;
		ctx.font = "12px sans-serif";
		ctx.fillText(`${nameOf(axes[0])} \u2192`, width - 44, height - 6);
		if (k > 1) ctx.fillText(`${nameOf(axes[1])} \u2191`, 6, 14);
		const n = meta.points, images = thumbnails && !layout.graph;
		const side = n > 2500 ? 3 : n > 800 ? 4 : 6, taken = new Set(), cell = 30;
		ctx.globalAlpha = images ? 1 : 0.75;
		for (let i = 0; i < n; i++) {
			const x = toX(positions[2 * i]), y = toY(positions[2 * i + 1]);
			if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
			if (!images) {
				ctx.fillStyle = colorOf(i);
				ctx.fillRect(x - side / 2, y - side / 2, side, side);
			} else if (i < meta.images) {
				const key = `${round(x / cell)},${round(y / cell)}`;
				if (!taken.has(key)) ctx.drawImage(thumbnail(i), x - cell / 2, y - cell / 2, cell - 2, cell - 2);
				taken.add(key);
			}
		}
		ctx.globalAlpha = 1;
		if (!images) drawClassNames(ctx);
	}

	/** Example i as a small picture, its ink in the colour of its class. */
	function thumbnail(i) {
		if (!thumbs.has(i)) {
			const canvas = make("canvas"), ctx = pen(canvas);
			paint(canvas, imageOf(i), layout);
			if (layout.C === 1) {
				const { data } = canvas.picture;
				for (let o = 0; o < data.length; o += 4) data[o + 3] = data[o];
				ctx.putImageData(canvas.picture, 0, 0);
				ctx.globalCompositeOperation = "source-in";
				ctx.fillStyle = colorOf(i);
				ctx.fillRect(0, 0, canvas.width, canvas.height);
			}
			thumbs.set(i, canvas);
		}
		return thumbs.get(i);
	}

	function cross(ctx, x, y, alpha) {
		ctx.globalAlpha = alpha;
		ctx.fillStyle = ink;
		ctx.fillRect(x, 0, 1, height);
		if (k > 1) ctx.fillRect(0, y, width, 1);
		ctx.globalAlpha = 1;
	}

	/** Each class's name in the middle of its points, or below names already there. */
	function drawClassNames(ctx) {
		ctx.save();
		ctx.font = "bold 14px sans-serif";
		ctx.textAlign = "center", ctx.textBaseline = "middle";
		ctx.lineWidth = 4, ctx.strokeStyle = style.backgroundColor, ctx.fillStyle = ink;
		const names = [], places = meta.classes.map(() => [[], []]);
		arrays.labels?.forEach((c, i) => places[c]?.forEach((values, axis) => values.push(positions[2 * i + axis])));
		meta.classes.forEach(({ name }, c) => {
			const [x, y] = places[c].map((values) => values.sort((a, b) => a - b)[values.length >> 1]);
			if (x === undefined) return;
			const u = toX(x), half = ctx.measureText(name).width / 2;
			let v = toY(y);
			while (names.some((other) => abs(other.u - u) < other.half + half && abs(other.v - v) < 15)) v += 5;
			names.push({ u, v, half });
			ctx.strokeText(name, u, v), ctx.fillText(name, u, v);
		});
		ctx.restore();
	}

	function drawOverlay() {
		const ctx = pen(el.overlay), [ax, ay] = axes, line = recording ?? path, q = posterior();
		const place = (code) => [toX(code[ax]), ay < 0 ? height / 2 : toY(code[ay])];
		const ring = ([u, v], color, a, b = a) => {
			ctx.strokeStyle = color;
			ctx.beginPath(), ctx.ellipse(u, v, a, b, 0, 0, 7), ctx.stroke();
		};
		const [x, y] = place(hover ?? z);
		ctx.clearRect(0, 0, width, height);
		cross(ctx, x, y, 0.5);
		ctx.lineWidth = 2;
		ctx.strokeStyle = ctx.fillStyle = style.accentColor;
		ctx.beginPath();
		line?.forEach((code) => ctx.lineTo(...place(code)));
		ctx.stroke();
		for (const pin of pins) ring(place(pin.z), ink, 5);
		if (q && ay >= 0) for (const deviations of [1, 2]) {
			const [a, b] = axes.map((d) => deviations * exp(q.logvar[d] / 2));
			ring(place(q.mu), style.accentColor, toX(a) - toX(0), toY(0) - toY(b));
		}
		if (near) ring(place(codeOf(near.index)), style.accentColor, 7);
		ctx.beginPath(), ctx.arc(x, y, 5, 0, 7), ctx.fill();
	}

	// ---- one frame

	/** Draw what changed, at the next frame. */
	function show() {
		pending ??= requestAnimationFrame((now) => {
			pending = null;
			if (meta && root.isConnected) frame(now);
		});
	}

	function frame(now) {
		if (!width) resize();
		if (!width) return;
		if (drawing) drawing = encodeDrawing();
		if (playing) step(now);
		if (filming) film(now);
		if (tween) move(now);
		if (style.color !== ink) ink = style.color, stale = true; // light or dark
		if (stale) drawPoints(), drawLosses();
		stale = false;
		drawDecoded();
		drawOverlay();
		const key = (hover ?? z).join();
		if (key !== stripKey) stripKey = key, stripsAt = now + 120, stripQueue = null;
		drawStrips(now);
		if (playing || filming || tween || stripsAt) show();
	}

	function move(now) {
		const { from, to, start } = tween, t = min(1, (now - start) / 300), s = t * t * (3 - 2 * t);
		positions = t < 1 ? to.map((v, i) => from[i] + s * (v - from[i])) : to;
		if (t === 1) tween = null;
		stale = true;
	}

	function drawDecoded() {
		const code = hover ?? z, still = !hover && anchor?.x && anchor.mu.every((v, d) => v === z[d]);
		const x_hat = network ? network.decode(code) : hover ? null : answer, drawable = x_hat?.every(Number.isFinite);
		wipe(el.big);
		if (drawable) paint(el.big, x_hat, layout.large);
		el.bigText.textContent = drawable ? (still ? "Its reconstruction" : "Decoded from this point")
			: x_hat ? "The decoding is not a number here." : meta.network ? "Nothing to decode."
				: hover ? "Click to decode here." : "Waiting for the server.";
		if (meta.images) {
			[near] = still && anchor.index >= 0 ? [{ index: anchor.index }] : nearest(codes, k, meta.images, code);
			const { index, distance } = near, name = classOf(index)?.name;
			paint(el.near, imageOf(index), layout.small);
			el.nearText.textContent = `${distance ? "Nearest real" : "The chosen"} ${meta.thing}${name ? ` (${name})` : ""}`
				+ (distance ? `, ${number(distance)} away` : "");
		}
		if (meta.pca) {
			paint(el.pca, pcaDecode(code, still && anchor.x), layout.small);
			el.pcaText.textContent = still ? `PCA of it, ${k} numbers` : `PCA, ${k} numbers, here`;
		}
		el.where.textContent = (k > 3 ? axes : [...code.keys()]).map((d) => `${nameOf(d)} = ${number(code[d])}`).join("   ")
			+ (k > 3 ? `   ${k - 2} others unchanged` : "");
		for (const [d, { input, output }] of sliders) {
			input.value = code[d];
			if (output.value !== number(code[d])) output.value = number(code[d]);
		}
	}

	// ---- hands

	const actions = {
		undo, resample, gif,
		reset: () => choose(mean, null, false),
		prior: () => choose(mean.map(() => gaussian()), null, false),
		random: () => chooseImage(floor(Math.random() * meta.images)),
		dots: () => (thumbnails = el.dots.ariaPressed = !thumbnails, stale = true, show()),
		zoomIn: () => zoom(1.5),
		zoomOut: () => zoom(1 / 1.5),
		fit: () => (fit(), show()),
		clear: () => (onPaper(true), encodeDrawing()),
		path: () => (awaitingDrag = el.path.ariaPressed = !awaitingDrag),
		between: () => setPath((t) => interpolate(...pins.slice(-2).map((pin) => pin.z), t, el.line.value === "spherical"),
			`From A to B, ${el.line.value}`),
		play: () => play(!playing),
		png: () => el.strip.toBlob((blob) => save(blob, "journey.png")),
		film: () => (filming = filming ? null : { at: 0, index: -1 }, stale = true, show()),
	};

	function listen() {
		root.onclick = ({ target }) => meta && actions[target.closest("button")?.id]?.();
		for (const button of el.tabs.children) button.onclick = () => openTab(button.name);
		root.onkeydown = (event) => view && key(event);
		for (const type in hands) el.overlay[type] = (event) => view && width && hands[type](event);
		el.overlay.oncontextmenu = () => false;
		el.overlay.onwheel = (event) => {
			event.preventDefault();
			zoom(exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.offsetX, event.offsetY);
		};
		el.axisX.onchange = el.axisY.onchange = () => {
			const [x, y] = [+el.axisX.value, +el.axisY.value];
			axes = x === y ? axes.reverse() : [x, y];
			[el.axisX.value, el.axisY.value] = axes;
			fit();
			glide(true);
			show();
		};
		el.epoch.oninput = () => travel(meta.time.available[+el.epoch.value]);
		el.fold.ontoggle = () => el.fold.open && unfold();
		el.paper.onpointerdown = el.paper.onpointermove = stroke;
		el.file.onchange = readFile;
		el.centre.onchange = encodeDrawing;
	}

	/** The code under a place of the map: two coordinates of it, the others as they are. */
	function codeAt(x, y) {
		const code = z.slice(), [ax, ay] = axes;
		code[ax] = fromX(x);
		if (ay >= 0) code[ay] = fromY(y);
		return code;
	}

	const hands = {
		onpointerdown({ pointerId, offsetX: x, offsetY: y, button, shiftKey }) {
			el.overlay.setPointerCapture(pointerId);
			pointers.set(pointerId, { x, y });
			gesture = { x, y, far: pointers.size > 1, pan: button > 0 || shiftKey };
			if (awaitingDrag && !gesture.pan) recording = [];
			if (playing) play(false);
			hands.onpointermove({ pointerId, offsetX: x, offsetY: y });
		},

		onpointermove({ pointerId, offsetX: x, offsetY: y }) {
			const last = pointers.get(pointerId), other = [...pointers].find(([id]) => id !== pointerId)?.[1];
			if (last && hypot(x - gesture.x, y - gesture.y) > 6) gesture.far = true;
			if (last && other) {
				const spread = (p) => max(20, hypot(p.x - other.x, p.y - other.y));
				hover = recording = null;
				zoom(spread({ x, y }) / spread(last), (x + other.x) / 2, (y + other.y) / 2);
				pan((x - last.x) / 2, (y - last.y) / 2);
			} else if (last && gesture.pan) {
				hover = null;
				pan(x - last.x, y - last.y);
			} else if (!playing) {
				hover = codeAt(x, y);
				recording?.push(hover);
				show();
			}
			if (last) Object.assign(last, { x, y });
		},

		onpointerup({ pointerId, offsetX: x, offsetY: y, pointerType, type }) {
			const drag = recording, pressed = pointers.delete(pointerId) && type === "pointerup";
			if (drag?.length > 1) {
				setPath((t) => drag[round(t * (drag.length - 1))], "A recorded drag");
				awaitingDrag = el.path.ariaPressed = false;
			} else if (pressed && !gesture.far && !gesture.pan && !pointers.size) {
				const hit = hitAt(x, y);
				if (hit >= 0) chooseImage(hit);
				else choose(codeAt(x, y));
			}
			if (pointerType !== "mouse") hover = null;
			recording = null;
			show();
		},

		onpointercancel: (event) => hands.onpointerup(event),

		onpointerleave({ pointerId }) {
			if (pointers.has(pointerId) || playing) return;
			hover = null;
			show();
		},
	};

	/** The example near a place, or -1; one with a picture, where there are any. */
	function hitAt(x, y) {
		let best = -1, least = thumbnails ? 16 : 8;
		for (let i = 0; i < (meta.images || meta.points); i++) {
			const far = hypot(toX(positions[2 * i]) - x, toY(positions[2 * i + 1]) - y);
			if (far < least) least = far, best = i;
		}
		return best;
	}

	function key(event) {
		const { target, key: name } = event, slider = target.closest?.(".slider"), onMap = target === el.overlay;
		if (event.ctrlKey || event.metaKey || event.altKey || target === el.epoch) return;
		const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[name];
		if (name === "Escape") undo();
		else if (/^[1-9]$/.test(name)) chooseDimension(name - 1);
		else if (name === "Home" && slider) setValue(+slider.dataset.d, mean[slider.dataset.d]);
		else if (name === "Home" && onMap) actions.reset();
		else if (onMap && arrow) nudge(arrow);
		else if (onMap && name === "Enter" && near) chooseImage(near.index);
		else return;
		event.preventDefault();
	}

	function nudge(arrow) {
		const code = z.slice();
		axes.forEach((d, i) => d >= 0 && (code[d] += arrow[i] * span(i) / 50));
		choose(code, null, false);
	}

	/** To the slider of dimension d. */
	function chooseDimension(d) {
		if (d >= k || !panels.includes("sliders")) return;
		openTab("sliders");
		if (!el.openSliders.contains(sliders.get(d)?.row)) el.fold.open = true, unfold();
		sliders.get(d)?.input.focus();
	}

	// ---- sliders

	function makeSlider({ index: d, low, high, bar, text, dead }) {
		const row = el.slider.content.firstElementChild.cloneNode(true);
		const [label, input, output, strip] = ["label", "input", "output", "canvas"].map((tag) => row.querySelector(tag));
		row.classList.toggle("dead", dead);
		row.dataset.d = d;
		label.textContent = nameOf(d), label.htmlFor = input.id = `slider${d}`;
		Object.assign(input, { min: low, max: high, step: (high - low) / 400 });
		strip.width = STRIP * layout.W, strip.height = layout.H;
		strip.ariaLabel = `What ${nameOf(d)} changes, from low to high`;
		row.querySelector("i").style.width = `${bar}%`;
		row.querySelector("small").textContent = text;
		input.onpointerdown = remember;
		input.onkeydown = (event) => {
			if (/^(Arrow|Page|End)/.test(event.key) && !event.repeat) remember();
		};
		input.oninput = () => setValue(d, +input.value, false);
		input.onchange = moved;
		sliders.set(d, { row, input, low, high, strip, output });
		return row;
	}

	/** Make the folded sliders. */
	function unfold() {
		if (el.foldedSliders.childElementCount) return;
		el.foldedSliders.replaceChildren(...meta.dimensions.slice(OPEN, OPEN + FOLDED).map(makeSlider));
		stripKey = "";
		show();
	}

	function setValue(d, to, done = true) {
		if (done) remember();
		z = z.with(d, to);
		anchor = hover = answer = null;
		if (done || playing) moved();
		show();
	}

	/** Filmstrips follow when the hand rests, a few decodings a frame. */
	function drawStrips(now) {
		if (!stripsAt || now < stripsAt) return;
		stripQueue ??= [...sliders.values()].filter(({ row }) => row.offsetParent)
			.flatMap((slider) => Array.from({ length: STRIP }, (_, i) => ({ slider, i })));
		const start = performance.now();
		while (network && stripQueue.length && performance.now() - start < 5) {
			const { slider: { row, low, high, strip }, i } = stripQueue.shift(), code = (hover ?? z).slice();
			code[row.dataset.d] = low + (high - low) * i / (STRIP - 1);
			paint(strip, network.decode(code), layout, { at: i, cells: STRIP });
		}
		if (!network || !stripQueue.length) stripsAt = null;
	}

	// ---- draw your own

	function onPaper(clear) {
		const ctx = el.paper.getContext("2d", { willReadFrequently: true });
		if (clear) ctx.clearRect(0, 0, PAPER, PAPER);
		return ctx;
	}

	function stroke(event) {
		const ctx = onPaper(), scale = PAPER / el.paper.clientWidth;
		if (event.type === "pointerdown") el.paper.setPointerCapture(event.pointerId), penAt = null;
		else if (!event.buttons) return;
		const to = [event.offsetX * scale, event.offsetY * scale];
		ctx.strokeStyle = "#fff";
		ctx.lineWidth = PAPER / 12, ctx.lineCap = ctx.lineJoin = "round";
		ctx.beginPath();
		ctx.moveTo(...penAt ?? to.map((v) => v - 1)), ctx.lineTo(...to);
		ctx.stroke();
		penAt = to;
		drawing = true;
		show();
	}

	async function readFile() {
		const [file] = el.file.files;
		el.file.value = "";
		const picture = file && await createImageBitmap(file).catch(() => null);
		if (!picture) return file && say(`${file.name} is not a picture that this browser can read.`, true);
		const scale = PAPER / max(picture.width, picture.height), ctx = onPaper(true);
		const w = ceil(picture.width * scale), h = ceil(picture.height * scale);
		const x = (PAPER - w) >> 1, y = (PAPER - h) >> 1;
		ctx.drawImage(picture, x, y, w, h);
		const pixels = ctx.getImageData(x, y, w, h), { data } = pixels;
		const grey = Float32Array.from({ length: w * h }, (_, i) => (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3);
		inkOfPhotograph(grey).forEach((v, i) => data.set([255, 255, 255, 255 * v], 4 * i));
		onPaper(true).putImageData(pixels, x, y);
		say(problem);
		encodeDrawing();
	}

	/** Encode what is on the paper; its code becomes the chosen point. */
	function encodeDrawing() {
		const { data } = onPaper().getImageData(0, 0, PAPER, PAPER), { H, W } = layout, { errors } = meta;
		const drawn = Float32Array.from({ length: PAPER * PAPER }, (_, i) => data[4 * i + 3] / 255);
		const x = fitDrawing(drawn, PAPER, PAPER, H, W, el.centre.checked);
		hint ??= el.drawText.textContent;
		if (!x || !network) {
			[el.seen, el.redrawn, el.neighbours].forEach(wipe);
			el.drawText.textContent = x ? problem : hint;
			return;
		}
		const q = network.encode(x), mu = q.mu.slice();
		if (anchor?.index !== -1) remember();
		z = mu, hover = null;
		anchor = { index: -1, x, mu, logvar: q.logvar?.slice() };
		moved();
		const x_hat = network.decode(mu), error = x.reduce((sum, v, i) => sum + (v - x_hat[i]) ** 2, 0) / size;
		paint(el.seen, x, layout);
		paint(el.redrawn, x_hat, layout);
		const rank = max(0, errors.filter((e) => e <= error).length - 1);
		el.drawText.textContent = `Error ${error.toFixed(4)} (mean squared, per value)${errors.length
			? `: larger than ${rank} % of the held-out images' errors.` : "."}`;
		nearest(codes, k, meta.images, mu, 5).forEach(({ index }, at) =>
			paint(el.neighbours, imageOf(index), layout, { at, cells: 5 }));
	}

	// ---- journeys

	function drawPins() {
		el.pins.replaceChildren(...(pins.length ? pins.map((pin, i) => {
			const button = make("button"), canvas = make("canvas");
			button.onclick = () => choose(pin.z, pin.anchor, false);
			button.title = `Pinned ${pin.anchor ? meta.thing : "point"} ${i + 1}`;
			const x_hat = pin.anchor?.x ?? network?.decode(pin.z);
			if (x_hat) paint(canvas, x_hat, layout);
			button.append(canvas, ["B", "A"][pins.length - 1 - i] ?? "");
			return button;
		}) : ["Click the map to pin points. The last two are A and B."]));
	}

	/** at: a share of the way (0 to 1) -> z. */
	function setPath(at, text) {
		path = Array.from({ length: JOURNEY }, (_, i) => at(i / (JOURNEY - 1)));
		pathText = text;
		drawJourney();
		play(true);
	}

	function play(on) {
		playing = on, started = null;
		if (!on) hover = null;
		el.play.textContent = on ? "Stop" : "Play";
		show();
	}

	function drawJourney() {
		const decodes = path && network;
		for (const button of [el.play, el.gif, el.png]) button.disabled = !decodes;
		el.journeyText.textContent = path ? pathText : "No journey yet.";
		if (decodes) path.filter((_, i) => i % 4 === 0).forEach((code, at, all) =>
			paint(el.strip, network.decode(code), layout, { at, cells: all.length }));
		else wipe(el.strip);
	}

	function step(now) {
		started ??= now;
		const phase = (now - started) / 3000 % 2;
		hover = path[round((phase < 1 ? phase : 2 - phase) * (path.length - 1))];
	}

	/** The journey there and back; colours become one of 6 reds x 7 greens x 6 blues. */
	function gif() {
		const { H, W, C, graph } = layout, scale = graph ? 2 : max(1, round(140 / max(H, W)));
		const palette = Array.from({ length: 256 }, (_, i) => (C === 1 ? [i, i, i]
			: [floor(i / 42) % 6 * 51, floor(i / 6) % 7 * 42.5 | 0, i % 6 * 51]));
		const level = (v, n) => round(v / 255 * n), canvas = make("canvas");
		const pictures = [...path, ...path.slice(1, -1).reverse()].map((code) => {
			wipe(canvas);
			paint(canvas, network.decode(code), layout);
			const { data } = pen(canvas).getImageData(0, 0, W, H);
			return Uint8Array.from({ length: H * W * scale * scale }, (_, i) => {
				const o = 4 * (floor(i / (W * scale) / scale) * W + floor(i % (W * scale) / scale));
				return C === 1 ? data[o + 1] : level(data[o], 5) * 42 + level(data[o + 1], 6) * 6 + level(data[o + 2], 5);
			});
		});
		save(new Blob([encodeGif(pictures, W * scale, H * scale, palette, 7)], { type: "image/gif" }), "journey.gif");
	}

	function save(blob, download) {
		const href = URL.createObjectURL(blob);
		Object.assign(make("a"), { href, download }).click();
		setTimeout(() => URL.revokeObjectURL(href), 10000);
	}

	// ---- the film

	/** All epochs, 0.6 s each. */
	function film(now) {
		const { available } = meta.time, { at, index } = filming;
		if (now - at < 600 || (index >= 0 && epoch !== null && !frames.has(epoch))) return;
		filming = index + 1 < available.length ? { at: now, index: index + 1 } : null;
		stale = true;
		if (filming) travel(available[filming.index]);
	}

	function drawLosses() {
		if (!meta.time) return;
		const { available, test_mse: losses } = meta.time, now = epoch ?? available.at(-1), at = available.indexOf(now);
		const { width: W, height: H } = el.losses, ctx = pen(el.losses), known = losses.filter((v) => v != null);
		el.epoch.max = available.length - 1, el.epoch.value = at;
		el.film.textContent = filming ? "Stop" : "Play";
		el.epochText.textContent = `epoch ${now}${epoch === null ? " (newest)" : frames.has(epoch) ? "" : " (on its way)"}`
			+ (losses[at] == null ? "" : `, held-out error ${losses[at].toFixed(4)}`);
		if (known.length < 2) return;
		const low = min(...known), high = max(...known, low + 1e-9);
		paintGraph(ctx, losses, { W, H, low, high, names: true, color: style.accentColor }, 0);
		ctx.globalAlpha = 0.3;
		ctx.fillRect((at + 0.5) / losses.length * W - 2, 0, 4, H);
		ctx.globalAlpha = 1;
	}

	// ---- the page

	/** Fit the page to the model. */
	function build(anew) {
		const { graph, large, small } = layout, { variational, images, dimensions } = meta;
		root.style.setProperty("--map-height", `${options.height}px`);
		root.classList.toggle("graph", graph);
		el.axes.hidden = k < 3;
		el.pca.parentNode.hidden = !meta.pca;
		el.near.parentNode.hidden = !images;
		el.dots.hidden = !images || graph;
		el.resample.hidden = el.prior.hidden = !variational;
		el.random.disabled = !images;
		el.random.textContent = `Any ${meta.thing}`;
		for (const [canvas, { W, H }] of [[el.big, large], [el.near, small], [el.pca, small]]) canvas.width = W, canvas.height = H;
		thumbs = new Map();
		el.legend.replaceChildren(...meta.classes.map(({ name, color }) => {
			const node = make("span"), dot = make("i");
			dot.style.background = color;
			node.append(dot, name);
			return node;
		}));
		el.overlay.ariaLabel = `Map of ${meta.points} held-out codes of ${meta.model.name}`;
		const fitting = options.panels.filter((name) => meta.panels.includes(name)), ranks = dimensions.map((d) => d.index).join();
		if (anew || ranks !== order) {
			const rest = min(FOLDED, k - OPEN), dead = dimensions.filter((d) => d.dead).length;
			order = ranks, sliders = new Map();
			for (const select of [el.axisX, el.axisY]) {
				select.replaceChildren(...dimensions.map(({ index, dead }) => new Option(nameOf(index) + (dead ? " (dead)" : ""), index)));
			}
			el.openSliders.replaceChildren(...dimensions.slice(0, OPEN).map(makeSlider));
			el.foldedSliders.replaceChildren();
			el.fold.hidden = rest <= 0;
			el.foldText.textContent = `${rest < k - OPEN ? `${rest} of ` : ""}${k - OPEN} more dimensions${dead ? `; ${dead} of all ${k} are dead` : ""}`;
			if (el.fold.open) unfold();
		}
		[el.axisX.value, el.axisY.value] = axes;
		if (fitting.join() !== panels?.join()) {
			panels = fitting;
			el.tabs.hidden = panels.length < 2;
			for (const button of el.tabs.children) button.hidden = !panels.includes(button.name);
			openTab(panels.includes(tab) ? tab : panels[0]);
		}
		if (anew) el.centre.checked = meta.centred, actions.clear();
		drawPins();
		drawJourney();
		enable();
		stripKey = "";
	}

	function openTab(name) {
		tab = name;
		for (const panel of root.querySelectorAll("section")) panel.hidden = panel.id !== name;
		for (const button of el.tabs.children) button.ariaSelected = button.name === name;
		stripKey = "";
		show();
	}

	const resizes = new ResizeObserver(resize);
	resizes.observe(el.map);
	listen();
	return { update, destroy, chooseImage, chosen: () => ({ network, z, anchor, frames }) };
}

/** The component; Streamlit calls it again whenever data change. */
export default function latentPad(args) {
	const root = args.parentElement.querySelector(".lp");
	root.pad ??= createPad(root);
	root.pad.update({ ...args, data: args.data ?? {} });
	return () => {
		root.pad?.destroy();
		root.pad = null;
	};
}
