// Draws a training run: held-out error with PCA's line, the latent map in motion, reconstructions.
// The canvases stay in place; new data only repaint them, so nothing flickers or jumps.

const CHART_HEIGHT = 300;
const TWEEN_MS = 350;
const states = new WeakMap();

/** Base64 to bytes. */
function bytes(text) {
  return Uint8Array.from(atob(text || ""), (c) => c.charCodeAt(0));
}

/** Base64 of little-endian float32 to numbers. */
function floats(text) {
  return new Float32Array(bytes(text).buffer);
}

/** A canvas sized to its place and the screen's pixels; returns its context and CSS size. */
function fit(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth || 300;
  const w = Math.round(width * ratio);
  const h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Round numbers for an axis, on a logarithmic scale: the coarsest steps that give three. */
function logTicks(low, high) {
  let ticks = [];
  for (const steps of [[1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8]]) {
    ticks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += 1) {
      for (const m of steps) {
        const value = m * 10 ** e;
        if (value >= low && value <= high) ticks.push(value);
      }
    }
    if (ticks.length >= 3) break;
  }
  return ticks;
}

function shortNumber(value) {
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e3) return `${+(value / 1e3).toPrecision(3)}k`;
  return `${+value.toPrecision(2)}`;
}

function drawChart(state) {
  const { data } = state;
  const style = getComputedStyle(state.root);
  const ink = style.color;
  const { context: c, width, height } = fit(state.chart, CHART_HEIGHT);
  const left = 52;
  const right = 12;
  const top = 14;
  const bottom = 34;
  c.font = `12px ${style.fontFamily || "sans-serif"}`;
  c.textBaseline = "middle";
  const rows = data.heldout || [];
  const values = [...rows.map((r) => r[1]), ...(data.train || []).map((r) => r[1]),
    ...(data.whole || []).map((r) => r[1])]
    .filter((v) => v > 0 && Number.isFinite(v));
  // With as many numbers as the data have, PCA makes no error: its line would be far below all.
  const pcaIsPerfect = values.length > 0 && data.pca < 1e-4 * Math.max(...values);
  for (const line of [pcaIsPerfect ? null : data.pca, data.mean]) if (line) values.push(line);
  if (!values.length) {
    c.fillStyle = ink;
    c.globalAlpha = 0.75;
    c.fillText("The first point appears as soon as training begins.", left, height / 2);
    c.globalAlpha = 1;
    return;
  }
  const low = Math.min(...values) * 0.85;
  const high = Math.max(...values) * 1.15;
  const reach = Math.max(data.total || 1, ...rows.map((r) => r[0]), 1);
  const xAt = (x) => left + (x / reach) * (width - left - right);
  const yAt = (y) => {
    const share = (Math.log(y) - Math.log(low)) / (Math.log(high) - Math.log(low));
    return height - bottom - share * (height - top - bottom);
  };
  c.strokeStyle = ink;
  c.fillStyle = ink;
  c.lineWidth = 1;
  c.textAlign = "right";
  for (const tick of logTicks(low, high)) {
    c.globalAlpha = 0.12;
    c.beginPath();
    c.moveTo(left, yAt(tick));
    c.lineTo(width - right, yAt(tick));
    c.stroke();
    c.globalAlpha = 0.85;
    c.fillText(`${+tick.toPrecision(2)}`, left - 6, yAt(tick));
  }
  c.textAlign = "center";
  for (let i = 0; i <= 4; i += 1) {
    const x = (reach * i) / 4;
    c.textAlign = i === 4 ? "right" : i === 0 ? "left" : "center";
    c.fillText(shortNumber(x), xAt(x), height - bottom + 12);
  }
  c.textAlign = "center";
  c.fillText(`${state.thing}s seen`, left + (width - left - right) / 2, height - 8);
  c.globalAlpha = 1;

  const labels = [];
  const level = (value, color, text) => {
    if (!value || value > high) return;
    c.strokeStyle = color;
    c.setLineDash([6, 4]);
    c.beginPath();
    c.moveTo(left, yAt(value));
    c.lineTo(width - right, yAt(value));
    c.stroke();
    c.setLineDash([]);
    labels.push({ text, color, x: width - right - 2, y: yAt(value) - 9, align: "right" });
  };
  if (pcaIsPerfect) {
    const text = "PCA, the same k: no error, it keeps everything";
    labels.push({ text, color: state.colors.pca, x: width - right - 2, y: height - bottom - 9, align: "right" });
  } else level(data.pca, state.colors.pca, "PCA, the same k");
  level(data.mean, state.colors.floor, `the mean ${state.thing}`);

  const curve = (points, color, dots) => {
    c.strokeStyle = color;
    c.fillStyle = color;
    c.lineWidth = 2;
    c.beginPath();
    points.forEach(([x, y], i) => {
      if (i) c.lineTo(xAt(x), yAt(Math.min(y, high)));
      else c.moveTo(xAt(x), yAt(Math.min(y, high)));
    });
    c.stroke();
    if (dots) {
      for (const [x, y] of points) {
        c.beginPath();
        c.arc(xAt(x), yAt(y), 3.5, 0, 7);
        c.fill();
      }
    }
    c.lineWidth = 1;
  };
  curve(rows, state.colors.model, rows.length < 3);
  curve(data.train || [], state.colors.train, true);
  for (const [x, y] of data.whole || []) {
    c.fillStyle = state.colors.model;
    c.beginPath();
    c.arc(xAt(x), yAt(Math.min(y, high)), 3.5, 0, 7);
    c.fill();
  }
  if (data.passed) {
    const [x, seconds] = data.passed;
    c.strokeStyle = state.colors.pca;
    c.fillStyle = ink;
    c.beginPath();
    c.moveTo(xAt(x), top);
    c.lineTo(xAt(x), height - bottom);
    c.stroke();
    const align = xAt(x) > width * 0.6 ? "right" : "left", side = align === "right" ? -6 : 6;
    const y = top + (labels.some((label) => Math.abs(label.y - top - 8) < 16) ? 28 : 8);
    labels.push({ text: `passed PCA after ${seconds.toFixed(1)} s`, color: ink, x: xAt(x) + side, y, align });
  }
  // Over the curves, each on a rim of the page's colour.
  c.strokeStyle = style.getPropertyValue("--st-background-color") || "#fff";
  c.lineWidth = 4;
  c.lineJoin = "round";
  for (const { text, color, x, y, align } of labels) {
    c.fillStyle = color;
    c.textAlign = align;
    c.strokeText(text, x, y);
    c.fillText(text, x, y);
  }
}

/** Paint the map between its last and its new positions; t from 0 to 1. */
function drawMap(state, t) {
  const { context: c, width, height } = fit(state.map, CHART_HEIGHT);
  const { from, to, labels } = state;
  if (!to) return;
  const n = to.length / 2;
  const box = [Infinity, -Infinity, Infinity, -Infinity];
  const at = (i) => (from && from.length === to.length ? from[i] + (to[i] - from[i]) * t : to[i]);
  for (let i = 0; i < n; i += 1) {
    const x = at(2 * i);
    const y = at(2 * i + 1);
    if (x < box[0]) box[0] = x;
    if (x > box[1]) box[1] = x;
    if (y < box[2]) box[2] = y;
    if (y > box[3]) box[3] = y;
  }
  const pad = 12;
  const scale = Math.min(
    (width - 2 * pad) / Math.max(box[1] - box[0], 1e-6),
    (height - 2 * pad) / Math.max(box[3] - box[2], 1e-6),
  );
  const cx = (box[0] + box[1]) / 2;
  const cy = (box[2] + box[3]) / 2;
  const side = n > 400 ? 3 : 6;
  for (let i = 0; i < n; i += 1) {
    c.fillStyle = state.data.colors[(labels[i] || 0) % state.data.colors.length];
    c.globalAlpha = 0.8;
    c.fillRect(
      width / 2 + (at(2 * i) - cx) * scale - side / 2,
      height / 2 - (at(2 * i + 1) - cy) * scale - side / 2, side, side,
    );
  }
  c.globalAlpha = 1;
}

function moveMap(state) {
  const fresh = state.data.map ? floats(state.data.map) : null;
  if (!fresh) {
    state.to = null;
    drawMap(state, 1);
    return;
  }
  state.labels = bytes(state.data.labels);
  state.from = state.to;
  state.to = fresh;
  const began = performance.now();
  cancelAnimationFrame(state.frame);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const tick = (now) => {
    const t = still ? 1 : Math.min(1, (now - began) / TWEEN_MS);
    drawMap(state, t);
    if (t < 1) state.frame = requestAnimationFrame(tick);
  };
  state.frame = requestAnimationFrame(tick);
}

/** Reconstructions beside the originals and PCA's: pictures in three rows, else a plot for each. */
function drawExamples(state) {
  const { data } = state;
  const versions = [bytes(data.sample), bytes(data.x_hat), bytes(data.pca_sample)];
  if (data.kind === "image") drawImages(state, versions);
  else drawPlots(state, versions);
}

function drawImages(state, versions) {
  const { data, examples: canvas } = state;
  const [channels, h, w] = data.shape;
  const count = data.count || 10;
  canvas.width = count * (w + 2) - 2;
  canvas.height = 3 * (h + 2) - 2;
  canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
  const c = canvas.getContext("2d");
  versions.forEach((values, row) => {
    if (!values.length) return;
    for (let i = 0; i < count; i += 1) {
      const image = c.createImageData(w, h);
      const size = channels * h * w;
      for (let p = 0; p < h * w; p += 1) {
        for (let ch = 0; ch < 3; ch += 1) {
          const source = channels === 3 ? ch * h * w + p : p;
          image.data[4 * p + ch] = values[i * size + source];
        }
        image.data[4 * p + 3] = 255;
      }
      c.putImageData(image, i * (w + 2), row * (h + 2));
    }
  });
}

/** Each example in a plot of its own: three lines, or for a table three bars a column. */
function drawPlots(state, versions) {
  const { data, examples: canvas, colors } = state;
  const ink = getComputedStyle(state.root).color;
  const wide = (canvas.clientWidth || 300) > 500;
  const columns = Math.min(wide ? 5 : 2, data.count || 1);
  const rows = Math.ceil((data.count || 1) / columns);
  const cell = 110;
  const { context: c, width } = fit(canvas, rows * (cell + 12));
  const [low, high] = data.range || [0, 1];
  const across = (width - 14 * (columns - 1)) / columns;
  for (let i = 0; i < (data.count || 0); i += 1) {
    const left = (i % columns) * (across + 14);
    const top = Math.floor(i / columns) * (cell + 12) + 6;
    const y = (byte) => top + cell * (1 - byte / 255);
    // A table's bars stand on the mean of the training data, which is 0.
    const base = data.kind === "bars" ? y((255 * (0 - low)) / (high - low)) : top + cell;
    c.fillStyle = ink;
    c.globalAlpha = 0.3;
    c.fillRect(left, base, across, 1);
    versions.forEach((values, which) => {
      const size = values.length / data.count;
      c.globalAlpha = which ? 1 : 0.55;
      c.fillStyle = [ink, colors.model, colors.pca][which];
      c.strokeStyle = c.fillStyle;
      c.lineWidth = 1.5;
      c.beginPath();
      for (let j = 0; j < size; j += 1) {
        const value = y(values[i * size + j]);
        if (data.kind === "bars") {
          const step = across / size;
          c.fillRect(left + step * (j + 0.08 + 0.28 * which), base, step * 0.26, value - base);
        } else {
          c.lineTo(left + (across * j) / (size - 1), value);
        }
      }
      c.stroke();
    });
  }
  c.globalAlpha = 1;
}

function build(root, kind) {
  const image = kind === "image";
  const thing = image ? "image" : "example";
  const figure = (title, small, wide) => {
    const box = document.createElement("figure");
    if (wide) box.className = wide;
    const caption = document.createElement("figcaption");
    caption.innerHTML = `${title} <small>${small}</small>`;
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", title);
    box.append(caption, canvas);
    root.append(box);
    return canvas;
  };
  root.replaceChildren();
  const colors = { model: "#0b72c4", pca: "#d55e00", train: "#009e73", floor: "#8a9099" };
  const key = (color, text) => `<span style="color:${color}">&#9632;</span> ${text}`;
  const title = image ? "Error per pixel" : "Error per value";
  const chart = figure(
    title,
    `${key(colors.model, `held out (line: at most 1,000 ${thing}s, dots: all)`)} &nbsp; `
      + key(colors.train, `training ${thing}s`),
  );
  const map = figure("Latent map", `held-out ${thing}s, coloured by class`);
  const rows = "top: original; middle: this model; bottom: PCA with as many numbers";
  const marks = [key("currentColor", "original"), key(colors.model, "this model"),
    key(colors.pca, "PCA with as many numbers")].join(" &nbsp; ");
  const about = kind === "bars" ? `${marks} &nbsp; a group of bars for each column, from its mean` : marks;
  const examples = figure("Reconstructions", image ? rows : about, image ? "wide pixels" : "wide");
  return { root, kind, thing, title, chart, map, examples, colors, from: null, to: null, labels: [], frame: 0 };
}

export default function runView({ data, parentElement }) {
  const root = parentElement.querySelector(".rv");
  let state = states.get(root);
  if (state && state.kind !== data.kind) {
    state.observer.disconnect();
    cancelAnimationFrame(state.frame);
    state = null;
  }
  if (!state) {
    state = build(root, data.kind);
    states.set(root, state);
    state.observer = new ResizeObserver(() => {
      if (state.data) {
        drawChart(state);
        drawMap(state, 1);
        if (state.kind !== "image") drawExamples(state);
      }
    });
    state.observer.observe(root);
  }
  if (state.data && state.data.run !== data.run) state.to = null;
  const newMap = !state.data || state.data.map !== data.map;
  state.data = data;
  drawChart(state);
  drawExamples(state);
  if (newMap) moveMap(state);
  else drawMap(state, 1);
  const last = data.heldout.length ? data.heldout[data.heldout.length - 1][1] : null;
  state.chart.setAttribute(
    "aria-label",
    last === null
      ? `${state.title}: no point yet`
      : `Held-out ${state.title.toLowerCase()} ${last.toFixed(4)}, PCA ${Number(data.pca).toFixed(4)}`,
  );
  return () => {
    cancelAnimationFrame(state.frame);
    state.observer.disconnect();
    states.delete(root);
  };
}
