// Unit tests of the pad's engine. They use only globals, so that Node and Chromium can run them:
// tests/browser/test_js_units.py passes the module in, and prints what fails.

/** Every test: name -> (pad, assert) => void. */
export const tests = {
  "erf agrees with tabulated values"({ erf }, { near }) {
    for (const [x, y] of [
      [0, 0],
      [0.1, 0.1124629160182849],
      [1, 0.8427007929497149],
      [2.6, 0.9997639655834707],
      [5, 0.9999999999984626],
      [-0.5, -0.5204998778130465],
      [9, 1],
    ]) {
      near(erf(x), y, 1e-13);
    }
  },

  "a linear layer multiplies by rows"({ compile }, { same }) {
    const weights = Float32Array.of(1, 2, 3, 4, 5, 6, 10, 20);
    const op = { op: "linear", rows: 1, in: 3, out: 2, w: 0, b: 6, writes: 2 };
    same(compile([op], weights, 3)(Float32Array.of(1, 0, -1)), [8, 18]);
  },

  "a transposed convolution is the adjoint of the convolution"({ compile }, { near }) {
    // The coarse grid has 2 channels, the fine one 3; the bias is zero. Weights (2, 18) for the
    // convolution, (18, 2) for its transpose.
    const weights = new Float32Array(36 + 36 + 3),
      shared = {
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 1],
        dilation: [1, 2],
        groups: 1,
        b: 72,
      };
    for (let i = 0; i < 36; i++)
      weights[i] = weights[36 + (i % 18) * 2 + Math.floor(i / 18)] = Math.sin(i + 1);
    const fine = [3, 7, 5],
      coarse = [2, 4, 5];
    const forward = compile(
      [{ op: "conv2d", in: fine, out: coarse, writes: 40, w: 0, ...shared }],
      weights,
      105,
    );
    const back = compile(
      [{ op: "conv_transpose2d", in: coarse, out: fine, writes: 105, w: 36, ...shared }],
      weights,
      40,
    );
    const x = Float32Array.from({ length: 105 }, (_, i) => Math.cos(3 * i));
    const y = Float32Array.from({ length: 40 }, (_, i) => Math.cos(5 * i));
    const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
    near(dot(forward(x), y), dot(x, back(y)), 1e-4);
  },

  "an unknown operation and missing weights are refused"({ compile }, { throws }) {
    throws(() => compile([{ op: "constructor" }], new Float32Array(0), 1), "unknown operation");
    throws(
      () => compile([{ op: "activation", kind: "toString", writes: 1 }], new Float32Array(0), 1),
      "unknown activation",
    );
    for (const size of [3, 5]) {
      throws(
        () =>
          compile(
            [{ op: "linear", rows: 1, in: 2, out: 2, w: 0, b: 4, writes: 2 }],
            new Float32Array(size),
            2,
          ),
        "weights are missing",
      );
    }
  },

  "samples of q(z|x) have its mean and variance"({ reparameterize }, { near }) {
    let state = 1;
    const random = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const n = 20000,
      mu = new Float32Array(n).fill(2),
      logvar = new Float32Array(n).fill(Math.log(0.25));
    const z = reparameterize(mu, logvar, random),
      mean = z.reduce((a, b) => a + b) / n;
    near(mean, 2, 0.02);
    near(z.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n, 0.25, 0.02);
  },

  "spherical interpolation keeps the length"({ interpolate }, { near, same }) {
    const a = Float32Array.of(3, 0),
      b = Float32Array.of(0, 3);
    near(Math.hypot(...interpolate(a, b, 0.3, true)), 3, 1e-6);
    same(interpolate(a, b, 0.5), [1.5, 1.5]);
    same(interpolate(a, a, 0.5, true), [3, 0]);
  },

  "spherical interpolation mixes lengths, not only directions"({ interpolate }, { near }) {
    near(Math.hypot(...interpolate([2, 0.1], [-1, 0.1], 0.5, true)), 1.5037, 1e-4);
  },

  "the nearest codes come in order"({ nearest }, { same }) {
    const codes = Float32Array.of(0, 0, 5, 5, 1, 1, 9, 9, 2, 2);
    const found = nearest(codes, 2, 5, [1.2, 1.2], 3);
    same(
      found.map(({ index }) => index),
      [2, 4, 0],
    );
  },

  "a drawing is centred as MNIST centres it"({ fitDrawing }, { near, check }) {
    const ink = new Float32Array(196 * 196);
    for (let y = 20; y < 120; y++) for (let x = 10; x < 40; x++) ink[y * 196 + x] = 1;
    for (let y = 110; y < 120; y++) for (let x = 10; x < 60; x++) ink[y * 196 + x] = 1; // an L
    const picture = fitDrawing(ink, 196, 196, 28, 28);
    let mass = 0,
      mx = 0,
      my = 0,
      top = 28,
      bottom = -1;
    picture.forEach((v, i) => {
      const x = i % 28,
        y = (i - x) / 28;
      mass += v;
      mx += v * (x + 0.5);
      my += v * (y + 0.5);
      if (v > 0.5) {
        top = Math.min(top, y);
        bottom = Math.max(bottom, y);
      }
    });
    near(mx / mass, 14, 0.5);
    near(my / mass, 14, 0.5);
    check(bottom - top + 1 === 20, `20 rows high, was ${bottom - top + 1}`);
    check(fitDrawing(new Float32Array(100), 10, 10, 28, 28) === null, "an empty drawing is null");
  },

  "dark ink on light paper and light ink on dark paper become the same"(
    { inkOfPhotograph },
    { same, check },
  ) {
    const grey = Float32Array.from({ length: 400 }, (_, i) => (i % 20 === 7 ? 30 : 220));
    const ink = inkOfPhotograph(grey);
    check(ink[7] === 1 && ink[0] === 0, "ink is 1, paper 0");
    same(inkOfPhotograph(grey.map((v) => 255 - v)), ink);
  },

  "a GIF begins, loops and ends as one"({ encodeGif }, { same, check }) {
    const palette = Array.from({ length: 256 }, (_, i) => [i, i, i]);
    const gif = encodeGif([new Uint8Array(16), new Uint8Array(16).fill(9)], 4, 4, palette, 5);
    same([...gif.subarray(0, 10)], [...[..."GIF89a"].map((c) => c.charCodeAt(0)), 4, 0, 4, 0]);
    check(gif.at(-1) === 0x3b, "trailer");
  },
};

/** Run every test; returns the failures as sentences. */
export function run(pad) {
  const failures = [];
  for (const [name, test] of Object.entries(tests)) {
    const fail = (text) => failures.push(`${name}: ${text}`);
    const near = (a, b, tolerance) => Math.abs(a - b) <= tolerance || fail(`${a} is not near ${b}`);
    try {
      test(pad, {
        near,
        same: (a, b) => [...a].join() === [...b].join() || fail(`${[...a]} is not ${[...b]}`),
        check: (ok, text) => ok || fail(text),
        throws(act, text) {
          try {
            act();
          } catch (error) {
            return error.message.includes(text) || fail(error.message);
          }
          return fail(`nothing thrown, expected: ${text}`);
        },
      });
    } catch (error) {
      fail(error.stack ?? error.message);
    }
  }
  return failures;
}

if (
  globalThis.process?.env.NODE_TEST_CONTEXT ||
  globalThis.process?.argv[1]?.endsWith("engine.test.mjs")
) {
  const { test } = await import("node:test");
  // pytest gives the text that Python joins; by hand, the modules as they lie there.
  const pad = await import(process.env.PAD_MODULE ?? "../../aecore/pad/assets/main.js");
  test("the pad's engine", () => {
    const failures = run(pad);
    if (failures.length) throw new Error(failures.join("\n"));
  });
}
